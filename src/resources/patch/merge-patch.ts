/**
 * JSON Merge Patch (RFC 7386). Neither argument is mutated; the result shares unchanged parts with
 * the target.
 */
import { isRecord, ownMember, setMember } from '../../base/json.ts';

export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setMember(result, key, applyMergePatch(ownMember(result, key), value));
  }
  return result;
}

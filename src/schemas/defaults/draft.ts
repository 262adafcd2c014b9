/**
 * A draft is a private deep copy that defaulting may write to. These functions write only where the
 * shape allows it, so that defaulting is total. The structure check refuses everything else.
 */
import { isRecord } from '../../base/json.ts';

export type Draft = Record<string, unknown>;

/** The member as a draft, or undefined when it is missing or of another type. */
export function part(draft: Draft | undefined, name: string): Draft | undefined {
  const value = draft?.[name];
  return isRecord(value) ? value : undefined;
}

/** The member as a draft, made where it is missing; undefined when it is of another type. */
export function ensurePart(draft: Draft | undefined, name: string): Draft | undefined {
  if (!draft) return undefined;
  draft[name] ??= {};
  return part(draft, name);
}

/** The elements of a list member that are records. */
export function parts(draft: Draft | undefined, name: string): Draft[] {
  const value = draft?.[name];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Sets what is missing. */
export function fill(draft: Draft | undefined, defaults: Readonly<Record<string, unknown>>): void {
  if (!draft) return;
  for (const [name, value] of Object.entries(defaults)) draft[name] ??= value;
}

/** Sets what is missing or the zero value of a field that Kubernetes keeps by value (`''`, 0). */
export function fillZero(draft: Draft | undefined, defaults: Readonly<Record<string, unknown>>): void {
  if (!draft) return;
  for (const [name, value] of Object.entries(defaults)) {
    const current = draft[name];
    if (current === undefined || current === '' || current === 0) draft[name] = value;
  }
}

/** Removes zero values of fields that Go keeps by value and omits when they are empty. */
export function dropZero(draft: Draft | undefined, names: readonly string[]): void {
  if (!draft) return;
  for (const name of names) {
    const value = draft[name];
    if (value === '' || value === 0 || value === false) delete draft[name];
  }
}

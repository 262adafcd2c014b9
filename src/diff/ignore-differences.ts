/** Argo CD's `ignoreDifferences`: the live object wins at these places. */
import { isRecord, ownMember } from '../base/json.ts';
import { omit } from '../schemas/json-access.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceKind } from '../schemas/resource-kind.ts';

export interface IgnoreRule {
  readonly group?: string;
  readonly kind: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly jsonPointers?: readonly string[];
}

export function withIgnoredFields(
  desired: KubeObject,
  live: KubeObject,
  rules: readonly IgnoreRule[],
  kind: ResourceKind,
): KubeObject {
  let result: unknown = desired;
  for (const rule of rules) {
    if (!applies(rule, desired, kind)) continue;
    for (const pointer of rule.jsonPointers ?? []) {
      const path = pointer
        .split('/')
        .slice(1)
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
      if (path.length > 0) result = takeLive(result, live, path);
    }
  }
  return result as KubeObject;
}

function applies(rule: IgnoreRule, object: KubeObject, kind: ResourceKind): boolean {
  return (
    (rule.kind === '*' || rule.kind === kind.kind) &&
    // Without a group only the core group is meant, as in Argo CD.
    (rule.group === '*' || (rule.group ?? '') === kind.group) &&
    (!rule.name || rule.name === object.metadata.name) &&
    (!rule.namespace || rule.namespace === object.metadata.namespace)
  );
}

/** `desired` with the member at `path` as `live` has it: also when live has none. */
function takeLive(desired: unknown, live: unknown, path: readonly string[]): unknown {
  const [head = '', ...rest] = path;
  if (Array.isArray(desired)) {
    const index = Number(head);
    const liveItem: unknown = Array.isArray(live) ? live[index] : undefined;
    if (!(index in desired)) return desired;
    return desired.flatMap((item: unknown, at) => {
      if (at !== index) return [item];
      if (rest.length > 0) return [takeLive(item, liveItem, rest)];
      return liveItem === undefined ? [] : [liveItem];
    });
  }
  if (!isRecord(desired) || !Object.hasOwn(desired, head)) return desired;
  const liveMember = isRecord(live) ? ownMember(live, head) : undefined;
  if (rest.length > 0) return { ...desired, [head]: takeLive(desired[head], liveMember, rest) };
  const others = omit(desired, head);
  return liveMember === undefined ? others : { ...others, [head]: liveMember };
}

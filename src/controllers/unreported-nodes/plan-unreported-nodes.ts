/**
 * Shortens the list of nodes that have not reported since the store was rebuilt: a node registers
 * after its report. Pure.
 */
import type { ConfigMap } from '../../schemas/types.ts';
import { namesIn } from '../../schemas/unreported-nodes.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { deletionOf } from '../ownership.ts';

export interface UnreportedNodesView {
  readonly list: ConfigMap;
  readonly registered: ReadonlySet<string>;
}

export function planUnreportedNodes({ list, registered }: UnreportedNodesView): Plan | undefined {
  const names = namesIn(list);
  const left = names.filter((name) => !registered.has(name));
  if (left.length === names.length && left.length > 0) return undefined;
  const data = Object.fromEntries(left.map((name) => [name, list.data?.[name] ?? '']));
  const write = left.length === 0 ? deletionOf(list) : { verb: 'update' as const, object: { ...list, data } };
  return { writes: [write], checks: [unchanged(list)] };
}

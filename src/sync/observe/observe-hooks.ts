/** The hooks of the operation that is under way, with the state of their objects. */
import type { DesiredObject } from '../../diff/desired-set.ts';
import { assess, explain } from '../../health/index.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import { type OperationState, isRunning, namePartsOf, runOf } from '../plan/operation.ts';
import { type Hook, observeHooks } from '../plan/plan-hooks.ts';
import type { Subject } from '../types.ts';

/** Undefined when no operation with hooks is under way. */
export function currentHooks(
  { key, cache, managed }: Subject,
  operation: OperationState | undefined,
): readonly Hook[] | undefined {
  if (!operation || !isRunning(operation, cache.revision)) return undefined;
  return observeHooks(hooksOf(cache), {
    application: key,
    run: runOf(operation),
    nameParts: namePartsOf(operation),
    results: operation.syncResult?.resources ?? [],
    live: managed.live,
    healthOf: assess,
    causeOf: (object, health) => explain(object, health, managed).text,
  });
}

/** Two manifests for one hook both count, in a fixed order. */
export function hooksOf({ hooks }: Pick<ApplicationCache, 'hooks'>): readonly DesiredObject[] {
  return [...hooks.byId].flatMap(([id, first]) => [first, ...(hooks.repeated.get(id) ?? [])]);
}

/** The refresh annotation and the operation field are taken off once noted, as in Argo CD. */
import type { Application } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import { wantFetch } from '../cache/application-caches.ts';
import { type OperationRequest, operationStateOf, requestedOperation } from '../plan/operation.ts';
import { NOTHING_WRITTEN, endedEvent } from '../plan/plan-application-events.ts';
import { REFRESH_ANNOTATION } from './application-writer.ts';
import type { Executor } from './executor.ts';

/**
 * A requested operation is in the status before it leaves the spec, so that it cannot be lost in
 * between. True when something was written: the change causes the next reconcile.
 */
export async function takeRequests(
  { writer, clock, tell }: Pick<Executor, 'writer' | 'clock' | 'tell'>,
  application: Application,
  cache: ApplicationCache,
  signal: AbortSignal,
): Promise<boolean> {
  const refresh = application.metadata.annotations?.[REFRESH_ANNOTATION];
  const { operation } = application;
  if (refresh === undefined && operation === undefined) return false;
  wantFetch(cache, 'refresh');
  if (refresh === 'hard') cache.allDirty = true;
  if (operation !== undefined) {
    cache.allDirty = true;
    cache.refused = undefined;
    const before = operationStateOf(application);
    const value = requestedOperation(before, operation as OperationRequest, clock.now());
    await writer.record(application, { do: 'record', field: 'operationState', value }, signal);
    const refusal = endedEvent(before, value, true, NOTHING_WRITTEN);
    if (refusal) tell(application, refusal);
  }
  await writer.takeOff(application);
  return true;
}

/** Tells of a sync while it goes on, as events of the Application. */
import type { Change } from '../../diff/change-set.ts';
import type { ApplicationSource } from '../../schemas/types.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { OperationRequest } from '../plan/operation.ts';
import { NOTHING_WRITTEN, listed, nameOf, startedEvent, writtenEvents } from '../plan/plan-application-events.ts';
import type { SyncContext } from '../sync-context.ts';

/** Before each write of an operation; said once. */
export async function tellStart(
  request: OperationRequest | undefined,
  source: ApplicationSource,
  state: ApplicationCache,
  context: Pick<SyncContext, 'repository' | 'tell'>,
): Promise<void> {
  const { revision } = state;
  if (state.isStartTold) return;
  state.isStartTold = true;
  state.tally = NOTHING_WRITTEN;
  // The text of the commit is good to have, and no reason to fail.
  const commit =
    revision === undefined
      ? undefined
      : await context
          .repository(source)
          .mirror.describe(revision)
          .catch(() => undefined);
  context.tell(startedEvent(request, revision, state.foundBy, commit));
}

/** After each step, in the log as well. */
export function tellWritten(
  application: string,
  written: readonly Change[],
  { healing, refused }: { readonly healing: boolean; readonly refused: number },
  state: ApplicationCache,
  { tell, logger }: Pick<SyncContext, 'tell' | 'logger'>,
): void {
  // A refusal is a condition, and logged as such.
  logger[written.length > 0 ? 'info' : 'debug'](
    {
      application,
      commit: state.revision,
      written: written.length,
      refused,
      objects: listed(written.map(nameOf)),
    },
    healing ? 'Undid drift' : 'Applied a step of a sync',
  );
  state.attempted = true;
  const tally = { ...state.tally };
  for (const { action } of written) if (action !== 'noop') tally[action] += 1;
  state.tally = tally;
  for (const event of writtenEvents(written, healing, state.revision)) tell(event);
}

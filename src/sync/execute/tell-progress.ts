/** Tells of a step that was written: in the log, as events, and for the count of the operation. */
import type { Change } from '../../diff/change-set.ts';
import { listed, nameOf, writtenEvents } from '../plan/plan-application-events.ts';
import type { Subject } from '../types.ts';
import type { Executor } from './executor.ts';

export function tellWritten(
  { tell, logger }: Pick<Executor, 'tell' | 'logger'>,
  { application, key, cache }: Subject,
  written: readonly Change[],
  { healing, refused }: { readonly healing: boolean; readonly refused: number },
): void {
  const objects = listed(written.map(nameOf));
  const fields = { application: key, commit: cache.revision, written: written.length, refused, objects };
  // A refusal is a condition, and logged as such.
  logger[written.length > 0 ? 'info' : 'debug'](fields, healing ? 'Undid drift' : 'Applied a step of a sync');
  cache.attempted = true;
  const tally = { ...cache.tally };
  for (const { action } of written) if (action !== 'noop') tally[action] += 1;
  cache.tally = tally;
  for (const event of writtenEvents(written, healing, cache.revision)) tell(application, event);
}

/** The changes of one resource: from the log, then from the change reader. */
import { anySignal } from '../../base/abort.ts';
import { createAsyncQueue } from '../../base/async-queue.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { Gone, type StoreChange } from '../types.ts';
import { parseVersion } from '../version.ts';
import type { ChangeReader } from './change-reader.ts';
import type { RedisData } from './redis-data.ts';
import { changeOf, readPage, versionOfEntry } from './redis-log.ts';

/** At most this many changes are read at once while a watch catches up. */
const PAGE = 500;

export interface WatchInput {
  readonly resource: ResourceId;
  readonly fromVersion: string;
  readonly queueLimit: number;
  readonly signal: AbortSignal;
  /** Aborts when the store is closed. */
  readonly closed: AbortSignal;
}

export async function* watchLog(
  data: RedisData,
  reader: ChangeReader,
  { resource, fromVersion, queueLimit, signal, closed }: WatchInput,
): AsyncGenerator<StoreChange> {
  const from = parseVersion(fromVersion);
  const gone = (): Gone =>
    new Gone(`Cannot watch ${resource} from version "${fromVersion}": it is not in the change log`);
  if (from === undefined) throw gone();
  const queue = createAsyncQueue<StoreChange>(queueLimit);
  const stop = (): void => queue.close();
  const ended = anySignal(signal, closed);
  ended.addEventListener('abort', stop, { once: true });
  let subscription: Disposable | undefined;
  let position = from;
  try {
    // Catch up with the log, then subscribe, and read once more what came in between.
    for (let caughtUp = false; !caughtUp; ) {
      if (ended.aborted) return;
      const check = data.history.expect();
      const { entries, state } = await readPage(data, resource, position, PAGE);
      check(state.epoch, state.last);
      const oldest = Math.max(state.epochFloor, state.floors[0] ?? 0);
      if (from > state.last || position < oldest) throw gone();
      for (const entry of entries) {
        position = Number(versionOfEntry(entry[0]));
        yield changeOf(data, resource, entry);
        if (ended.aborted) return;
      }
      caughtUp = entries.length < PAGE && subscription !== undefined;
      subscription ??= reader.subscribe(resource, position, {
        push: (event) => queue.push(event),
        fail: (error) => queue.close(error),
      });
    }
    for await (const event of queue) {
      if (ended.aborted) return;
      if (Number(event.version) > position) yield event;
    }
  } catch (error) {
    if (!ended.aborted) throw error;
  } finally {
    subscription?.[Symbol.dispose]();
    ended.removeEventListener('abort', stop);
    ended[Symbol.dispose]();
  }
}

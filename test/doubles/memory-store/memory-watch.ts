/** A watch of the memory store: what its log holds after a version, then what happens. */
import { createAsyncQueue } from '../../../src/base/async-queue.ts';
import { EpochChanged, Gone, type StoreChange, type StoreEvent } from '../../../src/store/types.ts';
import { parseVersion } from '../../../src/store/version.ts';
import type { MemoryData } from './memory-data.ts';
import type { ReadObject } from './memory-store.ts';

export interface MemoryWatchInput {
  readonly data: MemoryData;
  /** The epoch that the adapter works under now. */
  readonly epoch: () => string | undefined;
  /** Throws where the data is not what was opened. */
  readonly checked: () => MemoryData['resources'];
  readonly read: ReadObject;
  readonly resource: string;
  readonly fromVersion: string;
  readonly signal: AbortSignal;
  readonly closed: AbortSignal;
  readonly queueLimit: number;
}

export async function* watchMemory(input: MemoryWatchInput): AsyncGenerator<StoreChange> {
  const { data, resource, signal, closed } = input;
  const from = parseVersion(input.fromVersion);
  const log = input.checked().get(resource);
  if (from === undefined || from > data.last || from < Math.max(data.epochFloor, log?.floor ?? 0))
    throw new Gone(
      `Cannot watch ${resource} from version "${input.fromVersion}": it is not in the change log`,
    );
  if (signal.aborted || closed.aborted) return;
  const queue = createAsyncQueue<StoreEvent>(input.queueLimit);
  const backlog = log?.log.filter((event) => Number(event.version) > from) ?? [];
  const listener = (event: StoreEvent | undefined): void => {
    if (data.state?.epoch !== input.epoch()) {
      queue.close(new EpochChanged('Cannot watch: the data is not the data that was opened'));
    } else if (event?.resource === resource && !queue.push(event)) {
      queue.close(new Gone(`Cannot watch ${resource}: the consumer is too slow`));
    }
  };
  const stop = (): void => queue.close();
  data.listeners.add(listener);
  signal.addEventListener('abort', stop, { once: true });
  closed.addEventListener('abort', stop, { once: true });
  const shown = (event: StoreEvent): StoreEvent => ({ ...event, object: input.read(resource, event.object) });
  try {
    for (const event of backlog) {
      if (signal.aborted) return;
      yield shown(event);
    }
    for await (const event of queue) {
      if (signal.aborted) return;
      yield shown(event);
    }
  } finally {
    data.listeners.delete(listener);
    signal.removeEventListener('abort', stop);
    closed.removeEventListener('abort', stop);
  }
}

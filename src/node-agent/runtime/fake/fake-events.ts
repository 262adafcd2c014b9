/** The event streams of the fake engine, which a test may break. */
import { type AsyncQueue, createAsyncQueue } from '../../../base/async-queue.ts';
import type { RuntimeEvent } from '../types.ts';
import type { FakeContainer } from './fake-container.ts';

export interface FakeEvents extends Disposable {
  emit(container: FakeContainer, action: 'start' | 'die' | 'oom' | 'destroy'): void;
  stream(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
  /** Nothing is reported until the streams are whole again, which `resync` announces. */
  interrupt(): void;
  resume(): void;
  resync(): void;
}

export function createFakeEvents(): FakeEvents {
  const subscribers = new Set<AsyncQueue<RuntimeEvent>>();
  let interrupted = false;
  const tell = (event: RuntimeEvent): void => {
    for (const subscriber of subscribers) subscriber.push(event);
  };
  return {
    emit({ id, spec: { labels } }, action) {
      if (!interrupted) tell({ type: 'container', id, labels, action });
    },
    async *stream(signal) {
      const queue = createAsyncQueue<RuntimeEvent>();
      const close = (): void => queue.close();
      subscribers.add(queue);
      signal.addEventListener('abort', close, { once: true });
      if (signal.aborted) close();
      try {
        queue.push({ type: 'resync' });
        yield* queue;
      } finally {
        subscribers.delete(queue);
        signal.removeEventListener('abort', close);
      }
    },
    interrupt() {
      interrupted = true;
    },
    resume() {
      interrupted = false;
      tell({ type: 'resync' });
    },
    resync: () => tell({ type: 'resync' }),
    [Symbol.dispose]() {
      for (const subscriber of subscribers) subscriber.close();
    },
  };
}

/**
 * The recorder of Events. It never fails its caller. Events are written in the background, in
 * order. If the sink is too slow or refuses, Events are dropped; work is not held up.
 */
import { type AsyncQueue, createAsyncQueue } from '../base/async-queue.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { type KubeObject, keyOf, objectKey } from '../schemas/object.ts';
import type { Registry, ResourceKind } from '../schemas/resource-kind.ts';
import type { Event } from '../schemas/types.ts';
import { type EventInput, type EventSource, referenceTo } from './plan-event.ts';
import { type ApiClient, resources } from './types.ts';
import { createEventWriter, type EventSink, type Said } from './write-event.ts';

export type { EventInput, EventSource } from './plan-event.ts';
export type { EventSink } from './write-event.ts';

export interface EventRecorder extends AsyncDisposable {
  record(input: EventInput): void;
  /** Resolves when everything recorded so far was written or dropped. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly sink: EventSink;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly source: EventSource;
}

/** Said and not written yet. Repetitions are counted, so that a slow sink gets all problems. */
type Waiting = { -readonly [Name in keyof Said]: Said[Name] } & { readonly key: string };

/** Different events, as in client-go's broadcaster; beyond it, the newest are dropped. */
const QUEUE_LIMIT = 1000;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { sink, clock, source } = options;
  const logger = options.logger.child({ component: 'events' });
  const write = createEventWriter({ sink, source, logger });
  const queue: AsyncQueue<Waiting> = createAsyncQueue(QUEUE_LIMIT);
  const waiting = new Map<string, Waiting>();
  let dropped = 0;
  let pending = 0;
  let closed = false;
  let idle: (() => void)[] = [];

  async function run(): Promise<void> {
    for await (const said of queue) {
      waiting.delete(said.key);
      await write(said);
      pending -= 1;
      if (pending > 0) continue;
      if (dropped > 0) logger.warn({ dropped }, 'Too many events came at once; dropped some');
      dropped = 0;
      for (const wake of idle) wake();
      idle = [];
    }
  }
  const running = run();

  return {
    record(input) {
      if (closed) return;
      const nowMs = clock.now();
      const { kind, namespace, name, uid, fieldPath } = referenceTo(input);
      const { type, reason, message, component } = input;
      const key = JSON.stringify([kind, namespace, name, uid, fieldPath, type, reason, message, component]);
      const before = waiting.get(key);
      if (before) {
        before.times += 1;
        before.lastMs = nowMs;
        return;
      }
      const said = { key, input, firstMs: nowMs, lastMs: nowMs, times: 1 };
      if (!queue.push(said)) {
        dropped += 1;
        return;
      }
      waiting.set(key, said);
      pending += 1;
    },
    flush: () => (pending === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
    async [Symbol.asyncDispose]() {
      closed = true;
      queue.close();
      await running;
    },
  };
}

/** The part of a writer that a sink needs; client does not import the resource core. */
export interface EventWriter {
  write(plan: {
    readonly writes: readonly { readonly verb: 'create' | 'update'; readonly object: Event }[];
  }): Promise<readonly (KubeObject | undefined)[]>;
  get(kind: ResourceKind, key: string): Promise<KubeObject>;
}

export function writerEventSink(writer: EventWriter, registry: Pick<Registry, 'byKind'>): EventSink {
  const write = async (verb: 'create' | 'update', object: Event): Promise<Event> =>
    (await writer.write({ writes: [{ verb, object }] }))[0] as Event;
  const read = (apiVersion = '', kind = '', key: string): Promise<KubeObject> => {
    const found = registry.byKind(apiVersion, kind);
    if (!found) throw new Error(`The kind ${kind} is not served`);
    return writer.get(found, key);
  };
  return {
    create: (event) => write('create', event),
    update: (event) => write('update', event),
    reads: {
      event: async (event) => (await read(event.apiVersion, event.kind, keyOf(event))) as Event,
      object: async ({ apiVersion, kind, namespace, name = '' }) =>
        read(apiVersion, kind, objectKey(namespace, name)),
    },
  };
}

export function apiEventSink(client: ApiClient): EventSink {
  return {
    create: (event) => client.create(resources.events, event),
    update: (event) =>
      client.patch(resources.events, event.metadata.namespace, event.metadata.name, {
        count: event.count,
        message: event.message,
        lastTimestamp: event.lastTimestamp,
      }),
  };
}

/**
 * The recorder of Events. It never fails its caller. Events are written in the background, in
 * order. If the sink is too slow or refuses, Events are dropped; work is not held up. Occurrences
 * beyond the rate of their object take no room in the queue.
 */
import { createAbort } from '../base/abort.ts';
import { createBoundedMap } from '../base/bounded-map.ts';
import { type Clock, sleep } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { type KubeObject, keyOf, objectKey } from '../schemas/object.ts';
import type { Registry, ResourceKind } from '../schemas/resource-kind.ts';
import type { Event } from '../schemas/types.ts';
import { type EventInput, type EventSource, referenceTo } from './plan-event.ts';
import { type Bucket, planEventRate } from './plan-event-rate.ts';
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
  /**
   * Writing takes time from the very work that is told of. It begins when the work pauses, after a
   * second at the latest, and takes a fifth of the time at most.
   */
  readonly givesWay?: boolean;
}

/** Said and not written yet. Repetitions are counted, so that a slow sink gets all problems. */
type Waiting = { -readonly [Name in keyof Said]: Said[Name] };

/** Different events; beyond it, the newest are dropped. client-go's broadcaster keeps 1,000. */
const QUEUE_LIMIT = 10_000;
/** Events of one commit: some milliseconds of the event loop, so that other work goes on. */
const BATCH = 50;
/** See `givesWay`. */
const PAUSE_FACTOR = 4;
const MAX_PAUSE_MS = 200;
/** The work that is told of pauses when nothing was said for this long. */
const QUIET_MS = 50;
const MAX_WAIT_MS = 1_000;
/** Objects and reasons whose rate is known; beyond it, the longest unused are forgotten. */
const MAX_RATES = 4096;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { sink, clock, source, givesWay = false } = options;
  const logger = options.logger.child({ component: 'events' });
  const write = createEventWriter({ sink, source, logger });
  const batchSize = sink.createAll ? BATCH : 1;
  const rates = createBoundedMap<string, Bucket>(MAX_RATES);
  const waiting = new Map<string, Waiting>();
  let dropped = 0;
  let saidAtMs = 0;
  const stop = createAbort();
  let closed = false;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // All that is said in one go is written together.
    if (givesWay) await quiet();
    else await Promise.resolve();
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, batchSize);
      for (const [key] of batch) waiting.delete(key);
      const beganMs = clock.now();
      await write(batch.map(([, said]) => said));
      const pauseMs = Math.min(MAX_PAUSE_MS, (clock.now() - beganMs) * PAUSE_FACTOR);
      if (givesWay && pauseMs > 0 && waiting.size > 0) await sleep(clock, pauseMs, stop.signal);
    }
    if (dropped > 0) logger.warn({ dropped }, 'Too many events came at once; dropped some');
    dropped = 0;
    running = undefined;
  }

  async function quiet(): Promise<void> {
    const latestMs = clock.now() + MAX_WAIT_MS;
    for (let left = QUIET_MS; left > 0 && !closed; ) {
      await sleep(clock, left, stop.signal);
      const nowMs = clock.now();
      left = Math.min(saidAtMs + QUIET_MS, latestMs) - nowMs;
    }
  }

  function mayBeSaid(rated: string, nowMs: number): boolean {
    const { allowed, bucket } = planEventRate(rates.get(rated), nowMs);
    rates.set(rated, bucket);
    return allowed > 0;
  }

  return {
    record(input) {
      if (closed) return;
      const nowMs = clock.now();
      const { kind, namespace, name, uid, fieldPath } = referenceTo(input);
      const { type, reason, message, component } = input;
      if (!mayBeSaid(JSON.stringify([kind, namespace, name, reason]), nowMs)) return;
      saidAtMs = nowMs;
      const key = JSON.stringify([kind, namespace, name, uid, fieldPath, type, reason, message, component]);
      const before = waiting.get(key);
      if (before) {
        before.times += 1;
        before.lastMs = nowMs;
        return;
      }
      if (waiting.size >= QUEUE_LIMIT) {
        dropped += 1;
        return;
      }
      waiting.set(key, { input, firstMs: nowMs, lastMs: nowMs, times: 1 });
      running ??= run();
    },
    flush: () => running ?? Promise.resolve(),
    async [Symbol.asyncDispose]() {
      closed = true;
      stop.abort();
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
  const write = async (verb: 'create' | 'update', ...events: readonly Event[]): Promise<readonly Event[]> =>
    (await writer.write({ writes: events.map((object) => ({ verb, object })) })) as readonly Event[];
  const read = (apiVersion = '', kind = '', key: string): Promise<KubeObject> => {
    const found = registry.byKind(apiVersion, kind);
    if (!found) throw new Error(`The kind ${kind} is not served`);
    return writer.get(found, key);
  };
  return {
    create: async (event) => (await write('create', event))[0] as Event,
    createAll: (events) => write('create', ...events),
    update: async (event) => (await write('update', event))[0] as Event,
    reads: {
      event: async (event) => (await read(event.apiVersion, event.kind, keyOf(event))) as Event,
      object: async ({ apiVersion, kind, namespace, name = '' }) =>
        read(apiVersion, kind, objectKey(namespace, name)),
    },
  };
}

/** New Events go with `send`, which resolves when the API has taken one. */
export function apiEventSink(
  client: Pick<ApiClient, 'patch'>,
  send: (event: Event) => Promise<void>,
): EventSink {
  const create = async (event: Event): Promise<Event> => {
    await send(event);
    return event;
  };
  return {
    create,
    createAll: (events) => Promise.all(events.map((event) => create(event).catch(() => undefined))),
    update: (event) =>
      client.patch(resources.events, event.metadata.namespace, event.metadata.name, {
        count: event.count,
        message: event.message,
        lastTimestamp: event.lastTimestamp,
      }),
  };
}

/**
 * The recorder of Events: says things about objects, never fails its caller. Writing happens behind the caller's back, one
 * Event at a time and in order; when the sink is too slow or refuses, Events are dropped, work is not held up.
 */
import { type AsyncQueue, createAsyncQueue } from '../base/async-queue.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createBoundedMap } from '../base/bounded-map.ts';
import { type KubeObject, keyOf, objectKey } from '../schemas/object.ts';
import type { Registry, ResourceKind } from '../schemas/resource-kind.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { Event, ObjectReference } from '../schemas/types.ts';
import { createEventMemory } from './event-memory.ts';
import { type EventInput, type EventSource, planEvent, referenceTo } from './plan-event.ts';
import { type Bucket, planEventRate } from './plan-event-rate.ts';
import { type ApiClient, resources } from './types.ts';

export type { EventInput, EventSource } from './plan-event.ts';

/** Where Events go: the store in the control plane, the API in an agent. Throws StatusError. */
export interface EventSink {
  create(event: Event): Promise<Event>;
  update(event: Event): Promise<Event>;
  /** A sink that can read: counts outlive the process, and references without a uid are completed. */
  readonly reads?: {
    event(event: Event): Promise<Event>;
    /** The object that a reference names. */
    object(reference: ObjectReference): Promise<KubeObject>;
  };
}

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

/** Something that was said, and has not been written. */
interface Waiting {
  readonly key: string;
  readonly input: EventInput;
  readonly firstMs: number;
  lastMs: number;
  times: number;
}

/** Different ones, as client-go's broadcaster; beyond it, the newest are dropped. */
const QUEUE_LIMIT = 1000;
/** Objects and reasons whose rate is known; beyond it, the longest unused are forgotten. */
const MAX_RATES = 4096;
/** Another process may write the same Event at the same time, again and again; then one occurrence is not counted. */
const MAX_ATTEMPTS = 5;
const DROPPED = 'Cannot write an event; dropped';

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { sink, clock, source } = options;
  const logger = options.logger.child({ component: 'events' });
  const queue: AsyncQueue<Waiting> = createAsyncQueue(QUEUE_LIMIT);
  /** Counts what is said again before it is written, so that a slow sink hears of all troubles soon. */
  const waiting = new Map<string, Waiting>();
  const memory = createEventMemory();
  const rates = createBoundedMap<string, Bucket>(MAX_RATES);
  let dropped = 0;
  let pending = 0;
  let closed = false;
  let idle: (() => void)[] = [];

  async function write(said: Waiting): Promise<void> {
    const { lastMs: nowMs, firstMs } = said;
    const input = await withUid(said.input);
    const { kind, namespace, name } = referenceTo(input);
    const rated = JSON.stringify([kind, namespace, name, input.reason]);
    const { allowed, bucket } = planEventRate(rates.get(rated), nowMs, said.times);
    rates.set(rated, bucket);
    if (allowed === 0) return;
    const seen = { times: allowed, firstMs };
    const naming = sink.reads ? 'stable' : 'unique';
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const plan = planEvent(input, source, memory, nowMs, naming, seen);
      memory.noteSaid(plan, nowMs);
      try {
        const written = await (plan.verb === 'create' ? sink.create(plan.event) : sink.update(plan.event));
        memory.adopt(plan.key, written);
        return;
      } catch (error) {
        memory.forget(plan.key);
        if (plan.verb === 'update' && isStatusError(error, 'NotFound')) continue;
        const others = await othersEvent(plan.event, error);
        if (others) memory.adopt(plan.key, others);
        else return logger.debug({ reason: input.reason, error: errorMessage(error) }, DROPPED);
      }
    }
  }

  /**
   * Another process (the leader before this one, another API server) says the same: its Event is counted on. Nothing else of
   * it is taken over, since names can be foreseen.
   */
  async function othersEvent(event: Event, error: unknown): Promise<Event | undefined> {
    if (!isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'Conflict')) return undefined;
    const stored = await sink.reads?.event(event).catch(() => undefined);
    if (!stored) return undefined;
    const { metadata, count = 1, firstTimestamp = null } = stored;
    return { ...event, metadata, count, firstTimestamp };
  }

  /** `kubectl describe` finds Events by the uid of their object. */
  async function withUid(input: EventInput): Promise<EventInput> {
    const reference = referenceTo(input);
    if (reference.uid !== undefined || !sink.reads) return input;
    const object = await sink.reads.object(reference).catch(() => undefined);
    return object ? { ...input, about: object } : input;
  }

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

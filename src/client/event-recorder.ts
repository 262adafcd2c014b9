/**
 * The recorder of Events: says things about objects, never fails its caller. Writing happens behind the caller's back, one
 * Event at a time and in order; when the sink is too slow or refuses, Events are dropped and counted, work is not held up.
 */
import { type AsyncQueue, createAsyncQueue } from '../base/async-queue.ts';
import type { Clock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { isStatusError } from '../schemas/status.ts';
import type { Event } from '../schemas/types.ts';
import {
  EMPTY_EVENT_MEMORY,
  type EventInput,
  type EventSource,
  forgetEvent,
  planEvent,
} from './plan-event.ts';
import { type ApiClient, resources } from './types.ts';

export type { EventInput, EventSource } from './plan-event.ts';

/** Where Events go: the store in the control plane, the API in an agent. Throws StatusError. */
export interface EventSink {
  create(event: Event): Promise<unknown>;
  update(event: Event): Promise<unknown>;
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

/** As client-go's broadcaster; beyond it, the newest are dropped. */
const QUEUE_LIMIT = 1000;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { sink, clock, source } = options;
  const logger = options.logger.child({ component: 'events' });
  const queue: AsyncQueue<{ input: EventInput; nowMs: number }> = createAsyncQueue(QUEUE_LIMIT);
  let memory = EMPTY_EVENT_MEMORY;
  let pending = 0;
  let closed = false;
  let idle: (() => void)[] = [];

  async function write(input: EventInput, nowMs: number): Promise<void> {
    const plan = planEvent(input, source, memory, nowMs);
    memory = plan.memory;
    try {
      await (plan.verb === 'create' ? sink.create(plan.event) : sink.update(plan.event));
    } catch (error) {
      memory = forgetEvent(memory, plan.event.metadata.name);
      if (plan.verb === 'update' && isStatusError(error, 'NotFound')) return write(input, nowMs);
      logger.debug({ reason: input.reason, cause: errorMessage(error) }, 'Cannot write an event; dropped');
    }
  }

  async function run(): Promise<void> {
    for await (const { input, nowMs } of queue) {
      await write(input, nowMs);
      pending -= 1;
      if (pending > 0) continue;
      for (const wake of idle) wake();
      idle = [];
    }
  }
  const running = run();

  return {
    record(input) {
      if (closed) return;
      if (queue.push({ input, nowMs: clock.now() })) pending += 1;
      else logger.warn({ reason: input.reason }, 'Too many events are waiting; dropped one');
    },
    flush: () => (pending === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
    async [Symbol.asyncDispose]() {
      closed = true;
      queue.close();
      await running;
    },
  };
}

/** The part of `Objects` (store/objects.ts) that a sink needs; client does not import the store. */
export interface EventWriter {
  create(object: Event): Promise<unknown>;
  update(object: Event): Promise<unknown>;
}

export function objectsEventSink(objects: EventWriter): EventSink {
  return {
    create: (event) => objects.create(event),
    // Without a version: the recorder is the only writer of its Events.
    update: (event) => objects.update(event),
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

/** Writes recorded occurrences: as a new Event, or as a higher count of a known one. */
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createBoundedMap } from '../base/bounded-map.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { Event, ObjectReference } from '../schemas/types.ts';
import {
  createEventMemory,
  type EventInput,
  type EventSource,
  MAX_TURNS,
  planEvent,
  referenceTo,
} from './plan-event.ts';
import { type Bucket, planEventRate } from './plan-event-rate.ts';

/** Where Events go: the store in the control plane, the API in an agent. Throws StatusError. */
export interface EventSink {
  create(event: Event): Promise<Event>;
  update(event: Event): Promise<Event>;
  /** With these, counts outlive the process, and references without a uid are completed. */
  readonly reads?: {
    event(event: Event): Promise<Event>;
    /** The object that a reference names. */
    object(reference: ObjectReference): Promise<KubeObject>;
  };
}

/** One or several occurrences of the same statement. */
export interface Said {
  readonly input: EventInput;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly times: number;
}

export interface EventWriterOptions {
  readonly sink: EventSink;
  readonly source: EventSource;
  readonly logger: Logger;
}

/** Objects and reasons whose rate is known; beyond it, the longest unused are forgotten. */
const MAX_RATES = 4096;
/** If another process writes the same Event this often meanwhile, one occurrence is not counted. */
const MAX_ATTEMPTS = 5;
const DROPPED = 'Cannot write an event; dropped';

/** The writer never rejects: an Event that cannot be written is dropped. */
export function createEventWriter(options: EventWriterOptions): (said: Said) => Promise<void> {
  const { sink, source, logger } = options;
  const memory = createEventMemory();
  const rates = createBoundedMap<string, Bucket>(MAX_RATES);

  let turn = 0;

  async function write(said: Said): Promise<void> {
    const { lastMs: nowMs, firstMs } = said;
    const input = await withUid(said.input);
    const { kind, namespace, name } = referenceTo(input);
    const rated = JSON.stringify([kind, namespace, name, input.reason]);
    const { allowed, bucket } = planEventRate(rates.get(rated), nowMs, said.times);
    rates.set(rated, bucket);
    if (allowed === 0) return;
    turn = (turn + 1) % MAX_TURNS;
    const seen = { times: allowed, firstMs, turn };
    const naming = sink.reads ? 'stable' : 'unique';
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const plan = planEvent(input, source, memory, nowMs, naming, seen);
      const { group, messages } = plan.similar;
      memory.similar.set(group, { messages, lastMs: nowMs });
      try {
        const written = await (plan.verb === 'create' ? sink.create(plan.event) : sink.update(plan.event));
        memory.written.set(plan.key, written);
        return;
      } catch (error) {
        memory.written.delete(plan.key);
        if (plan.verb === 'update' && isStatusError(error, 'NotFound')) continue;
        const others = await othersEvent(plan.event, error);
        if (others) memory.written.set(plan.key, others);
        else return logger.debug({ reason: input.reason, error: errorMessage(error) }, DROPPED);
      }
    }
  }

  /**
   * Another process (the previous leader, another API server) says the same: counting goes on from
   * its Event. Nothing else is taken from it, since names can be foreseen.
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

  return write;
}

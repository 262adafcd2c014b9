/** Writes recorded occurrences: as a new Event, or as a higher count of a known one. */
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { Event, ObjectReference } from '../schemas/types.ts';
import {
  createEventMemory,
  type EventInput,
  type EventSource,
  type EventPlan,
  MAX_TURNS,
  planEvent,
  referenceTo,
} from './plan-event.ts';

/** Where Events go: the store in the control plane, the API in an agent. Throws StatusError. */
export interface EventSink {
  create(event: Event): Promise<Event>;
  /** Together. Undefined: this one was refused for good. Rejects where none was created. */
  createAll?(events: readonly Event[]): Promise<readonly (Event | undefined)[]>;
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

/** If another process writes the same Event this often meanwhile, one occurrence is not counted. */
const MAX_ATTEMPTS = 5;
const DROPPED = 'Cannot write an event; dropped';

/** The writer never rejects: an Event that cannot be written is dropped. */
export function createEventWriter(options: EventWriterOptions): (batch: readonly Said[]) => Promise<void> {
  const { sink, source, logger } = options;
  const memory = createEventMemory();

  let turn = 0;

  function planOf(input: EventInput, { lastMs: nowMs, firstMs, times }: Said): EventPlan {
    const naming = sink.reads ? 'stable' : 'unique';
    turn = (turn + 1) % MAX_TURNS;
    return planEvent(input, source, memory, nowMs, naming, { times, firstMs, turn });
  }

  function keepSimilar({ similar: { group, messages } }: EventPlan, { lastMs }: Said): void {
    memory.similar.set(group, { messages, lastMs });
  }

  async function write(input: EventInput, said: Said): Promise<void> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const plan = planOf(input, said);
      keepSimilar(plan, said);
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

  /** True where all of them are new Events about different things, and were created. */
  async function createTogether(inputs: readonly EventInput[], batch: readonly Said[]): Promise<boolean> {
    if (!sink.createAll || batch.length < 2) return false;
    const plans = batch.map((said, index) => planOf(inputs[index] ?? said.input, said));
    const isNew = plans.every(({ verb }) => verb === 'create');
    if (!isNew || new Set(plans.map(({ similar }) => similar.group)).size < plans.length) return false;
    try {
      const written = await sink.createAll(plans.map(({ event }) => event));
      for (const [index, said] of batch.entries()) {
        const [plan, event] = [plans[index], written[index]];
        if (!plan) continue;
        if (!event) {
          logger.debug({ reason: said.input.reason }, DROPPED);
          continue;
        }
        keepSimilar(plan, said);
        memory.written.set(plan.key, event);
      }
      return true;
    } catch {
      return false; // One by one, it shows which of them is refused.
    }
  }

  async function writeAll(batch: readonly Said[]): Promise<void> {
    const inputs = await Promise.all(batch.map(({ input }) => withUid(input)));
    if (await createTogether(inputs, batch)) return;
    for (const [index, said] of batch.entries()) await write(inputs[index] ?? said.input, said);
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

  return writeAll;
}

/** The memory of a recorder, within bounds: the longest unused is forgotten. */
import { createBoundedMap } from '../base/bounded-map.ts';
import type { Event } from '../schemas/types.ts';
import type { EventMemory, EventPlan, Similar } from './plan-event.ts';

/** client-go's figure. */
const MEMORY_LIMIT = 4096;

export interface RecorderMemory extends EventMemory {
  /** Remembers what was said, whether or not it could be written. */
  noteSaid(plan: EventPlan, nowMs: number): void;
  /** The Event as the server has it now: the next occurrence counts on from there. */
  adopt(key: string, event: Event): void;
  /** The Event is gone from the server (expired): the next occurrence creates a new one. */
  forget(key: string): void;
}

export function createEventMemory(): RecorderMemory {
  const written = createBoundedMap<string, Event>(MEMORY_LIMIT);
  const similar = createBoundedMap<string, Similar>(MEMORY_LIMIT);
  return {
    written,
    similar,
    noteSaid({ similar: { group, messages } }, nowMs) {
      similar.set(group, { messages, lastMs: nowMs });
    },
    adopt: (key, event) => written.set(key, event),
    forget: (key) => void written.delete(key),
  };
}

/** The memory of a recorder, within bounds: the longest unused is forgotten. */
import { createBoundedMap } from '../base/bounded-map.ts';
import type { Event } from '../schemas/types.ts';
import type { EventMemory, EventPlan, Similar } from './plan-event.ts';

/** client-go's figure. */
const MEMORY_LIMIT = 4096;

export interface RecorderMemory extends EventMemory {
  /** Notes an occurrence, written or not. */
  noteSaid(plan: EventPlan, nowMs: number): void;
  /** The Event as the server has it now; the next occurrence counts on. */
  adopt(key: string, event: Event): void;
  /** The Event has expired on the server; the next occurrence creates a new one. */
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
    forget: (key) => written.delete(key),
  };
}

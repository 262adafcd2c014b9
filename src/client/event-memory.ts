/** The bounded memory of a recorder; the longest unused entry is forgotten. */
import { setRecent } from '../base/recent.ts';
import type { Event } from '../schemas/types.ts';
import type { EventMemory, EventPlan } from './plan-event.ts';

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
  const written = new Map<string, Event>();
  const similar = new Map<string, { readonly messages: ReadonlySet<string>; readonly lastMs: number }>();
  return {
    written,
    similar,
    noteSaid({ similar: { group, messages } }, nowMs) {
      setRecent(similar, group, { messages, lastMs: nowMs }, MEMORY_LIMIT);
    },
    adopt: (key, event) => setRecent(written, key, event, MEMORY_LIMIT),
    forget: (key) => void written.delete(key),
  };
}

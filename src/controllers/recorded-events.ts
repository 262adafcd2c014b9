/**
 * Events of plans that write nothing, such as why an object waits. They are recorded once, until
 * something else is recorded or done: a resync of a waiting object writes nothing (INVARIANTS 16).
 */
import { createBoundedMap } from '../base/bounded-map.ts';
import type { Plan } from './controller.ts';

export type Recorded<View> = View & { readonly recorded: string | undefined };

export interface RecordedEvents {
  of(key: string): string | undefined;
  note(plan: Plan, key: string): void;
  /** Pure. */
  unlessRecorded(plan: Plan | undefined, view: Recorded<unknown>): Plan | undefined;
}

/** Keys whose last events are remembered. Those of others are recorded again at a resync. */
const MAX_REMEMBERED = 10_000;

export function createRecordedEvents(): RecordedEvents {
  const recorded = createBoundedMap<string, string>(MAX_REMEMBERED);
  return {
    of: (key) => recorded.get(key),
    note: (plan, key) => recorded.set(key, wordsOf(plan)),
    unlessRecorded(plan, view) {
      if (!plan || plan.writes.length > 0 || view.recorded !== wordsOf(plan)) return plan;
      return plan.visit ? { writes: [], visit: plan.visit } : undefined;
    },
  };
}

const wordsOf = ({ events = [] }: Plan): string =>
  JSON.stringify(events.map(({ event, args }) => [event, args]));

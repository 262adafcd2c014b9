/**
 * Events of plans that write nothing, such as why an object waits. They are said once, until
 * something else is said or done: a resync of a waiting object writes nothing (INVARIANTS 16).
 */
import { createBoundedMap } from '../base/bounded-map.ts';
import type { Plan } from './controller.ts';

export type Said<View> = View & { readonly said: string | undefined };

export interface SaidEvents {
  of(key: string): string | undefined;
  note(plan: Plan, key: string): void;
  /** Pure. */
  unlessSaid(plan: Plan | undefined, view: Said<unknown>): Plan | undefined;
}

/** Keys whose last words are remembered. Those of others are said again at a resync. */
const MAX_REMEMBERED = 10_000;

export function createSaidEvents(): SaidEvents {
  const said = createBoundedMap<string, string>(MAX_REMEMBERED);
  return {
    of: (key) => said.get(key),
    note: (plan, key) => said.set(key, wordsOf(plan)),
    unlessSaid(plan, view) {
      if (!plan || plan.writes.length > 0 || view.said !== wordsOf(plan)) return plan;
      return plan.visit ? { writes: [], visit: plan.visit } : undefined;
    },
  };
}

const wordsOf = ({ events = [] }: Plan): string =>
  JSON.stringify(events.map(({ event, args }) => [event, args]));

/**
 * Reading without asking: what a process may take for the newest versions while Redis keeps it a promise.
 *
 * A look at Redis (LOOK in redis-scripts.ts) brings, along with the versions, a promise: until it expires, the commit script
 * takes changes from nobody but this process. So what this process knows of a resource stays the newest that there is, but
 * for its own changes, and those it knows as soon as they are acknowledged. While one of them is on its way, what it
 * does may be seen by others before its answer is here, and Redis is asked again. What is not certain is forgotten.
 *
 * The promise is kept by Redis' clock and believed by ours: it is used only where both are one, on a unix socket
 * (ADR 11). A clock that was set back in between is noticed by a second one that only goes forward.
 */
import { type Clock, stopwatchMs } from '../../base/clock.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { CommitResult, StoreOp } from '../types.ts';

/** Others wait as long for their first change; a reader asks twice a second. */
export const PROMISE_MS = 500;
/** It is let go of before it expires. */
const MARGIN_MS = 50;
/** Who is not alone in changing things is promised nothing for so long: others would wait for it again and again. */
export const QUIET_MS = 60_000;

export interface Versions {
  readonly resource: string;
  readonly store: string;
}

/** What a look at Redis said of one resource. */
export interface Look {
  readonly resource: number;
  readonly store: number;
  /** When the promise ends, by Redis' clock; 0 where there is none. */
  readonly promisedUntilMs: number;
  /** The promise before it had not expired. */
  readonly renewed: boolean;
}

export interface ReadPromise {
  /** Under which this process changes things. Another one after {@link forget}: what is still on its way is refused. */
  readonly writer: string;
  /** Undefined where Redis must be asked. */
  versions(resource: ResourceId): Versions | undefined;
  /** To be called before a look; the result is given what it said. */
  looking(resource: ResourceId): (look: Look) => void;
  /** To be called before a commit; the result is given its outcome, and nothing where nobody knows what became of it. */
  committing(ops: readonly StoreOp[]): (outcome: CommitResult | 'refused' | undefined) => void;
  forget(): void;
}

export interface ReadPromiseOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: () => string;
  /** Only goes forward. */
  readonly ticksMs?: () => number;
}

export function createReadPromise({ clock, newId, ticksMs = stopwatchMs }: ReadPromiseOptions): ReadPromise {
  let writer = newId();
  let untilMs = 0;
  let untilTicksMs = 0;
  /** The newest version of each resource that was looked at. */
  const known = new Map<ResourceId, number>();
  let newest = 0;
  let onTheWay = 0;
  /** Grows with everything that makes an answer under way one of the past. */
  let era = 0;

  function forget(): void {
    writer = newId();
    known.clear();
    untilMs = 0;
    era += 1;
  }

  return {
    get writer() {
      return writer;
    },
    versions(resource) {
      if (onTheWay > 0 || clock.now() >= untilMs || ticksMs() >= untilTicksMs) return undefined;
      const own = known.get(resource);
      return own === undefined ? undefined : { resource: String(own), store: String(newest) };
    },
    looking(resource) {
      const askedAtTicks = ticksMs();
      const askedIn = era;
      const alone = onTheWay === 0;
      return (look) => {
        // A change of ours came in between: which of the two answers is the newer one is not worth finding out.
        if (!alone || askedIn !== era) return;
        if (!look.renewed) known.clear();
        untilMs = look.promisedUntilMs - MARGIN_MS;
        untilTicksMs = askedAtTicks + PROMISE_MS - MARGIN_MS;
        if (look.promisedUntilMs === 0) return known.clear();
        known.set(resource, Math.max(look.resource, known.get(resource) ?? 0));
        newest = Math.max(newest, look.store);
      };
    },
    committing(ops) {
      const begunAs = writer;
      onTheWay += 1;
      era += 1;
      return (outcome) => {
        onTheWay -= 1;
        era += 1;
        if (outcome === undefined) return forget();
        if (outcome === 'refused' || begunAs !== writer) return;
        newest = Math.max(newest, Number(outcome.version));
        ops.forEach(({ resource }, index) => {
          const version = outcome.objects[index]?.metadata.resourceVersion;
          const before = known.get(resource);
          if (version !== undefined && before !== undefined)
            known.set(resource, Math.max(before, Number(version)));
        });
      };
    },
    forget,
  };
}

/**
 * Reads the counters of this node's containers on request only: an unasked node pays nothing. The
 * last readings begin the next window; a container that they lack is read twice.
 */
import { uninterrupted } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { ContainerRuntime, ContainerStats } from '../runtime/types.ts';
import type { ContainerUsage } from '../../schemas/container-usage.ts';
import { planUsage, type Readings } from './plan-usage.ts';

export interface UsageReport {
  readonly containers: readonly ContainerUsage[];
}

/** Control planes that ask at about the same time get the same answer. */
const REUSE_MS = 5_000;
/** Older readings say nothing about the present. */
const MAX_WINDOW_MS = 120_000;
/** Between the two readings of a new container: long enough for a rate, short enough to wait. */
const FIRST_WINDOW_MS = 1_000;

export type UsageSampler = () => Promise<UsageReport>;

export function createUsageSampler(options: {
  readonly runtime: Pick<ContainerRuntime, 'stats'>;
  readonly clock: Clock;
}): UsageSampler {
  const { runtime, clock } = options;
  let last: Readings = new Map();
  let answered: { readonly atMs: number; readonly report: UsageReport } | undefined;
  const shared = createSharedReads();

  async function sample(): Promise<UsageReport> {
    const earlier = new Map<string, ContainerStats>();
    let readings = await runtime.stats();
    let hasNew = false;
    for (const reading of readings) {
      const known = last.get(reading.id);
      const usable = known !== undefined && reading.atMs - known.atMs <= MAX_WINDOW_MS;
      earlier.set(reading.id, usable ? known : reading);
      hasNew ||= !usable;
    }
    if (hasNew) {
      await sleep(clock, FIRST_WINDOW_MS, uninterrupted);
      readings = await runtime.stats();
    }
    last = new Map(readings.map((reading) => [reading.id, reading]));
    const report = { containers: planUsage(earlier, readings) };
    answered = { atMs: clock.now(), report };
    return report;
  }

  return async () => {
    const isFresh = answered && clock.now() - answered.atMs < REUSE_MS;
    return answered && isFresh ? answered.report : shared.join('usage', sample);
  };
}

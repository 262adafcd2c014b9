/**
 * Reads the counters of this node's containers when somebody asks, and never otherwise: a node that nobody looks at pays
 * nothing. The last readings are the beginning of the next window; a container that was not in them is read twice.
 */
import { uninterrupted } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { ContainerRuntime, ContainerStats } from '../runtime/types.ts';
import { type ContainerUsage, planUsage, type Readings } from './plan-usage.ts';

export interface UsageReport {
  readonly containers: readonly ContainerUsage[];
}

/** Several control planes that ask at about the same time get the same answer. */
const REUSE_MS = 5_000;
/** Readings older than this tell what was, not what is. */
const MAX_WINDOW_MS = 120_000;
/** Between the two readings of a container that is new to us. Long enough for a rate, short enough for a person to wait. */
const FIRST_WINDOW_MS = 1_000;

export type UsageSampler = () => Promise<UsageReport>;

export function createUsageSampler(options: {
  readonly runtime: Pick<ContainerRuntime, 'stats'>;
  readonly clock: Clock;
}): UsageSampler {
  const { runtime, clock } = options;
  let last: Readings = new Map();
  let answered: { readonly atMs: number; readonly report: UsageReport } | undefined;
  let running: Promise<UsageReport> | undefined;

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

  return () => {
    if (running) return running;
    if (answered && clock.now() - answered.atMs < REUSE_MS) return Promise.resolve(answered.report);
    running = sample().finally(() => {
      running = undefined;
    });
    return running;
  };
}

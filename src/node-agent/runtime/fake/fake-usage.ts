/** Counters of the fake engine. Nothing runs there: usage follows from a container's requests. */
import type { ContainerSpec, ContainerStats } from '../types.ts';
import type { FakeContainer } from './fake-container.ts';

const SHARES_PER_CORE = 1_024;
const NANOS_PER_MS = 1_000_000;

export function usageOf({ id, spec, startedAtMs = 0 }: FakeContainer, nowMs: number): ContainerStats {
  return {
    id,
    labels: spec.labels,
    atMs: nowMs,
    cpuNanosTotal: (nowMs - startedAtMs) * nanosPerMs(spec),
    memoryWorkingSetBytes: memoryBytes(spec),
  };
}

/** Half of the CPU that was asked for, or a thousandth of a core. */
function nanosPerMs({ cpuShares }: ContainerSpec): number {
  const cores = cpuShares === undefined ? 0.001 : cpuShares / SHARES_PER_CORE / 2;
  return Math.round(cores * NANOS_PER_MS);
}

/** Half of the memory limit, or a mebibyte. */
const memoryBytes = ({ memoryBytes: limit }: ContainerSpec): number =>
  limit === undefined ? 1_048_576 : Math.round(limit / 2);

/**
 * Usage of containers, from two readings of the engine's counters: CPU as a rate between them,
 * memory as of the later one. Pure. A container without an earlier reading, or whose counter went
 * back, has no rate and is left out.
 */
import type { ContainerUsage } from '../../schemas/container-usage.ts';
import { type ContainerStats, labelKeys } from '../runtime/types.ts';

const SANDBOX_ROLE = 'pod';
/** Nanoseconds of CPU per millisecond, as billionths of a core: 1 ns/ms is a millionth. */
const NANO_CORES_PER_NANO_PER_MS = 1_000;

export type Readings = ReadonlyMap<string, ContainerStats>;

export function planUsage(earlier: Readings, later: Iterable<ContainerStats>): readonly ContainerUsage[] {
  const usages: ContainerUsage[] = [];
  for (const reading of later) {
    const before = earlier.get(reading.id);
    if (!before) continue;
    const windowMs = reading.atMs - before.atMs;
    const cpuNanos = reading.cpuNanosTotal - before.cpuNanosTotal;
    if (windowMs <= 0 || cpuNanos < 0) continue;
    const isSandbox = reading.labels[labelKeys.role] === SANDBOX_ROLE;
    usages.push({
      podUid: reading.labels[labelKeys.podUid] ?? '',
      container: isSandbox ? '' : (reading.labels[labelKeys.containerName] ?? ''),
      atMs: reading.atMs,
      windowMs,
      cpuNanoCores: Math.round((cpuNanos * NANO_CORES_PER_NANO_PER_MS) / windowMs),
      memoryBytes: reading.memoryWorkingSetBytes,
    });
  }
  return usages;
}

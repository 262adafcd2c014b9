/** CPU and memory of our running containers. The working set is counted as the kubelet does. */
import { createSlots } from '../../../base/slots.ts';
import { asNumber, asString, getPath } from '../../../schemas/json-access.ts';
import { type ContainerRuntime, type ContainerStats, labelKeys, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';
import type { Ownership } from './ownership.ts';

/** A reading costs the Engine a few milliseconds; more at once would delay starts. */
const STATS_CONCURRENCY = 4;

const numberAt = (value: unknown, ...path: readonly string[]): number =>
  asNumber(getPath(value, ...path)) ?? 0;

/** Usage without the page cache that the kernel can drop, as cgroup v1 or v2 names it. */
export function workingSetOf(stats: unknown): number {
  const usage = numberAt(stats, 'memory_stats', 'usage');
  const v1 = numberAt(stats, 'memory_stats', 'stats', 'total_inactive_file');
  const inactive = v1 > 0 ? v1 : numberAt(stats, 'memory_stats', 'stats', 'inactive_file');
  return Math.max(0, usage - inactive);
}

export function createStats(engine: Engine, ownership: Ownership): Pick<ContainerRuntime, 'stats'> {
  const { docker, call } = engine;
  const slots = createSlots(STATS_CONCURRENCY);

  async function measure(id: string, labels: Readonly<Record<string, string>>) {
    try {
      const raw: unknown = await call(`measure container "${id}"`, ({ abortSignal }) =>
        docker
          .getContainer(id)
          .stats({ stream: false, 'one-shot': true, abortSignal } as { stream: false; 'one-shot': true }),
      );
      return toStats(id, labels, raw);
    } catch (error) {
      // It ended between the list and the reading.
      if (error instanceof RuntimeError && ['not-found', 'conflict'].includes(error.code)) return undefined;
      throw error;
    }
  }

  return {
    async stats() {
      const running = await call('list containers', ({ abortSignal }) =>
        docker.listContainers({
          filters: { label: [...ownership.filters.label], status: ['running'] },
          abortSignal,
        }),
      );
      const readings = await Promise.all(
        running.map(({ Id, Labels }) => slots.run(() => measure(Id, Labels))),
      );
      return readings.filter((reading) => reading !== undefined);
    },
  };
}

function toStats(
  id: string,
  labels: Readonly<Record<string, string>>,
  raw: unknown,
): ContainerStats | undefined {
  const read = Date.parse(asString(getPath(raw, 'read')));
  if (Number.isNaN(read) || labels[labelKeys.podUid] === undefined) return undefined;
  return {
    id,
    labels,
    atMs: read,
    cpuNanosTotal: numberAt(raw, 'cpu_stats', 'cpu_usage', 'total_usage'),
    memoryWorkingSetBytes: workingSetOf(raw),
  };
}

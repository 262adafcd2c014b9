/**
 * Pods as rows. The STATUS column is not the phase: it is the most telling reason among the pod's
 * containers, by the rule of upstream's printer (init containers first, then containers from the
 * last to the first).
 */
import type { KubeObject } from '../../object.ts';
import {
  AGE,
  type Cell,
  head,
  NAME,
  NONE,
  type RowCondition,
  type TableFormat,
} from '../../tables/columns.ts';
import { since } from '../../tables/duration.ts';
import type { ContainerStatus, Pod } from '../../types.ts';

const WIDE = { priority: 1 };

/** One walk over the containers gives the first cells. */
export const podTable: TableFormat = {
  columns: [
    NAME.head,
    head('Ready', { description: 'The aggregate readiness state of this pod for accepting traffic.' }),
    head('Status', { description: 'The aggregate status of the containers in this pod.' }),
    head('Restarts', {
      description:
        'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    }),
    AGE.head,
    ...['IP', 'Node', 'Nominated Node', 'Readiness Gates'].map((name) => head(name, WIDE)),
  ],
  cells(object, nowMs): readonly Cell[] {
    const pod = object as Pod;
    const summary = summarise(pod, nowMs);
    return [
      pod.metadata.name,
      `${summary.ready}/${summary.total}`,
      summary.status,
      summary.restarts,
      since(pod.metadata.creationTimestamp, nowMs),
      pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? NONE,
      pod.spec.nodeName ?? NONE,
      (pod.status as { nominatedNodeName?: string } | undefined)?.nominatedNodeName ?? NONE,
      readinessGates(pod),
    ];
  },
  conditions(object: KubeObject): readonly RowCondition[] {
    const phase = (object as Pod).status?.phase;
    if (phase !== 'Succeeded' && phase !== 'Failed') return [];
    const message = phase === 'Succeeded' ? 'The pod has completed successfully.' : 'The pod failed.';
    return [{ type: 'Completed', status: 'True', reason: phase, message }];
  },
};

interface Summary {
  readonly ready: number;
  readonly total: number;
  readonly status: string;
  readonly restarts: string;
}

interface Counter {
  count: number;
  /** Milliseconds of the latest restart, 0 when there was none. */
  last: number;
}

function summarise(pod: Pod, nowMs: number): Summary {
  const initContainers = pod.spec.initContainers ?? [];
  const sidecars = new Set(initContainers.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const phase = pod.status?.phase ?? '';
  let status = pod.status?.reason ?? phase;
  if (hasCondition(pod, 'PodScheduled', undefined, 'SchedulingGated')) status = 'SchedulingGated';

  let ready = 0;
  const all: Counter = { count: 0, last: 0 };
  const ofSidecars: Counter = { count: 0, last: 0 };
  let initialising = false;
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    count(all, container);
    const isSidecar = sidecars.has(container.name);
    if (isSidecar) count(ofSidecars, container);
    if (container.state?.terminated?.exitCode === 0) continue;
    if (isSidecar && container.started === true) {
      if (container.ready) ready += 1;
      continue;
    }
    const waiting = container.state?.waiting?.reason ?? '';
    const ended = terminationReason(container);
    if (ended !== undefined) status = `Init:${ended}`;
    else if (waiting !== '' && waiting !== 'PodInitializing') status = `Init:${waiting}`;
    else status = `Init:${index}/${initContainers.length}`;
    initialising = true;
    break;
  }

  let restarts = all;
  if (!initialising || hasCondition(pod, 'Initialized', 'True')) {
    restarts = ofSidecars;
    let running = false;
    for (const container of [...(pod.status?.containerStatuses ?? [])].reverse()) {
      count(restarts, container);
      const waiting = container.state?.waiting?.reason ?? '';
      const ended = terminationReason(container);
      if (waiting !== '') status = waiting;
      else if (ended !== undefined) status = ended;
      else if (container.ready && container.state?.running) {
        running = true;
        ready += 1;
      }
    }
    if (status === 'Completed' && running)
      status = hasCondition(pod, 'Ready', 'True') ? 'Running' : 'NotReady';
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (pod.status?.reason === 'NodeLost') status = 'Unknown';
    else if (phase !== 'Failed' && phase !== 'Succeeded') status = 'Terminating';
  }
  return {
    ready,
    total: pod.spec.containers.length + sidecars.size,
    status,
    restarts:
      restarts.count > 0 && restarts.last > 0
        ? `${restarts.count} (${since(new Date(restarts.last).toISOString(), nowMs)} ago)`
        : String(restarts.count),
  };
}

function count(counter: Counter, container: ContainerStatus): void {
  counter.count += container.restartCount;
  const finishedAt = container.lastState?.terminated?.finishedAt;
  if (finishedAt) counter.last = Math.max(counter.last, Date.parse(finishedAt));
}

function terminationReason(container: ContainerStatus): string | undefined {
  const ended = container.state?.terminated;
  if (!ended) return undefined;
  if (ended.reason !== undefined && ended.reason !== '') return ended.reason;
  return ended.signal ? `Signal:${ended.signal}` : `ExitCode:${ended.exitCode}`;
}

function hasCondition(pod: Pod, type: string, status?: string, reason?: string): boolean {
  return (pod.status?.conditions ?? []).some(
    (condition) =>
      condition.type === type &&
      (status === undefined || condition.status === status) &&
      (reason === undefined || condition.reason === reason),
  );
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return NONE;
  const passed = gates.filter((gate) => hasCondition(pod, gate.conditionType, 'True')).length;
  return `${passed}/${gates.length}`;
}

/**
 * A pod's status as kubelet reports it. Pure: the same view gives the same status, and an equal one
 * is not written. A terminal phase is reported only when nothing of the pod is alive, unless
 * somebody else wrote one, and is never taken back.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { jsonEqual } from '../../base/json.ts';
import { transitionTime } from '../../schemas/conditions.ts';
import { AGENT_CONDITIONS, RESIZE_PENDING } from '../../schemas/pods/agent-conditions.ts';
import { isTerminal } from '../../schemas/pods/pod-phase.ts';
import { qosClass } from '../../schemas/pods/pod-resources.ts';
import type { ContainerStatus, PodCondition, PodStatus } from '../../schemas/types.ts';
import { planContainerStatus } from './plan-container-status.ts';
import { isInitialized, mainsAreOver } from './plan-starts.ts';
import { restartPolicyOf } from './plan-restart.ts';
import { isLive, type PlannedContainer, type PodView, reportedOf } from './pod-view.ts';

export interface PodStatusInput extends PodView {
  readonly hostIp: string;
  /** The last status, planned here or read back. Its times and gone containers are kept. */
  readonly previous: PodStatus | undefined;
  readonly terminationMessages: ReadonlyMap<string, string>;
}

type Phase = NonNullable<PodStatus['phase']>;
type Decided = Pick<PodCondition, 'type' | 'status'> & { reason?: string; message?: string };

export function planPodStatus(input: PodStatusInput): PodStatus {
  const { pod, previous, planned } = input;
  const alive = input.records.some(isLive);
  const over =
    !alive && (input.endingSinceMs !== undefined || input.verdict !== undefined || isTerminal(pod.status));
  const statusOf = (item: PlannedContainer): ContainerStatus =>
    planContainerStatus(
      {
        ...input,
        over,
        podHasInit: (pod.spec.initContainers ?? []).length > 0,
        previous: reportedOf(previous, item.container.name),
      },
      item,
    );
  const statuses = new Map(planned.map((item) => [item, statusOf(item)]));
  const listed = (main: boolean): ContainerStatus[] =>
    planned.filter((item) => (item.role === 'main') === main).flatMap((item) => statuses.get(item) ?? []);
  const phase = planPhase(input, statuses, alive);
  const initContainerStatuses = listed(false);
  const containerStatuses = listed(true);
  const ip = pod.spec.hostNetwork === true ? input.hostIp : (input.ip ?? previous?.podIP);
  const hasIp = ip !== undefined && (input.records.length > 0 || previous?.podIP !== undefined);
  const verdict =
    input.verdict ??
    (previous?.reason === undefined
      ? undefined
      : { reason: previous.reason, message: previous.message ?? '' });
  return {
    phase,
    conditions: planConditions(input, statuses, phase),
    ...(verdict && phase === 'Failed' ? { reason: verdict.reason, message: verdict.message } : {}),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(hasIp ? { podIP: ip, podIPs: [{ ip }] } : {}),
    ...(input.startTimeMs === undefined ? {} : { startTime: toRfc3339(input.startTimeMs) }),
    ...(initContainerStatuses.length > 0 ? { initContainerStatuses } : {}),
    containerStatuses,
    qosClass: pod.status?.qosClass ?? qosClass(pod.spec),
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
}

function planPhase(
  input: PodStatusInput,
  statuses: ReadonlyMap<PlannedContainer, ContainerStatus>,
  alive: boolean,
): Phase {
  const reported = input.previous?.phase ?? input.pod.status?.phase;
  if (reported === 'Succeeded' || reported === 'Failed') return reported;
  if (input.verdict) return alive ? (reported ?? 'Pending') : 'Failed';
  const initFailed = input.planned.some((item) => {
    const ended = statuses.get(item)?.state?.terminated;
    return (
      item.role === 'init' && ended && ended.exitCode !== 0 && restartPolicyOf(input.pod, item) === 'Never'
    );
  });
  if (initFailed) return alive ? 'Pending' : 'Failed';
  const mains = input.planned
    .filter((item) => item.role === 'main')
    .flatMap((item) => statuses.get(item) ?? []);
  const ended = mains.filter((status) => status.state?.terminated);
  const over = (input.endingSinceMs !== undefined && !alive) || mainsAreOver(input);
  if (mains.length > 0 && ended.length === mains.length && over) {
    if (alive) return reported === 'Pending' ? 'Running' : (reported ?? 'Running');
    return ended.every((status) => status.state?.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  const neverRan = mains.some((status) => status.state?.waiting && !status.lastState?.terminated);
  return neverRan ? 'Pending' : 'Running';
}

function planConditions(
  input: PodStatusInput,
  statuses: ReadonlyMap<PlannedContainer, ContainerStatus>,
  phase: Phase,
): PodCondition[] {
  const hasSandbox = input.sandboxes.some(({ phase }) => phase === 'ready');
  const containersReady = decideContainersReady(input.planned, statuses, phase);
  const decided: Decided[] = [
    { type: 'PodReadyToStartContainers', status: hasSandbox ? 'True' : 'False' },
    decideInitialized(input, statuses, phase),
    decideReady(input, containersReady),
    containersReady,
    ...decideResize(input.planned, statuses),
  ];
  const known = input.previous?.conditions ?? input.pod.status?.conditions ?? [];
  const foreign = (input.pod.status?.conditions ?? known).filter(
    (condition) => !AGENT_CONDITIONS.has(condition.type),
  );
  const scheduled: readonly PodCondition[] = foreign.some((condition) => condition.type === 'PodScheduled')
    ? []
    : [stamp({ type: 'PodScheduled', status: 'True' }, known, input.nowMs)];
  return [...decided.map((condition) => stamp(condition, known, input.nowMs)), ...foreign, ...scheduled];
}

/** Only a new pod can have other resources. The condition of a running one says so. */
function decideResize(
  planned: readonly PlannedContainer[],
  statuses: ReadonlyMap<PlannedContainer, ContainerStatus>,
): Decided[] {
  const waiting = planned.filter((item) => {
    const status = statuses.get(item);
    const differs = (name: 'requests' | 'limits'): boolean =>
      !jsonEqual(status?.resources?.[name] ?? {}, item.container.resources?.[name] ?? {});
    return status?.state?.running && status.resources && (differs('requests') || differs('limits'));
  });
  if (waiting.length === 0) return [];
  const names = waiting.map(({ container }) => container.name).join(', ');
  const message = `In-place resize is not supported on this node: replace the pod to change the resources of ${names}`;
  return [{ type: RESIZE_PENDING, status: 'True', reason: 'Infeasible', message }];
}

const stamp = (decided: Decided, known: readonly PodCondition[], nowMs: number): PodCondition => ({
  lastTransitionTime: transitionTime(known, decided, nowMs),
  ...decided,
});

function decideInitialized(
  input: PodStatusInput,
  statuses: ReadonlyMap<PlannedContainer, ContainerStatus>,
  phase: Phase,
): Decided {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  const sandboxAttempt = input.sandboxes[0]?.attempt ?? -1;
  const inits = input.planned.filter((item) => item.role !== 'main');
  if (inits.length === 0 || isInitialized(input, sandboxAttempt)) {
    return { type: 'Initialized', status: 'True' };
  }
  const wasInitialized = input.previous?.conditions?.some(
    (condition) => condition.type === 'Initialized' && condition.status === 'True',
  );
  if (wasInitialized === true && !input.records.some(isLive)) return { type: 'Initialized', status: 'True' };
  const incomplete = inits
    .filter((item) => statuses.get(item)?.ready !== true)
    .map((item) => item.container.name);
  return {
    type: 'Initialized',
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

function decideContainersReady(
  planned: readonly PlannedContainer[],
  statuses: ReadonlyMap<PlannedContainer, ContainerStatus>,
  phase: Phase,
): Decided {
  const type = 'ContainersReady';
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const unready = planned
    .filter((item) => item.role !== 'init' && statuses.get(item)?.ready !== true)
    .map((item) => item.container.name);
  if (unready.length === 0) return { type, status: 'True' };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, status: 'False', reason: 'ContainersNotReady', message };
}

function decideReady(input: PodStatusInput, containersReady: Decided): Decided {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' };
  const conditions = input.pod.status?.conditions ?? [];
  const messages = (input.pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = conditions.find((condition) => condition.type === conditionType);
    if (found?.status === 'True') return [];
    return found
      ? `status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`
      : `corresponding condition of pod readiness gate "${conditionType}" does not exist.`;
  });
  return messages.length === 0
    ? { type: 'Ready', status: 'True' }
    : { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

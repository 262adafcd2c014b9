/**
 * How many replicas bring a metric to its target: upstream's replica calculator. Pure. Amounts are
 * thousandths, as upstream counts them: divisions of amounts lose their fraction.
 *
 * Pods without a measurement and pods that are not ready count against the direction of a change:
 * they use nothing when more pods are wanted, and all of their request when fewer are.
 */
import { asRecord, asRecords, asString } from '../../schemas/json-access.ts';
import type { Pod } from '../../schemas/types.ts';
import { toMilli } from '../../schemas/values/quantity.ts';
import { isPodLevelResource } from '../../schemas/pods/pod-resources.ts';
import { isReady, isTerminal, parseTime, podCondition } from '../pod-facts.ts';

/** The amount of one pod, with the time and the window of its measurement. */
export interface PodMetric {
  readonly milli: number;
  readonly atMs: number;
  readonly windowMs: number;
}

/** By the name of the pod. */
export type PodMetrics = ReadonlyMap<string, PodMetric>;

/** A ratio that differs from 1 by no more than this changes nothing. */
export interface Tolerances {
  readonly scaleDown: number;
  readonly scaleUp: number;
}

export interface ReplicaOptions {
  /** A pod's processor counts only where it was measured while the pod was ready. */
  readonly cpuInitializationPeriodMs: number;
  /** A pod that is unready so soon after its start has never been ready. */
  readonly initialReadinessDelayMs: number;
}

/** The inputs of one calculation for pods. */
export interface ReplicaInput {
  readonly pods: readonly Pod[];
  readonly metrics: PodMetrics;
  readonly currentReplicas: number;
  readonly tolerances: Tolerances;
  readonly options: ReplicaOptions;
  readonly nowMs: number;
}

/** A metric cannot be used; the message tells why. */
export class MetricFailure extends Error {
  override readonly name = 'MetricFailure';
}

const MAX_INT32 = 2_147_483_647;

/** A whole number of replicas that is enough. */
const enough = (replicas: number): number => Math.min(MAX_INT32, Math.ceil(replicas));

export const isWithin = ({ scaleDown, scaleUp }: Tolerances, ratio: number): boolean =>
  1 - scaleDown <= ratio && ratio <= 1 + scaleUp;

export interface Utilization {
  readonly replicas: number;
  /** Percent of what the pods request. */
  readonly percent: number;
  /** The average of a pod. */
  readonly averageMilli: number;
}

/** Replicas for a target in percent of the pods' requests, of one container if it is named. */
export function replicasForUtilization(
  input: ReplicaInput,
  { resource, container, percent }: { resource: string; container: string; percent: number },
): Utilization {
  const groups = groupPods(input, resource);
  const requests = requestsOf(input.pods, container, resource);
  const usage = usageOf(groups.measured, requests, percent);
  const full = (pod: string): number => Math.trunc(((requests.get(pod) ?? 0) * Math.max(100, percent)) / 100);
  const replicas = replicasFor(
    input,
    groups,
    usage.ratio,
    full,
    (all) => usageOf(all, requests, percent).ratio,
  );
  return { replicas, percent: usage.percent, averageMilli: usage.averageMilli };
}

export interface Average {
  readonly replicas: number;
  readonly averageMilli: number;
}

/** Replicas for a target amount of each pod; `resource` is empty for metrics that are none. */
export function replicasForAverage(
  input: ReplicaInput,
  { resource, targetMilli }: { resource: string; targetMilli: number },
): Average {
  const groups = groupPods(input, resource);
  const averageOf = (amounts: Amounts): number => Math.trunc(sum(amounts.values()) / amounts.size);
  const averageMilli = averageOf(groups.measured);
  const ratioOf = (amounts: Amounts): number => averageOf(amounts) / targetMilli;
  const replicas = replicasFor(input, groups, ratioOf(groups.measured), () => targetMilli, ratioOf);
  return { replicas, averageMilli };
}

/** Replicas for one value of all pods together. */
export function replicasForValue(
  { pods, currentReplicas, tolerances }: Pick<ReplicaInput, 'pods' | 'currentReplicas' | 'tolerances'>,
  ratio: number,
): number {
  if (currentReplicas === 0) return enough(ratio);
  if (isWithin(tolerances, ratio)) return currentReplicas;
  if (pods.length === 0)
    throw new MetricFailure(
      'unable to calculate ready pods: no pods returned by selector while calculating replica count',
    );
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isReady(pod)).length;
  return enough(ratio * ready);
}

/** Replicas for a value that all pods share, and the share of one pod. */
export function replicasForShare(
  { statusReplicas, tolerances }: { statusReplicas: number; tolerances: Tolerances },
  valueMilli: number,
  targetMilli: number,
): Average {
  const ratio = valueMilli / (targetMilli * statusReplicas);
  return {
    replicas: isWithin(tolerances, ratio) ? statusReplicas : enough(valueMilli / targetMilli),
    averageMilli: statusReplicas === 0 ? 0 : Math.ceil(valueMilli / statusReplicas),
  };
}

type Amounts = ReadonlyMap<string, number>;

const sum = (amounts: Iterable<number>): number => [...amounts].reduce((total, amount) => total + amount, 0);

function replicasFor(
  { currentReplicas, tolerances }: ReplicaInput,
  { ready, measured, unready, missing }: PodGroups,
  ratio: number,
  full: (pod: string) => number,
  ratioOf: (amounts: Amounts) => number,
): number {
  const countsUnready = unready.length > 0 && ratio > 1;
  if (!countsUnready && missing.length === 0)
    return isWithin(tolerances, ratio) ? currentReplicas : enough(ratio * ready);
  const all = new Map(measured);
  if (ratio !== 1) for (const pod of missing) all.set(pod, ratio < 1 ? full(pod) : 0);
  if (countsUnready) for (const pod of unready) all.set(pod, 0);
  const next = ratioOf(all);
  const turns = (ratio < 1 && next > 1) || (ratio > 1 && next < 1);
  if (turns || isWithin(tolerances, next)) return currentReplicas;
  const replicas = enough(next * all.size);
  // More pods count now, so the change may contradict the ratio.
  const contradicts = (next < 1 && replicas > currentReplicas) || (next > 1 && replicas < currentReplicas);
  return contradicts ? currentReplicas : replicas;
}

interface PodGroups {
  readonly ready: number;
  /** Amounts of the pods that count. */
  readonly measured: Amounts;
  readonly unready: readonly string[];
  readonly missing: readonly string[];
}

function groupPods({ pods, metrics, options, nowMs }: ReplicaInput, resource: string): PodGroups {
  if (pods.length === 0)
    throw new MetricFailure('no pods returned by selector while calculating replica count');
  const measured = new Map([...metrics].map(([name, { milli }]) => [name, milli]));
  const unready: string[] = [];
  const missing: string[] = [];
  let ready = 0;
  for (const pod of pods) {
    const { name } = pod.metadata;
    const metric = metrics.get(name);
    if (pod.metadata.deletionTimestamp !== undefined || isTerminal(pod)) measured.delete(name);
    else if (isPending(pod) || (metric && resource === 'cpu' && isStarting(pod, metric, options, nowMs))) {
      measured.delete(name);
      unready.push(name);
    } else if (!metric) missing.push(name);
    else ready += 1;
  }
  if (measured.size === 0)
    throw new MetricFailure('did not receive metrics for targeted pods (pods might be unready)');
  return { ready, measured, unready, missing };
}

const isPending = ({ status }: Pod): boolean => (status?.phase ?? 'Pending') === 'Pending';

/** Whether the CPU usage is that of a starting pod, which does not show its load. */
function isStarting(
  pod: Pod,
  { atMs, windowMs }: PodMetric,
  options: ReplicaOptions,
  nowMs: number,
): boolean {
  const condition = podCondition(pod, 'Ready');
  const startMs = parseTime(pod.status?.startTime);
  if (!condition || startMs === undefined) return true;
  const sinceMs = parseTime(condition.lastTransitionTime) ?? 0;
  const isUnready = condition.status === 'False';
  if (startMs + options.cpuInitializationPeriodMs > nowMs) return isUnready || atMs < sinceMs + windowMs;
  return isUnready && startMs + options.initialReadinessDelayMs > sinceMs;
}

function usageOf(
  amounts: Amounts,
  requests: Amounts,
  targetPercent: number,
): { readonly ratio: number; readonly percent: number; readonly averageMilli: number } {
  const known = [...amounts].filter(([pod]) => requests.has(pod));
  const used = sum(known.map(([, amount]) => amount));
  const requested = sum(known.map(([pod]) => requests.get(pod) ?? 0));
  if (requested === 0) throw new MetricFailure('no metrics returned matched known pods');
  const percent = Math.trunc((used * 100) / requested);
  return { ratio: percent / targetPercent, percent, averageMilli: Math.trunc(used / known.length) };
}

/** The request of each pod, or of its container of this name. A pod without one is an error. */
function requestsOf(pods: readonly Pod[], container: string, resource: string): Amounts {
  return new Map(
    pods.map((pod) => [
      pod.metadata.name,
      podRequest(pod, resource) ?? containersRequest(pod, container, resource),
    ]),
  );

  /** The request of the pod as a whole, where it has requests of its own. */
  function podRequest({ metadata, spec }: Pod, name: string): number | undefined {
    const requests = asRecord(asRecord(spec['resources' as never])['requests']);
    if (container !== '' || !Object.keys(requests).some(isPodLevelResource)) return undefined;
    if (requests[name] !== undefined) return toMilli(requests[name]);
    throw new MetricFailure(`missing pod-level request for ${name} in Pod ${metadata.name}`);
  }
}

function containersRequest({ metadata, spec }: Pod, container: string, resource: string): number {
  const sidecars = asRecords(spec.initContainers).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const all = [...asRecords(spec.containers), ...sidecars];
  const counted = container === '' ? all : all.filter(({ name }) => name === container);
  if (container !== '' && counted.length === 0)
    throw new MetricFailure(`container ${container} not found in Pod ${metadata.name}`);
  return sum(
    counted.map(({ name, resources }) => {
      const request = asRecord(asRecord(resources)['requests'])[resource];
      if (request !== undefined) return toMilli(request);
      throw new MetricFailure(
        `missing request for ${resource} in container ${asString(name)} of Pod ${metadata.name}`,
      );
    }),
  );
}

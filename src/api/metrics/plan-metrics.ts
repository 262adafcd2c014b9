/** NodeMetrics and PodMetrics made of measurements. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { goDuration } from '../../base/go-words.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { formatQuantity } from '../../schemas/values/quantity.ts';
import type { ContainerUsage } from '../../schemas/container-usage.ts';
import type { NodeUsage } from './node-usage.ts';

export const METRICS_GROUP = 'metrics.k8s.io';
export const METRICS_VERSION = 'v1beta1';
const API_VERSION = `${METRICS_GROUP}/${METRICS_VERSION}`;

const NANOS_PER_UNIT = 1_000_000_000n;

interface Usage {
  readonly cpu: string;
  readonly memory: string;
}

function usageOf(cpuNanoCores: number, memoryBytes: number): Usage {
  return {
    cpu: formatQuantity({ nanos: BigInt(cpuNanoCores), format: 'DecimalSI' }),
    memory: formatQuantity({ nanos: BigInt(memoryBytes) * NANOS_PER_UNIT, format: 'BinarySI' }),
  };
}

function windowOf(
  containers: readonly ContainerUsage[],
  askedAtMs: number,
): { readonly timestamp: string; readonly window: string } {
  const atMs = containers.reduce((latest, { atMs: at }) => Math.max(latest, at), 0) || askedAtMs;
  const windowMs = containers.reduce((longest, { windowMs: length }) => Math.max(longest, length), 0);
  return { timestamp: toRfc3339(atMs), window: goDuration(windowMs) };
}

/** A node uses what its pods use, since several nodes may share a machine. */
export function nodeMetrics(
  node: KubeObject,
  { askedAtMs, containers }: NodeUsage,
  nowMs: number,
): KubeObject {
  const sum = (pick: (usage: ContainerUsage) => number): number =>
    containers.reduce((total, usage) => total + pick(usage), 0);
  return {
    kind: 'NodeMetrics',
    apiVersion: API_VERSION,
    metadata: metadataOf(node, nowMs),
    ...windowOf(containers, askedAtMs),
    usage: usageOf(
      sum(({ cpuNanoCores }) => cpuNanoCores),
      sum(({ memoryBytes }) => memoryBytes),
    ),
  };
}

/** Undefined while nothing of the pod has been measured. */
export function podMetrics(
  pod: KubeObject,
  { askedAtMs, containers }: NodeUsage,
  nowMs: number,
): KubeObject | undefined {
  const own = containers.filter(({ podUid }) => podUid === pod.metadata.uid);
  const named = own.filter(({ container }) => container !== '');
  if (named.length === 0) return undefined;
  const sorted = [...named].sort((a, b) => (a.container < b.container ? -1 : 1));
  return {
    kind: 'PodMetrics',
    apiVersion: API_VERSION,
    metadata: metadataOf(pod, nowMs),
    ...windowOf(named, askedAtMs),
    containers: sorted.map(({ container, cpuNanoCores, memoryBytes }) => ({
      name: container,
      usage: usageOf(cpuNanoCores, memoryBytes),
    })),
  };
}

function metadataOf(
  { metadata: { name, namespace, labels } }: KubeObject,
  nowMs: number,
): KubeObject['metadata'] {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    creationTimestamp: toRfc3339(nowMs),
    ...(labels === undefined ? {} : { labels }),
  };
}

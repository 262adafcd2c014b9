/** Statistics of a node about its pods, in the kubelet's forms. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import type { ContainerUsage } from '../../schemas/container-usage.ts';
import { type ContainerStats, labelKeys } from '../runtime/types.ts';

/** A pod of this node with its containers. */
export interface NodePod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly running: number;
  readonly ended: number;
}

/** The kubelet's stats.Summary, as far as the engine's counters go. */
export function statsSummary(
  nodeName: string,
  pods: readonly NodePod[],
  usage: readonly ContainerUsage[],
): unknown {
  const ofPod = (uid: string): readonly ContainerUsage[] => usage.filter(({ podUid }) => podUid === uid);
  return {
    node: { nodeName, ...sums(usage) },
    pods: pods.map(({ uid, name, namespace }) => ({
      podRef: { name, namespace, uid },
      containers: ofPod(uid)
        .filter(({ container }) => container !== '')
        .map((one) => ({ name: one.container, ...sums([one]) })),
      ...sums(ofPod(uid)),
    })),
  };
}

function sums(usage: readonly ContainerUsage[]) {
  if (usage.length === 0) return {};
  const time = toRfc3339(Math.max(...usage.map(({ atMs }) => atMs)));
  const sum = (of: (one: ContainerUsage) => number): number =>
    usage.reduce((total, one) => total + of(one), 0);
  return {
    cpu: { time, usageNanoCores: sum(({ cpuNanoCores }) => cpuNanoCores) },
    memory: { time, workingSetBytes: sum(({ memoryBytes }) => memoryBytes) },
  };
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric in the text format of Prometheus. */
function metric(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** `/metrics`: the kubelet's counts of what runs. */
export function nodeMetrics(nodeName: string, pods: readonly NodePod[]): string {
  const count = (of: (pod: NodePod) => number): number => pods.reduce((total, pod) => total + of(pod), 0);
  return [
    metric('kubelet_node_name', 'gauge', "The node's name. The count is always 1.", [
      { labels: { node: nodeName }, value: 1 },
    ]),
    metric('kubelet_running_pods', 'gauge', 'Number of pods that have a running pod sandbox', [
      { labels: {}, value: pods.filter(({ running }) => running > 0).length },
    ]),
    metric('kubelet_running_containers', 'gauge', 'Number of containers currently running', [
      { labels: { container_state: 'exited' }, value: count(({ ended }) => ended) },
      { labels: { container_state: 'running' }, value: count(({ running }) => running) },
    ]),
  ].join('');
}

/** `/metrics/resource`: the counters that autoscalers and metrics-server read. */
export function resourceMetrics(stats: readonly ContainerStats[]): string {
  const named = stats.filter(({ labels }) => labels[labelKeys.containerName] !== undefined);
  const seconds = ({ cpuNanosTotal }: ContainerStats): number => cpuNanosTotal / 1e9;
  const bytes = ({ memoryWorkingSetBytes }: ContainerStats): number => memoryWorkingSetBytes;
  const ofContainers = (value: (one: ContainerStats) => number): readonly Sample[] =>
    named.map((one) => ({
      labels: {
        container: one.labels[labelKeys.containerName] ?? '',
        namespace: one.labels[labelKeys.podNamespace] ?? '',
        pod: one.labels[labelKeys.podName] ?? '',
      },
      value: value(one),
    }));
  const ofNode = (value: (one: ContainerStats) => number): readonly Sample[] => [
    { labels: {}, value: stats.reduce((total, one) => total + value(one), 0) },
  ];
  const cpu = 'Cumulative cpu time consumed in core-seconds';
  const memory = 'Current working set in bytes';
  return [
    metric('container_cpu_usage_seconds_total', 'counter', cpu, ofContainers(seconds)),
    metric('container_memory_working_set_bytes', 'gauge', memory, ofContainers(bytes)),
    metric('node_cpu_usage_seconds_total', 'counter', cpu, ofNode(seconds)),
    metric('node_memory_working_set_bytes', 'gauge', memory, ofNode(bytes)),
  ].join('');
}

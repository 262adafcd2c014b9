/**
 * Replays recorded decisions of the real kube-scheduler: which nodes were feasible, why the others
 * were not, each plugin's score of each node, and the message of an unschedulable pod.
 */
import { jsonEqual } from '../../src/base/json.ts';
import { seededRng } from '../../src/base/rng.ts';
import { explainRefusal } from '../../src/scheduler/explain.ts';
import { toPodInfo } from '../../src/scheduler/pod-info.ts';
import { findFeasible, schedulePod, scoreNodes } from '../../src/scheduler/schedule-pod.ts';
import { buildSnapshot } from '../../src/scheduler/snapshot.ts';
import { withMatchLabelKeys } from '../../src/schemas/kinds/pod/match-label-keys.ts';
import { asRecord } from '../../src/schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../src/schemas/object.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { NO_STORAGE } from '../../src/scheduler/storage.ts';
import type { StorageObjects } from '../../src/scheduler/types.ts';
import type { Namespace, Node, PersistentVolume, Pod, Service } from '../../src/schemas/types.ts';

interface Step {
  readonly pod: Pod;
  readonly stored?: Partial<Pod['spec']>;
  readonly outcome: string;
  readonly feasible?: readonly string[];
  readonly reasons?: Readonly<Record<string, readonly string[]>>;
  readonly scorePlugins?: readonly string[];
  readonly scores?: Readonly<Record<string, readonly number[]>>;
  readonly node?: string;
  readonly condition?: { readonly message?: string };
}

export interface Scenario {
  readonly name: string;
  readonly theme?: string;
  readonly nodes: readonly Node[];
  readonly services?: readonly Service[];
  readonly existing?: readonly { pod: Pod; phase?: string; terminating?: boolean }[];
  readonly steps: readonly Step[];
  readonly objects?: readonly { readonly object: KubeObject; readonly status?: unknown }[];
}

const priorities: Readonly<Record<string, number>> = {
  'p-neg': -10,
  'p-0': 0,
  'p-10': 10,
  'p-100': 100,
  'p-1000': 1000,
  'p-1000-never': 1000,
};

/** Changes a pod as the API server's admission does before the scheduler sees it. */
function admitted(pod: Pod): Pod {
  const kind = builtinRegistry.byKind('v1', 'Pod');
  const defaulted = kind!.withDefaults({ ...pod, apiVersion: 'v1', kind: 'Pod' }) as Pod;
  const selecting = withMatchLabelKeys(asRecord(defaulted.spec), pod.metadata.labels ?? {});
  const stored: Pod = { ...defaulted, spec: selecting as unknown as Pod['spec'] };
  const priorityClass = stored.spec.priorityClassName;
  return {
    ...stored,
    spec: {
      ...stored.spec,
      ...(priorityClass ? { priority: priorities[priorityClass] ?? 0 } : {}),
      ...(priorityClass === 'p-1000-never' ? { preemptionPolicy: 'Never' } : {}),
      ...(stored.spec.runtimeClassName === 'rc-ovh' ? { overhead: { cpu: '250m', memory: '120Mi' } } : {}),
    },
  };
}

const namespaces: Namespace[] = [
  ['default', {}],
  ['blue', { team: 'blue' }],
  ['green', { team: 'green', env: 'prod' }],
  ['kube-system', {}],
].map(([name, labels]) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: name as string,
    labels: { 'kubernetes.io/metadata.name': name as string, ...(labels as object) },
  },
}));

/** Claims, volumes and classes of the scenario. */
function storageOf({ objects = [] }: Scenario): StorageObjects {
  const find = <T extends KubeObject>(kind: string, key: string): T | undefined => {
    const found = objects.find(({ object }) => object.kind === kind && keyOf(object) === key);
    return found && ({ ...found.object, ...(found.status ? { status: found.status } : {}) } as T);
  };
  const volumes = objects.flatMap(({ object }) =>
    object.kind === 'PersistentVolume'
      ? (find<PersistentVolume>('PersistentVolume', object.metadata.name) ?? [])
      : [],
  );
  return {
    ...NO_STORAGE,
    claim: (key) => find('PersistentVolumeClaim', key),
    volume: (name) => find('PersistentVolume', name),
    storageClass: (name) => find('StorageClass', name),
    candidates: () => volumes,
  };
}

function worldOf(scenario: Scenario): Parameters<typeof buildSnapshot>[0] {
  return {
    nodes: scenario.nodes.map((node) => ({ ...node, spec: node.spec ?? {} })),
    services: (scenario.services ?? []).map((service) => ({
      ...service,
      metadata: { ...service.metadata, namespace: service.metadata.namespace ?? 'default' },
    })),
    namespaces,
    storage: storageOf(scenario),
    replicaSets: [],
    pods: (scenario.existing ?? []).map(({ pod, phase, terminating }) => {
      const stored = admitted(pod);
      return {
        ...stored,
        metadata: {
          ...stored.metadata,
          ...(terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
        },
        status: { ...stored.status, phase: phase ?? 'Pending' } as NonNullable<Pod['status']>,
      };
    }),
  };
}

/** CSI, disks of clouds, claims of devices and victims are parts of the scheduler not here. */
const FOREIGN_MESSAGES =
  /max volume count|resourceclaim|resourceClaims|ResourceClaim|disk\b|cannot allocate|terminating pod on the nominated/;

/** Why a scenario is not replayed at all; undefined when it is. */
export function leftOut({ name, steps }: Scenario): string | undefined {
  if (name.startsWith('p')) return 'preemption';
  if (name.startsWith('m-') && FOREIGN_MESSAGES.test(JSON.stringify(steps)))
    return 'disks, devices and victims';
  return undefined;
}

/**
 * The scheduler is not asked about a pod that names its node or that is held back. Upstream fails
 * on a preferred Gt/Lt term that its own validation lets through; here it is no match.
 */
const NOT_ASKED: ReadonlySet<string> = new Set(['preset', 'notAttempted', 'error', 'gated']);

/**
 * Upstream leaves a pod's own `spec.resources` out when it scores the incoming pod, and counts them
 * once it is placed; here they count both times.
 */
const hasPodLevelResources = ({ pod }: Step): boolean => 'resources' in pod.spec;

/** Where ours decides otherwise; empty when it never does. */
export function replayScenario(scenario: Scenario): string[] {
  const world = worldOf(scenario);
  const placed: Pod[] = [];
  for (const [index, step] of scenario.steps.entries()) {
    const pod = admitted(step.pod);
    for (const field of ['affinity', 'topologySpreadConstraints'] as const) {
      const wrong = step.stored?.[field] && unlike(`stored ${field}`, step.stored[field], pod.spec[field]);
      if (wrong && wrong.length > 0) return wrong.map((text) => `step ${index}: ${text}`);
    }
    const snapshot = buildSnapshot({ ...world, pods: [...world.pods, ...placed] });
    const info = toPodInfo(pod, snapshot.namespaceLabels);
    if (!NOT_ASKED.has(step.outcome)) {
      const complaints = [
        ...judgeFeasible(step, info, snapshot),
        ...judgeScores(step, info, snapshot),
        ...judgeMessage(step, info, snapshot),
      ];
      if (complaints.length > 0) return complaints.map((text) => `step ${index}: ${text}`);
    }
    // The recorder then evicted the victims: another world from here on, and eviction is not here
    // yet.
    if (step.outcome === 'preempting') return [];
    if (step.node) placed.push({ ...pod, spec: { ...pod.spec, nodeName: step.node } });
  }
  return [];
}

type Info = ReturnType<typeof toPodInfo>;
type Snapshot = ReturnType<typeof buildSnapshot>;

const unlike = (what: string, wanted: unknown, got: unknown): string[] =>
  jsonEqual(wanted, got) ? [] : [`${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`];

function judgeFeasible(step: Step, info: Info, snapshot: Snapshot): string[] {
  if (!step.feasible) return [];
  const { feasible, refusals, whole } = findFeasible(info, snapshot);
  const names = feasible.map(({ name }) => name).sort();
  const complaints = unlike('feasible nodes', [...step.feasible].sort(), names);
  if (whole !== undefined) return complaints;
  const sorted = (entries: Iterable<readonly [string, readonly string[]]>): Record<string, string[]> =>
    Object.fromEntries([...entries].map(([node, reasons]) => [node, [...reasons].sort()]));
  const ours = sorted([...refusals].map(([node, { reasons }]) => [node, reasons] as const));
  return [...complaints, ...unlike('reasons', sorted(Object.entries(step.reasons ?? {})), ours)];
}

function judgeScores(step: Step, info: Info, snapshot: Snapshot): string[] {
  if (!step.scores || !step.scorePlugins || hasPodLevelResources(step)) return [];
  const { feasible } = findFeasible(info, snapshot);
  const { totals, byPlugin } = scoreNodes(info, feasible, snapshot);
  const plugins = step.scorePlugins.filter((name) => name !== 'DynamicResources' && name !== 'TOTAL');
  return feasible.flatMap((node, index) => {
    const recorded = step.scores?.[node.name];
    if (!recorded) return [`no recorded score of ${node.name}`];
    const ours = plugins.map((name) => byPlugin.find(({ plugin }) => plugin.name === name)?.weighted[index]);
    const theirs = plugins.map((name) => recorded[step.scorePlugins!.indexOf(name)]);
    return unlike(
      `scores of ${node.name} (${plugins.join(', ')}, total)`,
      [...theirs, recorded.at(-1)],
      [...ours, totals[index]],
    );
  });
}

function judgeMessage(step: Step, info: Info, snapshot: Snapshot): string[] {
  const message = step.condition?.message;
  if (step.outcome !== 'unschedulable' || message === undefined) return [];
  const placement = schedulePod(info, snapshot, seededRng(1));
  if (placement.type === 'placed') return ['a pod that upstream refused is placed'];
  return unlike('message', message, explainRefusal(placement, info, snapshot));
}

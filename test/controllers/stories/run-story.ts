/** Replays one recorded story against the real API core and controllers on simulated time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { resourceIdOf } from '../../../src/schemas/resource-kind.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { Event, Pod } from '../../../src/schemas/types.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { type FakeKubelet, startFakeKubelet } from '../../support/fake-kubelet/fake-kubelet.ts';
import { needsAdmission } from './deliberate-differences.ts';
import { startScheduler } from '../../support/scheduler.ts';
import { Names } from './normalise.ts';
import type { StepResult } from './story-requests.ts';
import { storySteps, WAITING } from './story-steps.ts';
import { type ObjectSummary, summarise } from './summarise.ts';

const NS = 'story-ns';

type Step = Readonly<Record<string, unknown>>;

export interface RecordedResult {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly causes?: readonly unknown[];
}

export interface StoryLog {
  readonly steps: readonly {
    readonly i: number;
    readonly op: string;
    readonly result: RecordedResult | null;
  }[];
  readonly objects: Readonly<Record<string, { exact: boolean; seq: { ev: string; s?: ObjectSummary }[] }>>;
  readonly events: readonly { obj: string; type: string; reason: string; message: string; count: number }[];
  readonly podCounts: readonly {
    step: number;
    max: { alive: number; ready: number; maxVaried?: unknown };
    min: { alive: number; ready: number };
    minVaried?: unknown;
    maxVaried?: unknown;
  }[];
}

export interface Story {
  readonly steps: readonly Step[];
  readonly final: Readonly<Record<string, unknown>>;
  readonly log: StoryLog;
}

export interface StoryRun {
  readonly final: Readonly<Record<string, KubeObject>>;
  readonly events: readonly Event[];
  readonly results: readonly StepResult[];
  readonly sequences: ReadonlyMap<string, readonly ObjectSummary[]>;
  readonly podCounts: ReadonlyMap<number, { readonly maxAlive: number; readonly minReady: number }>;
}

export function readStory(directory: string): Story {
  const file = (part: string): string => readFileSync(join(directory, part), 'utf8');
  const story = load(file('story.yaml')) as { steps: Step[] };
  return {
    steps: story.steps,
    final: JSON.parse(file('final.json')) as Record<string, unknown>,
    log: JSON.parse(file('log.json')) as StoryLog,
  };
}

/** Messages of the scheduler count them. Where it does not take part, fewer make no difference. */
const RECORDED_NODES = ['m1', 'm2', 'm3', 'm4', 'm5'];

export async function runStory({ steps }: Story): Promise<StoryRun> {
  const cluster = await startTestCluster({
    nodeHealth: { gracePeriodMs: 6000, leaseGracePeriodMs: 6000 },
    caBundle: 'ca',
    admission: needsAdmission(steps),
  });
  const usesClaims = /"(persistentVolumeClaim|ephemeral|volumeClaimTemplates)":/.test(JSON.stringify(steps));
  const kubelet = await startFakeKubelet(cluster, { binds: !usesClaims });
  const scheduler = usesClaims ? await startScheduler(cluster) : undefined;
  try {
    for (const node of usesClaims ? RECORDED_NODES : RECORDED_NODES.slice(0, 3)) {
      await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: node }, spec: {} });
    }
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NS } });
    // Past the grace that every node gets after a start of the control plane.
    await cluster.clock.advance(8000);
    return await play(cluster, kubelet, steps);
  } finally {
    await scheduler?.[Symbol.asyncDispose]();
    await kubelet[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  }
}

async function play(cluster: TestCluster, kubelet: FakeKubelet, steps: readonly Step[]): Promise<StoryRun> {
  const { store, context } = cluster;
  const names = new Names(NS);
  const sequences = new Map<string, ObjectSummary[]>();
  const podCounts = new Map<number, { maxAlive: number; minReady: number }>();
  let changes = 0;
  let stepIndex = 0;
  const pods = await context.caches.open<Pod>('pods');

  function countPods(): void {
    const all = pods.list(NS).filter((pod) => !pod.metadata.deletionTimestamp);
    const alive = all.filter((pod) => !['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')).length;
    const ready = all.filter((pod) =>
      pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
    ).length;
    const current = podCounts.get(stepIndex) ?? { maxAlive: alive, minReady: ready };
    podCounts.set(stepIndex, {
      maxAlive: Math.max(current.maxAlive, alive),
      minReady: Math.min(current.minReady, ready),
    });
  }

  function record(object: KubeObject): void {
    const label = labelOf(object, names);
    const sequence = sequences.get(label) ?? [];
    const summary = names.deep(summarise(object));
    if (JSON.stringify(sequence.at(-1)) !== JSON.stringify(summary)) sequence.push(summary);
    sequences.set(label, sequence);
  }

  const subscriptions: Disposable[] = [];
  for (const kind of builtinRegistry.kinds) {
    if (kind.kind === 'Event' || kind.kind === 'Lease') continue;
    const cache = await context.caches.open(resourceIdOf(kind));
    subscriptions.push(
      cache.subscribe(({ type, object }) => {
        changes += 1;
        names.see(object);
        if (kind.kind === 'Pod') countPods();
        if (type !== 'DELETED') record(object);
      }),
    );
  }

  const world = { cluster, kubelet, names, namespace: NS, pods, changes: () => changes };
  const results: StepResult[] = [];
  for (const [index, step] of steps.entries()) {
    const [verb = '', argument] = Object.entries(step)[0] ?? [];
    const run = storySteps[verb];
    if (!run) throw new Error(`Unknown step ${verb}`);
    if (!WAITING.has(verb)) stepIndex = index;
    results.push(await run(world, argument));
    if (!WAITING.has(verb)) countPods();
  }
  await context.events.flush();
  for (const subscription of subscriptions) subscription[Symbol.dispose]();

  const final: Record<string, KubeObject> = {};
  for (const kind of builtinRegistry.kinds) {
    for (const object of (await store.list(resourceIdOf(kind))).objects)
      final[labelOf(object, names)] = names.deep(object);
  }
  const { objects: events } = await store.list('events');
  return {
    final,
    events: events.map((event) => names.deep(event)) as Event[],
    results: results.map((result) => names.deep(result)),
    sequences,
    podCounts,
  };
}

/** `Kind/name` as the record writes it: with the namespace where it is not the story's own. */
function labelOf(object: KubeObject, names: Names): string {
  const { namespace, name } = object.metadata;
  const prefix = namespace && namespace !== NS ? `${names.text(namespace)}/` : '';
  return `${object.kind}/${prefix}${names.text(name)}`;
}

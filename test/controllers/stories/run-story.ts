/** Replays one recorded story against the real controllers on simulated time. */
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { isRecord, jsonClone } from '../../../src/base/json.ts';
import { type KubeObject, objectKey } from '../../../src/schemas/object.ts';
import { resourceIdOf } from '../../../src/schemas/resource-kind.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { isStatusError } from '../../../src/schemas/status.ts';
import type { Event, Node, Pod, ReplicaSet } from '../../../src/schemas/types.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { type FakeKubelet, startFakeKubelet } from '../../support/fake-kubelet.ts';
import { Names } from './normalise.ts';
import { type ObjectSummary, summarise } from './summarise.ts';

const ROOT = new URL('../../fixtures/facts/stories/', import.meta.url);
const NS = 'story-ns';
/** One tick of simulated time while waiting; small against every delay of the stories. */
const TICK_MS = 50;
const MAX_WAIT_MS = 120_000;

type Step = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, unknown>>;

export interface StoryLog {
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

export interface StoryRun {
  readonly final: Readonly<Record<string, KubeObject>>;
  readonly events: readonly Event[];
  readonly sequences: ReadonlyMap<string, readonly ObjectSummary[]>;
  readonly podCounts: ReadonlyMap<number, { readonly maxAlive: number; readonly minReady: number }>;
  readonly names: Names;
}

export function readStory(name: string): { steps: Step[]; final: Record<string, unknown>; log: StoryLog } {
  const file = (part: string): string => readFileSync(new URL(`${name}/${part}`, ROOT), 'utf8');
  const story = load(file('story.yaml')) as { steps: Step[] };
  return {
    steps: story.steps,
    final: JSON.parse(file('final.json')) as Record<string, unknown>,
    log: JSON.parse(file('log.json')) as StoryLog,
  };
}

export async function runStory(name: string): Promise<StoryRun> {
  const { steps } = readStory(name);
  const cluster = await startTestCluster({
    nodeHealth: { gracePeriodMs: 6000, monitorPeriodMs: 1000 },
    caBundle: 'ca',
  });
  const kubelet = await startFakeKubelet(cluster);
  try {
    for (const node of ['m1', 'm2', 'm3']) {
      await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: node }, spec: {} });
    }
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NS } });
    // Past the grace that every node gets after a start of the control plane.
    await cluster.clock.advance(8000);
    return await play(cluster, kubelet, steps);
  } finally {
    await kubelet[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  }
}

async function play(cluster: TestCluster, kubelet: FakeKubelet, steps: readonly Step[]): Promise<StoryRun> {
  const { objects, store, clock, context } = cluster;
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

  const subscriptions: Disposable[] = [];
  for (const kind of builtinRegistry.kinds) {
    if (kind.kind === 'Event' || kind.kind === 'Lease') continue;
    const cache = await context.caches.open(resourceIdOf(kind));
    subscriptions.push(
      cache.subscribe(({ type, object }) => {
        changes += 1;
        names.see(object);
        if (kind.kind === 'Pod') countPods();
        if (type === 'DELETED') return;
        const label = labelOf(object, names);
        const sequence = sequences.get(label) ?? [];
        const summary = names.deep(summarise(object));
        if (JSON.stringify(sequence.at(-1)) !== JSON.stringify(summary)) sequence.push(summary);
        sequences.set(label, sequence);
      }),
    );
  }

  const namespaceOf = (fields: Fields): string => names.real((fields['ns'] as string | undefined) ?? NS);
  function locate(fields: Fields): { resource: string; key: string } {
    const kind = builtinRegistry.kinds.find((item) => item.kind === fields['kind']);
    if (!kind) throw new Error(`Unknown kind ${String(fields['kind'])}`);
    const name = names.real(String(fields['name']));
    return {
      resource: resourceIdOf(kind),
      key: kind.namespaced ? objectKey(namespaceOf(fields), name) : name,
    };
  }
  const read = async (fields: Fields): Promise<KubeObject | undefined> => {
    const { resource, key } = locate(fields);
    return store.get(resource, key);
  };

  async function change(
    fields: Fields,
    next: (object: KubeObject) => KubeObject,
    status = false,
  ): Promise<void> {
    for (;;) {
      const object = await read(fields);
      if (!object) throw new Error(`${String(fields['kind'])}/${String(fields['name'])} is not there`);
      try {
        await objects.update(next(jsonClone(object)), status ? { subresource: 'status' } : {});
        return;
      } catch (error) {
        if (!isStatusError(error, 'Conflict')) throw error;
      }
    }
  }

  async function waitUntil(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
    for (let waited = 0; waited <= MAX_WAIT_MS; waited += TICK_MS) {
      if (await done()) return;
      await clock.advance(TICK_MS);
    }
    const left = builtinRegistry.kinds
      .filter((kind) => kind.kind !== 'Event')
      .map(async (kind) => (await store.list(resourceIdOf(kind))).objects);
    const objectsLeft = (await Promise.all(left))
      .flat()
      .filter((object) => object.metadata.deletionTimestamp);
    throw new Error(`Waited in vain for ${what}: ${JSON.stringify(objectsLeft)}`);
  }

  async function quiet(seconds: number): Promise<void> {
    let last = changes;
    let since = clock.now();
    await waitUntil(() => {
      if (changes !== last) [last, since] = [changes, clock.now()];
      return clock.now() - since >= seconds * 1000;
    }, 'quiet');
  }

  async function create(manifest: unknown): Promise<void> {
    const object = names.deepReal(manifest) as KubeObject;
    const kind = builtinRegistry.byKind(object.apiVersion, object.kind);
    const metadata = kind?.namespaced ? { namespace: NS, ...object.metadata } : object.metadata;
    const isNode = object.kind === 'Node';
    const spec = object['spec'] as Node['spec'] | undefined;
    // What admission does to a Node that has not reported yet.
    const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
    const tainted = isNode ? { spec: { ...spec, taints: [...(spec?.taints ?? []), taint] } } : {};
    await objects.create({ ...object, metadata, ...tainted });
  }

  async function own(fields: Fields): Promise<void> {
    const owners = [fields['owner'], fields['owner2']].filter((name) => typeof name === 'string');
    const ownerReferences = await Promise.all(
      owners.map(async (name) => {
        const owner = await store.get('configmaps', objectKey(NS, name));
        const block = fields['blockOwnerDeletion'] === true ? { blockOwnerDeletion: true } : {};
        return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: owner?.metadata.uid ?? '', ...block };
      }),
    );
    const metadata = { name: String(fields['name']), namespace: NS, ownerReferences };
    await objects.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
  }

  async function nodeCondition(node: string, type: string, status: string): Promise<void> {
    await change(
      { kind: 'Node', name: node },
      (object) => {
        const { conditions = [], ...rest } = (object as Node).status ?? {};
        const now = new Date(clock.now()).toISOString();
        const found = conditions.find((item) => item.type === type);
        const next = {
          ...found,
          type,
          status,
          reason: 'FakeKubelet',
          lastHeartbeatTime: now,
          lastTransitionTime: now,
        };
        return {
          ...object,
          status: {
            ...rest,
            conditions: found
              ? conditions.map((item) => (item === found ? next : item))
              : [...conditions, next],
          },
        };
      },
      true,
    );
  }

  async function undo(toRevision: number | undefined): Promise<void> {
    const { objects: sets } = await store.list('replicasets.apps');
    const revision = (set: KubeObject): number =>
      Number(set.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
    const mine = sets
      .filter((set) => set.metadata.namespace === NS)
      .sort((a, b) => revision(b) - revision(a));
    const target = (
      toRevision === undefined ? mine[1] : mine.find((set) => revision(set) === toRevision)
    ) as ReplicaSet;
    const template = jsonClone(target.spec.template);
    delete template?.metadata?.labels?.['pod-template-hash'];
    await change({ kind: 'Deployment', name: 'web' }, (object) => ({
      ...object,
      spec: { ...(object['spec'] as object), template },
    }));
  }

  async function waitFor(fields: Fields): Promise<void> {
    await waitUntil(async () => {
      if (fields['pods'] !== undefined) {
        const all = pods.list(NS);
        const ready = all.filter((pod) =>
          pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
        );
        if (fields['phase'] !== undefined && all.some((pod) => pod.status?.phase !== fields['phase']))
          return false;
        return (
          all.length === fields['pods'] && (fields['ready'] === undefined || ready.length === fields['ready'])
        );
      }
      const object = await read(fields);
      if (fields['gone'] === true) return object === undefined;
      const status = object?.['status'] as
        | { conditions?: { type: string; status: string; reason?: string }[] }
        | undefined;
      const found = status?.conditions?.find((item) => item.type === fields['cond']);
      return (
        found?.status === fields['status'] &&
        (fields['reason'] === undefined || found?.reason === fields['reason'])
      );
    }, JSON.stringify(fields));
  }

  for (const step of steps) {
    const [verb = '', argument] = Object.entries(step)[0] ?? [];
    const fields = isRecord(argument) ? argument : {};
    switch (verb) {
      case 'create':
        // The API server refuses content of a namespace that is going; there is none here.
        if (JSON.stringify(argument).includes('"late"')) break;
        for (const manifest of Array.isArray(argument) ? argument : [argument]) await create(manifest);
        break;
      case 'owned':
        await own(fields);
        break;
      case 'patch':
        await change(
          fields,
          (object) => merge(object, names.deepReal(fields['body']), fields['type'] !== 'merge') as KubeObject,
        );
        break;
      case 'scale':
        await change(
          fields,
          (object) => merge(object, { spec: { replicas: fields['replicas'] } }, false) as KubeObject,
        );
        break;
      case 'delete': {
        const object = await read(fields);
        const policy = fields['propagationPolicy'] as 'Foreground' | 'Background' | 'Orphan' | undefined;
        if (!object) throw new Error(`Nothing to delete: ${JSON.stringify(fields)}`);
        await objects.apply([
          { verb: 'delete', object, options: { propagationPolicy: policy ?? 'Background' } },
        ]);
        break;
      }
      case 'pod':
        await kubelet.setPod(
          objectKey(NS, names.real(String(fields['name']))),
          fields['do'] as 'ready',
          fields['exit'] as number | undefined,
          fields['reason'] as string | undefined,
        );
        break;
      case 'kubelet':
        kubelet.setDown(names.real(String(fields['node'])), fields['down'] === true);
        break;
      case 'nodeready':
      case 'nodenotready':
        await nodeCondition(names.real(String(argument)), 'Ready', verb === 'nodeready' ? 'True' : 'False');
        break;
      case 'nodecond':
        await nodeCondition(
          names.real(String(fields['node'])),
          String(fields['type']),
          String(fields['status']),
        );
        break;
      case 'kubectl': {
        const match = /rollout undo \S+(?: --to-revision=(\d+))?/.exec(String(argument));
        if (match) await undo(match[1] === undefined ? undefined : Number(match[1]));
        break;
      }
      case 'quiet':
        await quiet(Number(argument));
        break;
      case 'sleep':
        await clock.advance(Number(argument) * 1000);
        break;
      case 'wait':
        await waitFor(fields);
        break;
      default:
        throw new Error(`Unknown step ${verb}`);
    }
    if (!['quiet', 'wait', 'sleep'].includes(verb)) {
      stepIndex = steps.indexOf(step);
      countPods();
    }
  }
  await context.events.flush();
  for (const subscription of subscriptions) subscription[Symbol.dispose]();

  const final: Record<string, KubeObject> = {};
  for (const kind of builtinRegistry.kinds) {
    for (const object of (await store.list(resourceIdOf(kind))).objects)
      final[labelOf(object, names)] = names.deep(object);
  }
  const { objects: events } = await store.list('events');
  return { final, events: events.map((event) => names.deep(event)) as Event[], sequences, podCounts, names };
}

/** `Kind/name` as the record writes it: with the namespace where it is not the story's own. */
function labelOf(object: KubeObject, names: Names): string {
  const { namespace, name } = object.metadata;
  const prefix = namespace && namespace !== NS ? `${names.text(namespace)}/` : '';
  return `${object.kind}/${prefix}${names.text(name)}`;
}

/** Merge patch; strategic in as far as lists of named items are merged by name. */
function merge(target: unknown, patch: unknown, strategic: boolean): unknown {
  if (
    Array.isArray(patch) &&
    Array.isArray(target) &&
    strategic &&
    patch.every((item) => isRecord(item) && 'name' in item)
  ) {
    const merged = target.map((item: Fields) => {
      const change = patch.find((candidate: Fields) => candidate['name'] === item['name']) as unknown;
      return change === undefined ? item : merge(item, change, strategic);
    });
    return merged;
  }
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value, strategic);
  }
  return result;
}

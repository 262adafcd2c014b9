/**
 * The steps of a recorded story (README of the recordings). Each is a request to the API's core, a
 * deed of the fake kubelet, or a wait on simulated time. A request's result is its code and, when
 * it was refused, the status.
 */
import { isRecord, jsonClone, jsonEqual } from '../../../src/base/json.ts';
import type { PatchFormat, RequestContext } from '../../../src/resources/types.ts';
import { controllerOf, type KubeObject, objectKey } from '../../../src/schemas/object.ts';
import type { ResourceKind } from '../../../src/schemas/resource-kind.ts';
import { resourceIdOf } from '../../../src/schemas/resource-kind.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { type Status, StatusError } from '../../../src/schemas/errors/status.ts';
import type { ControllerRevision, CronJob, Node, Pod, ReplicaSet } from '../../../src/schemas/types.ts';
import type { TestCluster } from '../../support/cluster.ts';
import type { FakeKubelet } from '../../support/fake-kubelet.ts';
import type { Names } from './normalise.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Undefined: the step is no request. */
export type StepResult = { readonly code: number; readonly status?: Status } | undefined;

export interface StoryWorld {
  readonly cluster: TestCluster;
  readonly kubelet: FakeKubelet;
  readonly names: Names;
  /** The story's own namespace. */
  readonly namespace: string;
  readonly pods: { list(namespace: string): readonly Pod[] };
  /** How many changes there have been in the cluster. */
  readonly changes: () => number;
}

type Step = (world: StoryWorld, argument: unknown) => Promise<StepResult>;

/** One tick of simulated time while waiting; small against every delay of the stories. */
const TICK_MS = 50;
const MAX_WAIT_MS = 120_000;
/**
 * A command is a process that starts and asks for the API first. In the recordings its effect came
 * 0.1 s to 1 s after its step began, so the effects of two commands in a row are never seen in one
 * look.
 */
const KUBECTL_MS = 150;
/** `quiet` gives up waiting after this long, as the recorder did. */
const MAX_QUIET_MS = 45_000;

const STRICT = { dryRun: false, fieldValidation: 'Strict' } as const;
const USER: RequestContext = {
  user: { name: 'admin', groups: ['system:masters'] },
  warn: () => undefined,
  annotate: () => undefined,
};

const fieldsOf = (argument: unknown): Fields => (isRecord(argument) ? argument : {});

async function resultOf(code: number, request: Promise<unknown>): Promise<StepResult> {
  try {
    await request;
    return { code };
  } catch (error) {
    if (error instanceof StatusError) return { code: error.code, status: error.status };
    throw error;
  }
}

function refOf(
  world: StoryWorld,
  fields: Fields,
): { kind: ResourceKind; namespace: string | undefined; name: string } {
  const kind = builtinRegistry.kinds.find((item) => item.kind === fields['kind']);
  if (!kind) throw new Error(`Unknown kind ${String(fields['kind'])}`);
  const namespace = world.names.real((fields['ns'] as string | undefined) ?? world.namespace);
  return {
    kind,
    namespace: kind.namespaced ? namespace : undefined,
    name: world.names.real(String(fields['name'])),
  };
}

async function read(world: StoryWorld, fields: Fields): Promise<KubeObject | undefined> {
  const { kind, namespace, name } = refOf(world, fields);
  return world.cluster.store.get(
    resourceIdOf(kind),
    namespace === undefined ? name : objectKey(namespace, name),
  );
}

async function waitUntil(
  world: StoryWorld,
  done: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  for (let waited = 0; waited <= MAX_WAIT_MS; waited += TICK_MS) {
    if (await done()) return;
    await world.cluster.clock.advance(TICK_MS);
  }
  throw new Error(`Waited in vain for ${what}`);
}

async function quiet(world: StoryWorld, seconds: number): Promise<void> {
  const { clock } = world.cluster;
  const start = clock.now();
  let last = world.changes();
  let since = start;
  await waitUntil(
    world,
    () => {
      if (world.changes() !== last) [last, since] = [world.changes(), clock.now()];
      return clock.now() - since >= seconds * 1000 || clock.now() - start >= MAX_QUIET_MS;
    },
    'quiet',
  );
}

async function createOne(world: StoryWorld, manifest: unknown): Promise<StepResult> {
  const object = world.names.deepReal(manifest) as KubeObject;
  const kind = builtinRegistry.byKind(object.apiVersion, object.kind);
  if (!kind) throw new Error(`Unknown kind ${object.kind}`);
  const metadata = kind.namespaced ? { namespace: world.namespace, ...object.metadata } : object.metadata;
  const namespace = kind.namespaced ? metadata.namespace : undefined;
  return resultOf(201, world.cluster.core.create({ kind, namespace }, { ...object, metadata }, STRICT, USER));
}

async function create(world: StoryWorld, argument: unknown): Promise<StepResult> {
  let result: StepResult;
  for (const manifest of Array.isArray(argument) ? argument : [argument])
    result = await createOne(world, manifest);
  return result;
}

/**
 * A ConfigMap that ConfigMaps own, in its namespace or (`xowner`) in another one, where owners do
 * not count.
 */
async function own(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = fieldsOf(argument);
  const listed = Array.isArray(fields['owners']) ? (fields['owners'] as unknown[]) : [];
  const owners = [fields['owner'], fields['owner2'], ...listed].filter((name) => typeof name === 'string');
  const ownersNamespace = fields['ownerNs'] ?? fields['ownerNamespace'] ?? fields['ns'];
  const ownerReferences = await Promise.all(
    owners.map(async (name) => {
      const owner = await read(world, { kind: 'ConfigMap', name, ns: ownersNamespace });
      const block = fields['blockOwnerDeletion'] === true ? { blockOwnerDeletion: true } : {};
      return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: owner?.metadata.uid ?? '', ...block };
    }),
  );
  const { finalizers } = fields;
  const metadata = {
    name: String(fields['name']),
    ownerReferences,
    ...(finalizers === undefined ? {} : { finalizers }),
  };
  return createOne(world, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
}

const FORMATS: Readonly<Record<string, PatchFormat>> = {
  strategic: 'strategic',
  merge: 'merge',
  json: 'json',
};

async function patch(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = fieldsOf(argument);
  const body = world.names.deepReal(fields['body']);
  const format = FORMATS[(fields['type'] as string | undefined) ?? 'strategic'] ?? 'strategic';
  const ref = refOf(world, fields);
  const { core } = world.cluster;
  const request =
    fields['sub'] === 'scale'
      ? core.patchScale(ref, { format, body }, STRICT, USER)
      : core.patch(ref, { format, body }, STRICT, USER, fields['sub'] as 'status' | undefined);
  return resultOf(200, request);
}

async function scale(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = fieldsOf(argument);
  const body = { spec: { replicas: fields['replicas'] } };
  return resultOf(
    200,
    world.cluster.core.patchScale(refOf(world, fields), { format: 'merge', body }, STRICT, USER),
  );
}

async function remove(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = fieldsOf(argument);
  const propagationPolicy = (fields['propagationPolicy'] ?? 'Background') as
    | 'Foreground'
    | 'Background'
    | 'Orphan';
  const grace = fields['gracePeriodSeconds'] as number | undefined;
  const options = {
    dryRun: false,
    propagationPolicy,
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
  };
  return resultOf(200, world.cluster.core.delete(refOf(world, fields), options, USER));
}

async function evict(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = { kind: 'Pod', ...fieldsOf(argument) };
  const { core } = world.cluster;
  const action = core.actions.find(({ subresource }) => subresource === 'eviction');
  const ref = refOf(world, fields);
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: ref.name, namespace: ref.namespace },
  };
  return resultOf(201, Promise.resolve(action?.create(ref, body, STRICT, USER)));
}

async function setPod(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const { name, do: to, exit, reason } = fieldsOf(argument);
  const key = objectKey(world.namespace, world.names.real(String(name)));
  await world.kubelet.setPod(key, to as 'ready', exit as number | undefined, reason as string | undefined);
  return undefined;
}

async function nodeCondition(world: StoryWorld, node: string, type: string, status: string): Promise<void> {
  const stored = (await read(world, { kind: 'Node', name: node })) as Node | undefined;
  const now = new Date(world.cluster.clock.now()).toISOString().replace(/\.\d+/, '');
  const found = stored?.status?.conditions?.find((item) => item.type === type);
  const next = {
    ...found,
    type,
    status,
    reason: 'FakeKubelet',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  const body = { status: { conditions: [next] } };
  await patch(world, { kind: 'Node', name: node, sub: 'status', body });
}

const setReady =
  (status: 'True' | 'False'): Step =>
  async (world, argument) => {
    await nodeCondition(world, world.names.real(String(argument)), 'Ready', status);
    return undefined;
  };

/** Changes a Deployment as `kubectl rollout undo` does. */
async function undo(world: StoryWorld, name: string, toRevision: number | undefined): Promise<void> {
  const { objects: sets } = await world.cluster.store.list('replicasets.apps');
  const revision = (set: KubeObject): number =>
    Number(set.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
  const mine = sets
    .filter((set) => set.metadata.namespace === world.namespace)
    .sort((a, b) => revision(b) - revision(a));
  const target = (
    toRevision === undefined ? mine[1] : mine.find((set) => revision(set) === toRevision)
  ) as ReplicaSet;
  const template = jsonClone(target.spec.template);
  delete template?.metadata?.labels?.['pod-template-hash'];
  const body = [{ op: 'replace', path: '/spec/template', value: template }];
  await patch(world, { kind: 'Deployment', name, type: 'json', body });
}

/** Changes a StatefulSet or DaemonSet as `kubectl rollout undo` does: it applies a revision. */
async function undoByRevision(
  world: StoryWorld,
  { kind, name }: Fields,
  toRevision: number | undefined,
): Promise<void> {
  const { objects } = await world.cluster.store.list('controllerrevisions.apps');
  const mine = (objects as ControllerRevision[])
    .filter(
      ({ metadata }) =>
        metadata.namespace === world.namespace && controllerOf({ metadata } as KubeObject)?.name === name,
    )
    .sort((a, b) => b.revision - a.revision);
  const target = toRevision === undefined ? mine[1] : mine.find(({ revision }) => revision === toRevision);
  await patch(world, { kind, name, body: target?.data });
}

/** Makes a Job as `kubectl create job NAME --from=cronjob/OTHER` does. */
async function createJobFrom(world: StoryWorld, name: string, from: string): Promise<void> {
  const cronJob = (await read(world, { kind: 'CronJob', name: from })) as CronJob;
  const { metadata, spec } = cronJob.spec.jobTemplate;
  await create(world, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      ...metadata,
      name,
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual', ...metadata?.annotations },
      ownerReferences: [
        {
          apiVersion: 'batch/v1',
          kind: 'CronJob',
          name: from,
          uid: cronJob.metadata.uid,
          controller: true,
        },
      ],
    },
    spec,
  });
}

const KINDS: Readonly<Record<string, string>> = {
  deploy: 'Deployment',
  deployment: 'Deployment',
  'deployment.apps': 'Deployment',
  rs: 'ReplicaSet',
  replicaset: 'ReplicaSet',
  ds: 'DaemonSet',
  daemonset: 'DaemonSet',
  'daemonset.apps': 'DaemonSet',
  sts: 'StatefulSet',
  statefulset: 'StatefulSet',
  'statefulset.apps': 'StatefulSet',
};

/** Changes an object as the commands of the stories do; commands that only read change nothing. */
async function kubectl(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const words = String(argument).split(/\s+/);
  const flag = (name: string): string | undefined =>
    words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const [, short = '', name = ''] = words.map((word) => /^([a-z.]+)\/(\S+)$/.exec(word)).find(Boolean) ?? [];
  const kind = KINDS[short];
  await world.cluster.clock.advance(KUBECTL_MS);
  const from = flag('from')?.replace('cronjob/', '');
  if (from !== undefined) await createJobFrom(world, words[2] ?? '', from);
  if (kind === undefined) return undefined;
  const change = (body: unknown): Promise<StepResult> => patch(world, { kind, name, body });
  const revision = flag('to-revision');
  switch (words.slice(0, 2).join(' ')) {
    case 'rollout undo': {
      const toRevision = revision === undefined ? undefined : Number(revision);
      if (kind === 'Deployment') await undo(world, name, toRevision);
      else await undoByRevision(world, { kind, name }, toRevision);
      break;
    }
    case 'rollout pause':
      await change({ spec: { paused: true } });
      break;
    case 'rollout resume':
      await change({ spec: { paused: null } });
      break;
    case 'rollout restart': {
      const restartedAt = new Date(world.cluster.clock.now()).toISOString().replace(/\.\d+/, '');
      const annotations = { 'kubectl.kubernetes.io/restartedAt': restartedAt };
      await change({ spec: { template: { metadata: { annotations } } } });
      break;
    }
    case 'set image': {
      const images = words.filter((word) => /^[^-/][^=/]*=/.test(word)).map((word) => word.split('='));
      const containers = images.map(([container, image]) => ({ name: container, image }));
      await change({ spec: { template: { spec: { containers } } } });
      break;
    }
    default:
      if (words[0] === 'scale') await scale(world, { kind, name, replicas: Number(flag('replicas')) });
  }
  return undefined;
}

const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

function podsAre(world: StoryWorld, fields: Fields): boolean {
  const labels = Object.entries(isRecord(fields['labels']) ? fields['labels'] : {});
  const all = world.pods
    .list(world.namespace)
    .filter((pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value));
  const { phase } = fields;
  const inPhase = phase === undefined ? all : all.filter((pod) => pod.status?.phase === phase);
  if (fields['pods'] !== undefined && inPhase.length !== fields['pods']) return false;
  return fields['ready'] === undefined || all.filter(isReady).length === fields['ready'];
}

/** The value at a path such as `status.hard.pods`. */
function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), object);
}

async function holds(world: StoryWorld, fields: Fields): Promise<boolean> {
  if (fields['pods'] !== undefined || fields['ready'] !== undefined) return podsAre(world, fields);
  const object = await read(world, fields);
  if (fields['gone'] !== undefined) return object === undefined;
  if (fields['exists'] !== undefined) return object !== undefined;
  if (typeof fields['path'] === 'string') {
    const value = at(object, fields['path']);
    return 'atLeast' in fields
      ? Number(value) >= Number(fields['atLeast'])
      : jsonEqual(value, fields['equals']);
  }
  const { conditions = [] } = (object?.['status'] ?? {}) as {
    conditions?: { type: string; status: string; reason?: string }[];
  };
  const found = conditions.find((item) => item.type === fields['cond']);
  return (
    found?.status === (fields['status'] ?? 'True') &&
    (fields['reason'] === undefined || found?.reason === fields['reason'])
  );
}

/** Steps that change nothing begin no new stretch of the record. */
export const WAITING: ReadonlySet<string> = new Set(['quiet', 'wait', 'sleep', 'minute', 'get', 'list']);

export const storySteps: Readonly<Record<string, Step>> = {
  create,
  owned: own,
  xowner: own,
  patch,
  scale,
  delete: remove,
  evict,
  pod: setPod,
  kubectl,
  nodeready: setReady('True'),
  nodenotready: setReady('False'),
  async nodecond(world, argument) {
    const { node, type, status } = fieldsOf(argument);
    await nodeCondition(world, world.names.real(String(node)), String(type), String(status));
    return undefined;
  },
  async kubelet(world, argument) {
    const { node, down } = fieldsOf(argument);
    world.kubelet.setDown(world.names.real(String(node)), down === true);
    return undefined;
  },
  async get(world, argument) {
    return { code: (await read(world, fieldsOf(argument))) ? 200 : 404 };
  },
  // The objects at the end are compared with the recorded end.
  list: async () => ({ code: 200 }),
  async quiet(world, argument) {
    await quiet(world, Number(argument));
    return undefined;
  },
  async sleep(world, argument) {
    await world.cluster.clock.advance(Number(argument) * 1000);
    return undefined;
  },
  async minute(world, argument) {
    const second = Number(argument) * 1000;
    const untilMs = 60_000 - (world.cluster.clock.now() % 60_000) + second;
    await world.cluster.clock.advance(untilMs);
    return undefined;
  },
  async wait(world, argument) {
    await waitUntil(world, () => holds(world, fieldsOf(argument)), JSON.stringify(argument));
    return undefined;
  },
};

/** The commands of a story, as requests. Commands that only read change nothing. */
import { jsonClone } from '../../../src/base/json.ts';
import { controllerOf, type KubeObject } from '../../../src/schemas/object.ts';
import type { ControllerRevision, CronJob, ReplicaSet } from '../../../src/schemas/types.ts';
import {
  create,
  type Fields,
  patch,
  read,
  scale,
  type StepResult,
  type StoryWorld,
} from './story-requests.ts';

/**
 * A command is a process that starts and asks for the API first. In the recordings its effect came
 * 0.1 s to 1 s after its step began, so the effects of two commands in a row are never seen in one
 * look.
 */
const KUBECTL_MS = 150;

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
export async function kubectl(world: StoryWorld, argument: unknown): Promise<StepResult> {
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

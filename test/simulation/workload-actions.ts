/** Actions of developers and operators upon workloads beyond Deployments, and bad luck of nodes. */
import { type Clock, sleep } from '../../src/base/clock.ts';
import { type ApiClient, type ResourcePath, resources } from '../../src/client/types.ts';
import { isStatusError } from '../../src/schemas/errors/status.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { type Action, anyNode, anyOf, byHand, hook, without } from './actions.ts';
import { chance, pick, upTo } from './draws.ts';
import type { TreeDraft } from './manifests.ts';
import type { Simulation } from './run.ts';
import {
  CRON_NAMES,
  DAEMON_NAMES,
  MAX_MEMBERS,
  RESOURCES,
  SET_NAMES,
  type WorkloadDraft,
  aCronJob,
  aDaemonSet,
  aJob,
  aStatefulSet,
  changed,
} from './workloads.ts';

/** A drain goes on for a minute. */
const EVICTION_TRIES = 12;
const EVICTION_RETRY_MS = 5_000;
/** Jobs that Git holds at a time. */
const MOST_JOBS = 3;
const PATHS: Readonly<Record<string, ResourcePath>> = {
  'statefulsets.apps': { group: 'apps', version: 'v1', plural: 'statefulsets' },
  'daemonsets.apps': { group: 'apps', version: 'v1', plural: 'daemonsets' },
  'jobs.batch': { group: 'batch', version: 'v1', plural: 'jobs' },
  'cronjobs.batch': { group: 'batch', version: 'v1', plural: 'cronjobs' },
};
const pathOf = (resource: string): ResourcePath => {
  const path = PATHS[resource];
  if (!path) throw new Error(`Cannot write ${resource}: no path is known`);
  return path;
};

export const workloadActions: readonly Action[] = [
  {
    name: 'commit a StatefulSet',
    weight: 22,
    scene: 'workloads',
    fault: false,
    run: (simulation) => commit(simulation, pick(simulation.rng, SET_NAMES), aStatefulSet(simulation.rng)),
  },
  {
    name: 'commit a DaemonSet',
    weight: 9,
    scene: 'workloads',
    fault: false,
    run: (simulation) => commit(simulation, pick(simulation.rng, DAEMON_NAMES), aDaemonSet(simulation.rng)),
  },
  {
    name: 'commit a Job',
    weight: 16,
    scene: 'workloads',
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      const jobs = Object.keys(tree.workloads).filter((name) => tree.workloads[name]?.kind === 'Job');
      const [oldest] = jobs;
      const workloads =
        oldest !== undefined && jobs.length >= MOST_JOBS ? without(tree.workloads, oldest) : tree.workloads;
      return commit(simulation, `job-${simulation.commits.size}`, aJob(rng), { ...tree, workloads });
    },
  },
  {
    name: 'commit a CronJob',
    weight: 7,
    scene: 'workloads',
    fault: false,
    run: (simulation) => commit(simulation, pick(simulation.rng, CRON_NAMES), aCronJob(simulation.rng)),
  },
  {
    name: 'commit a change of a workload',
    weight: 18,
    scene: 'workloads',
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      const all = Object.entries(tree.workloads);
      if (all.length === 0) return undefined;
      const [name, draft] = pick(rng, all);
      return commit(simulation, name, changed(rng, draft));
    },
  },
  {
    name: 'commit the removal of a workload',
    weight: 6,
    scene: 'workloads',
    fault: false,
    run(simulation) {
      const { rng, tree } = simulation;
      const names = Object.keys(tree.workloads);
      if (names.length === 0) return undefined;
      const name = pick(rng, names);
      simulation.commit({ ...tree, workloads: without(tree.workloads, name) });
      hook(simulation);
      return name;
    },
  },
  {
    name: 'kubectl scale statefulset',
    weight: 5,
    scene: 'workloads',
    fault: true,
    run(simulation) {
      const resource = 'statefulsets.apps';
      const set = anyOf(simulation, resource);
      if (!set) return undefined;
      const patch = { spec: { replicas: upTo(simulation.rng, MAX_MEMBERS) } };
      return byHand(simulation, resource, set, (kubectl, { namespace, name }) =>
        kubectl.patch(pathOf(resource), namespace, name, patch),
      );
    },
  },
  {
    name: 'kubectl delete workload',
    weight: 6,
    scene: 'workloads',
    fault: true,
    run(simulation) {
      const { rng } = simulation;
      const resource = pick(rng, Object.values(RESOURCES));
      const object = anyOf(simulation, resource);
      if (!object) return undefined;
      const propagationPolicy = pick(rng, ['Background', 'Foreground', 'Orphan'] as const);
      const done = byHand(simulation, resource, object, (kubectl, { namespace, name }) =>
        kubectl.delete(pathOf(resource), namespace, name, { propagationPolicy }),
      );
      return `${resource} ${done}, ${propagationPolicy}`;
    },
  },
  {
    name: 'kubectl delete claim',
    weight: 3,
    scene: 'workloads',
    fault: true,
    run(simulation) {
      const claim = anyOf(simulation, 'persistentvolumeclaims');
      if (!claim) return undefined;
      return byHand(simulation, 'persistentvolumeclaims', claim, (kubectl, { namespace, name }) =>
        kubectl.delete(resources.persistentVolumeClaims, namespace, name),
      );
    },
  },
  {
    name: 'kubectl drain',
    weight: 5,
    scene: 'workloads',
    fault: true,
    run(simulation) {
      const { world, rng } = simulation;
      const { name } = anyNode(simulation);
      const kubectl = world.kubectl();
      if (!kubectl) return 'in vain: the control plane is down';
      const evicts = chance(rng, 0.7);
      const cordon = { spec: { unschedulable: true } };
      simulation.background('drain', kubectl.patch(resources.nodes, undefined, name, cordon));
      for (const pod of world.ledger.objects<Pod>('pods').values())
        if (pod.spec.nodeName === name)
          byHand(simulation, 'pods', pod, (_, at) =>
            evicts ? evict(world.clock, kubectl, pod) : kubectl.delete(resources.pods, at.namespace, at.name),
          );
      return evicts ? name : `${name} --disable-eviction`;
    },
  },
  {
    name: 'kubectl delete node',
    weight: 2,
    scene: 'workloads',
    fault: true,
    run(simulation) {
      const { world } = simulation;
      const { name } = anyNode(simulation);
      const kubectl = world.kubectl();
      if (!kubectl) return 'in vain: the control plane is down';
      for (const { metadata, spec } of world.ledger.objects<Pod>('pods').values())
        if (spec.nodeName === name) simulation.forced.add(metadata.uid ?? '');
      simulation.background('delete node', kubectl.delete(resources.nodes, undefined, name));
      return name;
    },
  },
  {
    name: 'ask for what belongs to others',
    weight: 8,
    scene: 'workloads',
    fault: true,
    run(simulation) {
      const node = anyNode(simulation);
      const attempt = pick(simulation.rng, trespasses(simulation, node.name));
      simulation.background(`${node.name} tries to ${attempt.what}`, attempt.run());
      return `${node.name}: ${attempt.what}`;
    },
  },
];

/** As kubectl does: again and again while a budget forbids it. */
async function evict(clock: Clock, kubectl: ApiClient, { metadata }: Pod): Promise<void> {
  const { name, namespace = '', uid = '' } = metadata;
  const eviction: KubeObject = {
    ...{ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } },
    deleteOptions: { preconditions: { uid } },
  };
  for (let tries = 1; ; tries += 1) {
    try {
      await kubectl.create(resources.pods, eviction, 'eviction');
      return;
    } catch (error) {
      if (!isStatusError(error, 'TooManyRequests') || tries >= EVICTION_TRIES) throw error;
      await sleep(clock, EVICTION_RETRY_MS);
    }
  }
}

interface Trespass {
  readonly what: string;
  run(): Promise<unknown>;
}

/** Requests that a stolen credential of a node could make. Each must be refused. */
function trespasses({ world, rng }: Simulation, own: string): readonly Trespass[] {
  const { ledger } = world;
  const client = world.nodes.find(({ name }) => name === own)?.client;
  if (!client) return [];
  const some = <T extends KubeObject>(resource: string, isForeign: (object: T) => boolean): T | undefined => {
    const found = [...ledger.objects<T>(resource)].sort(([a], [b]) => (a < b ? -1 : 1));
    const foreign = found.map(([, object]) => object).filter(isForeign);
    return foreign.length === 0 ? undefined : pick(rng, foreign);
  };
  const namesClaim = (pod: Pod, claim: KubeObject): boolean =>
    pod.spec.volumes?.some(
      ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim.metadata.name,
    ) === true;
  const pods = [...ledger.objects<Pod>('pods').values()];
  const pod = some<Pod>('pods', ({ spec }) => spec.nodeName !== own);
  const claim = some('persistentvolumeclaims', (object) =>
    pods.every((other) => other.spec.nodeName !== own || !namesClaim(other, object)),
  );
  const volume = some('persistentvolumes', ({ metadata }) => metadata.labels?.['symphony.dev/node'] !== own);
  const { namespace, name = '' } = pod?.metadata ?? {};
  const other = world.nodes.find((node) => node.name !== own)?.name ?? '';
  return [
    { what: 'list all pods', run: () => client.list(resources.pods) },
    { what: 'list all Secrets', run: () => client.list(resources.secrets) },
    { what: 'list all claims', run: () => client.list(resources.persistentVolumeClaims) },
    { what: 'list all volumes', run: () => client.list(resources.persistentVolumes) },
    {
      what: 'taint another node',
      run: () => client.patch(resources.nodes, undefined, other, { metadata: { labels: { stolen: 'yes' } } }),
    },
    { what: 'read another node', run: () => client.get(resources.nodes, undefined, other) },
    ...(pod
      ? [
          { what: `read pod ${name}`, run: () => client.get(resources.pods, namespace, name) },
          { what: `delete pod ${name}`, run: () => client.delete(resources.pods, namespace, name) },
          {
            what: `write the status of pod ${name}`,
            run: () =>
              client.patch(
                resources.pods,
                namespace,
                name,
                { status: { message: 'stolen' } },
                {
                  subresource: 'status',
                },
              ),
          },
        ]
      : []),
    ...(claim
      ? [
          {
            what: `read claim ${claim.metadata.name}`,
            run: () =>
              client.get(resources.persistentVolumeClaims, claim.metadata.namespace, claim.metadata.name),
          },
        ]
      : []),
    ...(volume
      ? [
          {
            what: `free volume ${volume.metadata.name}`,
            run: () =>
              client.patch(resources.persistentVolumes, undefined, volume.metadata.name, {
                metadata: { finalizers: null },
              }),
          },
        ]
      : []),
  ];
}

function commit(
  simulation: Simulation,
  name: string,
  draft: WorkloadDraft,
  tree: TreeDraft = simulation.tree,
): string {
  simulation.commit({ ...tree, workloads: { ...tree.workloads, [name]: draft } });
  hook(simulation);
  return `${name}: ${JSON.stringify(draft)}`;
}

/**
 * The end of a run: everything is mended, one more commit is made, and time passes. 15.
 * Convergence: what lives becomes what Git says; what cannot be placed stays Pending with a reason
 * and blocks nobody; the commit's status says so.
 * 16. Quiescence: then nothing is written but what says "I am alive".
 */
import { resources } from '../../src/client/types.ts';
import { TRACKING_ANNOTATION } from '../../src/diff/tracking.ts';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';
import { controllerOf } from '../../src/schemas/object.ts';
import type { ConfigMap, Node, Pod } from '../../src/schemas/types.ts';
import { RESYNC_MS } from '../../src/controllers/run-controller.ts';
import { APPROVE_PRUNE_ANNOTATION } from '../../src/sync/plan/plan-brake.ts';
import type { LedgerEvent, Report } from '../support/sim-ledger.ts';
import { isActive, isFinished, workloadsOf } from './invariants/facts.ts';
import { differenceOf } from './invariants/git.ts';
import { chance } from './draws.ts';
import { type DeploymentDraft, type TreeDraft, isGoodImage, isSatisfiable } from './manifests.ts';
import { isOrphanOfJob, openWorkload, ownersOf, stuckPods } from './workload-ending.ts';
import { settled } from './workloads.ts';
import type { Simulation } from './run.ts';

/**
 * Back-off of crashed containers and of image pulls ends within 5 minutes, a rollout's deadline
 * within 10.
 */
const PATIENCE_MS = 40 * 60_000;
const LOOK_MS = 10_000;
/** Resyncs that pass at rest: one and a bit in most runs, several in each tenth. */
const QUIET_INTERVALS = 1.1;
const LONG_QUIET_INTERVALS = 3;
const LONG_QUIET_EVERY = 10;
/** Statuses and events of the last change may trail it. */
const COOL_DOWN_MS = 60_000;

export async function checkConvergence(
  simulation: Simulation,
  report: Report,
  note: (text: string) => void,
): Promise<void> {
  const { world } = simulation;
  await mend(simulation);
  const id = simulation.commit(lastTree(simulation));
  note(
    `the last commit ${id}: ${JSON.stringify({ ...simulation.tree.deployments, ...simulation.tree.workloads })}`,
  );
  const endMs = world.clock.now() + PATIENCE_MS;
  let open = unfinished(simulation);
  while (open !== undefined && world.clock.now() < endMs) {
    approve(simulation, id);
    await world.clock.advance(LOOK_MS);
    open = unfinished(simulation);
  }
  if (open !== undefined) report(15, `not converged after ${PATIENCE_MS / 60_000} minutes: ${open}`);
  else note('converged');
}

export async function checkQuiescence(
  { world, tree, seed }: Simulation,
  report: Report,
  note: (text: string) => void,
): Promise<void> {
  await world.clock.advance(COOL_DOWN_MS);
  const waits = Object.values(tree.deployments).some((draft) => !isSatisfiable(draft));
  const seen = new Set<string>();
  let listening = true;
  world.ledger.onEvent((event) => {
    if (!listening || isHeartbeat(event) || (waits && event.resource === 'events')) return;
    const what = `${event.type} ${event.resource} ${event.key}`;
    if (!seen.has(what))
      report(16, `${what} in a cluster at rest: ${JSON.stringify(event.object).slice(0, 400)}`);
    seen.add(what);
  });
  const intervals = seed % LONG_QUIET_EVERY === 0 ? LONG_QUIET_INTERVALS : QUIET_INTERVALS;
  await world.clock.advance(intervals * RESYNC_MS);
  listening = false;
  note('at rest');
}

/**
 * A person has seen that history was rewritten before the last commit, and lets what it takes away
 * go.
 */
function approve({ world }: Simulation, commit: string): void {
  const [root] = [...world.ledger.objects('applications.argoproj.io').values()];
  if (!root || root.metadata.annotations?.[APPROVE_PRUNE_ANNOTATION] === commit) return;
  const metadata = { annotations: { [APPROVE_PRUNE_ANNOTATION]: commit } };
  world
    .kubectl()
    ?.patch(resources.applications, root.metadata.namespace, root.metadata.name, { metadata })
    .catch(() => undefined);
}

async function mend({ world }: Simulation): Promise<void> {
  world.repository.failFetch(undefined);
  world.controlPlane.setQueueFaults(0);
  for (const node of world.nodes) {
    node.partitioned = false;
    node.engine.resumeEvents();
  }
  for (let tries = 0; tries < 100; tries += 1) {
    await world.clock.advance(2_000);
    const cordoned = [...world.ledger.objects<Node>('nodes').values()].filter(
      ({ spec }) => spec.unschedulable,
    );
    const kubectl = world.kubectl();
    const present = world.ledger.objects('nodes').size;
    const stuck = stuckPods(world);
    if (kubectl && cordoned.length + stuck.length === 0 && present === world.nodes.length) return;
    for (const { metadata } of stuck)
      kubectl?.delete(resources.pods, metadata.namespace, metadata.name).catch(() => undefined);
    for (const { metadata } of cordoned) {
      kubectl
        ?.patch(resources.nodes, undefined, metadata.name, { spec: { unschedulable: null } })
        .catch(() => undefined);
    }
  }
}

/** Everything works, but perhaps one that cannot be placed. */
function lastTree({ tree, rng }: Simulation): TreeDraft {
  const keepHuge = chance(rng, 0.3);
  const mended = Object.entries(tree.deployments).map(([name, draft]): [string, DeploymentDraft] => [
    name,
    {
      ...draft,
      image: isGoodImage(draft.image) ? draft.image : 'app:v2',
      cpu: isSatisfiable(draft) || keepHuge ? draft.cpu : '100m',
    },
  ]);
  const workloads = Object.entries(tree.workloads).flatMap(([name, draft]) => {
    const last = settled(draft);
    return last ? [[name, last] as const] : [];
  });
  return {
    deployments: Object.fromEntries(mended),
    configMaps: { ...tree.configMaps, settings: 'the end' },
    workloads: Object.fromEntries(workloads),
  };
}

/** The things that are not as they should be yet. */
function unfinished(simulation: Simulation): string | undefined {
  const { world, tree, head } = simulation;
  const { ledger } = world;
  if (world.data.state?.phase !== 'normal') return 'the store is being rebuilt';
  const workloads = workloadsOf(world);
  const byName = new Map(workloads.map((workload) => [workload.deployment.metadata.name, workload]));
  const expected = new Set<string>();
  for (const [name, draft] of Object.entries(tree.deployments)) {
    const workload = byName.get(name);
    const difference = differenceOf(workload?.deployment, draft);
    if (difference !== undefined || !workload) return `Deployment ${name} ${difference ?? 'is missing'}`;
    const open = isSatisfiable(draft) ? openOf(workload, draft) : openOfUnsatisfiable(workload, draft);
    if (open !== undefined) return `Deployment ${name}: ${open}`;
    for (const pod of workload.pods) expected.add(pod.metadata.uid ?? '');
  }
  const open = openWorkload(world, tree);
  if (open !== undefined) return open;
  const owners = ownersOf(world);
  for (const { metadata, ...pod } of ledger.objects<Pod>('pods').values())
    if (owners.has(controllerOf({ ...pod, metadata })?.uid ?? '')) expected.add(metadata.uid ?? '');
  for (const [name, value] of Object.entries(tree.configMaps)) {
    if (ledger.objects<ConfigMap>('configmaps').get(`default/${name}`)?.data?.['value'] !== value) {
      return `ConfigMap ${name} is not as in Git`;
    }
  }
  for (const { deployment } of workloads) {
    const { name } = deployment.metadata;
    if (!(name in tree.deployments)) return `Deployment ${name} is no longer in Git`;
  }
  for (const [key, { metadata }] of ledger.objects<ConfigMap>('configmaps')) {
    if (metadata.annotations?.[TRACKING_ANNOTATION] && !(metadata.name in tree.configMaps)) {
      return `ConfigMap ${key} is no longer in Git`;
    }
  }
  for (const [key, pod] of ledger.objects<Pod>('pods')) {
    if (expected.has(pod.metadata.uid ?? '')) continue;
    if (isOrphanOfJob(world, pod)) {
      expected.add(pod.metadata.uid ?? '');
      continue;
    }
    // Known limit: a pod restored after lost history whose Deployment Git no longer has belongs to
    // nobody, and stays.
    const isKnown = Object.keys({ ...tree.deployments, ...tree.workloads }).some(
      (name) => pod.metadata.labels?.['app'] === name,
    );
    if (ledger.losses === 0 || controllerOf(pod) || isKnown) return `pod ${key} belongs to nobody`;
    expected.add(pod.metadata.uid ?? '');
  }
  for (const [key, set] of ledger.objects('replicasets.apps')) {
    const owner = controllerOf(set)?.uid;
    if (!workloads.some(({ deployment }) => deployment.metadata.uid === owner))
      return `ReplicaSet ${key} is left over`;
  }
  return openAtEngines(simulation, expected) ?? openStatus(simulation, head);
}

function openOf(
  { deployment, pods }: ReturnType<typeof workloadsOf>[number],
  draft: DeploymentDraft,
): string | undefined {
  const { status, metadata } = deployment;
  if ((status?.observedGeneration ?? 0) !== metadata.generation) return 'its status is old';
  // Pods that ended stay as a record until there are too many of them, as in Kubernetes.
  const present = pods.filter((pod) => !isFinished(pod));
  if (present.length !== draft.replicas) return `${present.length} pods, not ${draft.replicas}`;
  for (const pod of present) {
    const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    if (!isActive(pod) || ready !== 'True') {
      return `pod ${pod.metadata.name} on ${pod.spec.nodeName} is not ready: ${JSON.stringify(pod.status).slice(0, 600)}`;
    }
    if (pod.spec.containers[0]?.image !== draft.image)
      return `pod ${pod.metadata.name} is of an old template`;
  }
  const counts = [status?.replicas, status?.updatedReplicas, status?.availableReplicas].map(
    (count) => count ?? 0,
  );
  if (counts.some((count) => count !== draft.replicas)) return `its status counts ${counts.join(', ')}`;
  return undefined;
}

function openOfUnsatisfiable(
  { pods }: ReturnType<typeof workloadsOf>[number],
  draft: DeploymentDraft,
): string | undefined {
  if (draft.replicas === 0) return undefined;
  const waiting = pods.filter((pod) => isActive(pod) && !pod.spec.nodeName);
  if (waiting.length === 0) return 'no pod waits for a node';
  const silent = waiting.find(
    ({ status }) =>
      !status?.conditions?.some(
        ({ type, status: value, reason, message }) =>
          type === 'PodScheduled' &&
          value === 'False' &&
          reason === 'Unschedulable' &&
          message?.includes('nodes are available'),
      ),
  );
  return silent && `pod ${silent.metadata.name} does not say why it waits`;
}

/** Every container of a bound pod runs once; nothing else of ours is there. */
function openAtEngines({ world }: Simulation, expected: ReadonlySet<string>): string | undefined {
  const running = new Set<string>();
  for (const { name, engine } of world.nodes) {
    for (const { labels, phase, name: container } of engine.snapshot()) {
      const uid = labels[labelKeys.podUid] ?? '';
      if (!expected.has(uid)) return `container ${container} (${phase}) on ${name} belongs to no pod`;
      if (phase === 'running') running.add(`${uid}/${labels[labelKeys.containerName] ?? ''}`);
    }
  }
  for (const pod of world.ledger.objects<Pod>('pods').values()) {
    if (!pod.spec.nodeName || isFinished(pod)) continue;
    const missing = pod.spec.containers.find(({ name }) => !running.has(`${pod.metadata.uid ?? ''}/${name}`));
    if (missing)
      return `container ${missing.name} of ${pod.metadata.name} does not run on ${pod.spec.nodeName}`;
  }
  return undefined;
}

function openStatus({ world, tree }: Simulation, head: string): string | undefined {
  const wanted = Object.values(tree.deployments).every(
    (draft) => isSatisfiable(draft) || draft.replicas === 0,
  )
    ? 'success'
    : 'failure';
  const note = world.repository.notes.get(head);
  const state = note === undefined ? 'nothing' : (JSON.parse(note) as { state?: string }).state;
  return state === wanted ? undefined : `the commit's status is ${state}, not ${wanted}`;
}

/** Leases, and a node's status with nothing new but the time. */
function isHeartbeat({ resource, object, previous }: LedgerEvent): boolean {
  if (resource === 'leases.coordination.k8s.io') return true;
  if (resource !== 'nodes' || !previous) return false;
  const text = (node: unknown): string =>
    JSON.stringify(node, (key, value: unknown) =>
      key === 'lastHeartbeatTime' || key === 'resourceVersion' ? undefined : value,
    );
  return text(object) === text(previous);
}

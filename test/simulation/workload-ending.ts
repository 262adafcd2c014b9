/** Whether workloads beyond Deployments are as Git says, at the end of a run. */
import { TRACKING_ANNOTATION } from '../../src/diff/tracking.ts';
import { controllerOf, type KubeObject } from '../../src/schemas/object.ts';
import { restoredOwnerOf } from '../../src/schemas/pods/pod-marks.ts';
import type {
  DaemonSet,
  EndpointSlice,
  Job,
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
} from '../../src/schemas/types.ts';
import type { SimWorld } from '../support/sim-world.ts';
import { isActive } from './invariants/facts.ts';
import { isOver } from './invariants/jobs.ts';
import { differenceOfWorkload, isReady } from './invariants/workload-facts.ts';
import type { TreeDraft } from './manifests.ts';
import { RESOURCES, type WorkloadDraft } from './workloads.ts';

const JOB_TRACKING = 'batch.kubernetes.io/job-tracking';
const SERVICE_LABEL = 'kubernetes.io/service-name';

/** Uids of the workloads that may have pods. */
export function ownersOf({ ledger }: SimWorld): ReadonlySet<string> {
  const resources = ['statefulsets.apps', 'daemonsets.apps', 'jobs.batch'];
  const objects = resources.flatMap((resource) => [...ledger.objects(resource).values()]);
  return new Set(objects.map(({ metadata }) => metadata.uid ?? ''));
}

/**
 * A pod may outlive its Job without an owner in two cases: a person deleted the Job and had its pods
 * orphaned; or a node reported the pod after lost history, and no unfinished Job of that name is
 * there. Nobody counts it then, so it has no finalizer that waits for that.
 */
export function isOrphanOfJob({ ledger }: SimWorld, pod: Pod): boolean {
  const { labels, finalizers = [], namespace = '' } = pod.metadata;
  const uid = labels?.['batch.kubernetes.io/controller-uid'];
  if (uid === undefined || controllerOf(pod) || finalizers.includes(JOB_TRACKING)) return false;
  const wasOrphaned = ledger
    .events('jobs.batch')
    .some(({ object: { metadata } }) => metadata.uid === uid && metadata.finalizers?.includes('orphan'));
  if (wasOrphaned) return true;
  const owner = restoredOwnerOf(pod);
  if (owner?.kind !== 'Job') return false;
  const job = ledger.objects<Job>('jobs.batch').get(`${namespace}/${owner.name}`);
  return !job || isOver(job);
}

/**
 * Pods that do not start because their claim is being deleted, which waits for them. They stay so
 * in Kubernetes, too, until a person deletes them.
 */
export function stuckPods({ ledger }: SimWorld): readonly Pod[] {
  const claims = ledger.objects<PersistentVolumeClaim>('persistentvolumeclaims');
  return [...ledger.objects<Pod>('pods').values()].filter(
    ({ metadata, spec, status }) =>
      status?.phase === 'Pending' &&
      metadata.deletionTimestamp === undefined &&
      spec.volumes?.some(({ persistentVolumeClaim: source }) => {
        const claim = source && claims.get(`${metadata.namespace}/${source.claimName}`);
        return claim?.metadata.deletionTimestamp !== undefined;
      }),
  );
}

/** Lists everything that is not as it should be yet. */
export function openWorkload(world: SimWorld, tree: TreeDraft): string | undefined {
  const { ledger } = world;
  for (const [name, draft] of Object.entries(tree.workloads)) {
    const live = ledger.objects(RESOURCES[draft.kind]).get(`default/${name}`);
    const open = differenceOfWorkload(live, draft) ?? (live && openOf(world, live, draft));
    if (open !== undefined) return `${draft.kind} ${name} ${open}`;
  }
  for (const resource of Object.values(RESOURCES))
    for (const [key, object] of ledger.objects(resource))
      if (object.metadata.annotations?.[TRACKING_ANNOTATION] && !(object.metadata.name in tree.workloads))
        return `${resource} ${key} is no longer in Git`;
  return undefined;
}

function openOf(world: SimWorld, live: KubeObject, draft: WorkloadDraft): string | undefined {
  const { observedGeneration } = (live['status'] ?? {}) as { observedGeneration?: number };
  const pods = [...world.ledger.objects<Pod>('pods').values()].filter(
    (pod) => controllerOf(pod)?.uid === live.metadata.uid,
  );
  const waiting = (): string =>
    JSON.stringify(pods.filter((pod) => !isReady(pod)).map(({ status }) => status)).slice(0, 600);
  switch (draft.kind) {
    case 'StatefulSet': {
      const { status } = live as StatefulSet;
      if (observedGeneration !== live.metadata.generation) return 'has an old status';
      const counts = [status?.replicas, status?.readyReplicas, status?.updatedReplicas];
      if (counts.some((count) => (count ?? 0) !== draft.replicas))
        return `counts ${counts.join(', ')}: ${waiting()}`;
      return openPods(world, live, draft, pods, draft.replicas);
    }
    case 'DaemonSet': {
      const { status } = live as DaemonSet;
      if (observedGeneration !== live.metadata.generation) return 'has an old status';
      const counts = [status?.desiredNumberScheduled, status?.numberReady, status?.updatedNumberScheduled];
      if (counts.some((count) => count !== world.nodes.length))
        return `counts ${counts.join(', ')}: ${waiting()}`;
      return openPods(world, live, draft, pods, world.nodes.length);
    }
    case 'Job': {
      const { status } = live as Job;
      const isComplete = status?.conditions?.some(
        ({ type, status: value }) => type === 'Complete' && value === 'True',
      );
      // Invariant 18 says how many successes are too many.
      if (!isComplete || (status?.succeeded ?? 0) < draft.completions)
        return `is not complete: ${JSON.stringify(status)}, ${waiting()}`;
      return pods.some(isActive) ? 'has active pods although it is complete' : undefined;
    }
    case 'CronJob': {
      const jobs = [...world.ledger.objects<Job>('jobs.batch').values()];
      const running = jobs.find(
        (job) => controllerOf(job)?.uid === live.metadata.uid && (job.status?.active ?? 0) > 0,
      );
      return running && `still runs ${running.metadata.name}`;
    }
  }
}

function openPods(
  { ledger }: SimWorld,
  { metadata: { name } }: KubeObject,
  draft: WorkloadDraft,
  all: readonly Pod[],
  count: number,
): string | undefined {
  const pods = all.filter(isActive);
  if (pods.length !== count) return `has ${pods.length} pods, not ${count}`;
  for (const pod of pods) {
    if (!isReady(pod))
      return `pod ${pod.metadata.name} is not ready: ${JSON.stringify(pod.status).slice(0, 600)}`;
    if (pod.spec.containers[0]?.image !== draft.image)
      return `pod ${pod.metadata.name} is of an old template`;
  }
  const slices = [...ledger.objects<EndpointSlice>('endpointslices.discovery.k8s.io').values()];
  const shown = slices
    .filter(({ metadata }) => metadata.labels?.[SERVICE_LABEL] === name)
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready === true)
    .map(({ targetRef }) => targetRef?.uid ?? '');
  const wanted = pods.map(({ metadata }) => metadata.uid ?? '');
  return shown.sort().join() === wanted.sort().join()
    ? undefined
    : `has the endpoints ${shown.join()}, not ${wanted.join()}`;
}

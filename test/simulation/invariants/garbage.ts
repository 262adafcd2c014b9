/**
 * 12. Garbage collection. A pod or a ReplicaSet whose owner lives goes only for a reason of its
 *     own: its owner wants fewer, it has finished, its node is being emptied, a person deleted it.
 *     And what belongs to one uid never passes to another of the same name.
 */
import { controllerOf } from '../../../src/schemas/object.ts';
import type { Deployment, Node, Pod, ReplicaSet } from '../../../src/schemas/types.ts';
import { isActive, isFinished, isTerminating } from './facts.ts';
import type { CheckContext, Checker } from './types.ts';

const OWNED: Readonly<Record<string, string>> = {
  pods: 'replicasets.apps',
  'replicasets.apps': 'deployments.apps',
};

export const garbage: Checker = {
  invariant: 12,
  attach(context) {
    const { world, report, touched } = context;
    const { ledger } = world;
    /** Uids of all pods that an owner ever had. */
    const podsOf = new Map<string, Set<string>>();
    ledger.onEvent(({ type, resource, key, object, previous }) => {
      const ownerResource = OWNED[resource];
      if (ownerResource === undefined) return;
      const owner = controllerOf(object);
      const before = previous && controllerOf(previous);
      if (owner) podsOf.set(owner.uid, (podsOf.get(owner.uid) ?? new Set()).add(object.metadata.uid ?? ''));
      if (type === 'MODIFIED' && owner && before && owner.uid !== before.uid) {
        report(12, `${resource} ${key} passed from owner ${before.name} ${before.uid} to ${owner.uid}`);
      }
      const isGoing = type === 'DELETED' || isTerminating(object);
      if (!owner || !isGoing || !previous || isTerminating(previous) || touched(resource, key)) return;
      if (!isLive(context, ownerResource, owner.uid)) return;
      const reason =
        resource === 'pods'
          ? reasonOfPod(context, previous as Pod, owner.uid, podsOf.get(owner.uid) ?? new Set())
          : reasonOfReplicaSet(context, previous as ReplicaSet, owner.uid);
      if (reason === undefined)
        report(12, `${resource} ${key} was deleted although its owner ${owner.name} lives`);
    });
  },
};

/** The owner was there, and nobody deleted it, all through the last seconds. */
function isLive({ world }: CheckContext, resource: string, uid: string): boolean {
  const states = world.ledger.recent(uid);
  if (states.length === 0 || states.some(isTerminating)) return false;
  const newest = states.at(-1);
  const { name, namespace = '' } = newest?.metadata ?? { name: '' };
  return world.ledger.objects(resource).get(`${namespace}/${name}`)?.metadata.uid === uid;
}

function reasonOfPod(
  { world }: CheckContext,
  pod: Pod,
  owner: string,
  siblings: ReadonlySet<string>,
): string | undefined {
  const { ledger } = world;
  if (isFinished(pod)) return 'finished';
  // Another that was just deleted may still have been counted.
  const others = [...siblings].filter(
    (uid) => uid !== pod.metadata.uid && ledger.recent<Pod>(uid).some(isActive),
  ).length;
  const fewest = Math.min(...ledger.recent<ReplicaSet>(owner).map(({ spec }) => spec.replicas ?? 1));
  if (others >= fewest) return 'surplus';
  const { nodeName } = pod.spec;
  if (!nodeName) return undefined;
  const node = ledger.objects<Node>('nodes').get(nodeName);
  if (!node) return 'no node';
  const states = ledger.recent<Node>(node.metadata.uid ?? '');
  const emptied = states.some((state) =>
    (state.spec.taints ?? []).some(({ effect }) => effect === 'NoExecute'),
  );
  return emptied ? 'evicted' : undefined;
}

function reasonOfReplicaSet({ world }: CheckContext, set: ReplicaSet, owner: string): string | undefined {
  const { ledger } = world;
  const hasPods = [...ledger.objects<Pod>('pods').values()].some(
    (pod) => controllerOf(pod)?.uid === set.metadata.uid && isActive(pod),
  );
  const deployment = ledger.recent<Deployment>(owner).at(-1);
  const limit = deployment?.spec.revisionHistoryLimit ?? 10;
  const siblings = [...ledger.objects<ReplicaSet>('replicasets.apps').values()].filter(
    (other) => controllerOf(other)?.uid === owner && other.metadata.uid !== set.metadata.uid,
  );
  return !hasPods && (set.spec.replicas ?? 1) === 0 && siblings.length >= limit ? 'old revision' : undefined;
}

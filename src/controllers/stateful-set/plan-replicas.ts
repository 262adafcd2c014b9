/**
 * The pods whose ordinals a StatefulSet wants: makes the missing, replaces those that ended, and
 * gives each its labels and claims; upstream's processReplica. An ordinal whose pod object exists
 * gets no other pod, however the old one does (INVARIANTS 5).
 */
import { append } from '../../base/append.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../schemas/types.ts';
import { roomForPods } from '../owned-pod.ts';
import { isDeleting } from '../ownership.ts';
import { isTerminal } from '../pod-facts.ts';
import { blocksNewPod, hasForeignController, withRetention } from './claim-retention.ts';
import {
  claimsFor,
  ordinalOf,
  podFor,
  podNameOf,
  type PodRevision,
  replicasOf,
  startOf,
  usesItsClaims,
  withIdentity,
} from './identity.ts';
import { deletePod, type Round, statefulSetEvent, tell } from './round.ts';
import { isAvailable } from './stateful-set-status.ts';

/** Objects created in one commit, claims included; the rest follows in the next. */
const BURST = 500;

/** True when no ordinal has to wait: scaling down and updating may follow. */
export function planReplicas(round: Round): boolean {
  const { set } = round.view;
  const end = startOf(set) + replicasOf(set);
  const burst = Math.max(1, Math.floor(BURST / (1 + (set.spec.volumeClaimTemplates?.length ?? 0))));
  let missing = Math.min(burst, roomForPods([...round.pods.values()]));
  for (let ordinal = startOf(set); ordinal < end; ordinal += 1) {
    const pod = round.pods.get(ordinal);
    if (!pod && missing === 0) return false;
    if (!pod) missing -= 1;
    const waits = pod ? planPresent(round, pod) : planMissing(round, ordinal);
    if (waits && round.isOrdered) return false;
  }
  return true;
}

/** Makes the pod, and its claims before it. Later pods wait for it in any case. */
function planMissing(round: Round, ordinal: number): true {
  const { view } = round;
  const { set } = view;
  const name = podNameOf(set, ordinal);
  // A pod of this name that is not the set's: the ordinal waits until it is gone.
  if (view.podNamed(name)) return true;
  const [unreported] = view.unreportedNodes ?? [];
  if (unreported !== undefined) {
    const error = `node ${unreported} has not reported its pods since the store was rebuilt, and may run this one`;
    tell(round, 'createFailed', name, { error });
    return true;
  }
  const pod = podFor(set, revisionFor(round, ordinal), ordinal);
  const claims = claimsFor(set, ordinal).flatMap((claim) => view.claimNamed(claim.metadata.name) ?? []);
  if (claims.some((claim) => blocksNewPod(set, pod, claim))) return true;
  const going = claims.find(isDeleting);
  if (going) {
    tell(round, 'createFailed', name, { error: `pvc ${going.metadata.name} is being deleted` });
    return true;
  }
  planClaims(round, pod);
  const write: Write = { verb: 'create', object: pod };
  round.writes.push(write);
  tell(round, 'created', name, { write });
  return true;
}

/** Pods below the partition keep the current revision. */
function revisionFor({ view: { set }, current, update }: Round, ordinal: number): PodRevision {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  if (type !== 'RollingUpdate') return update;
  const kept = rollingUpdate ? (rollingUpdate.partition ?? 0) : (set.status?.currentReplicas ?? 0);
  return ordinal < startOf(set) + kept ? current : update;
}

/** True when later pods have to wait for this one. */
function planPresent(round: Round, pod: Pod): boolean {
  const { set } = round.view;
  if (isTerminal(pod)) {
    if (!isDeleting(pod)) deletePod(round, pod);
    return true;
  }
  const isPending = pod.status?.phase === 'Pending';
  if (isPending) planClaims(round, pod);
  if (round.isOrdered && (isDeleting(pod) || !isAvailable(set, pod, round.nowMs))) return true;
  const hasNewOwners = !isPending && planOwners(round, pod);
  if (!usesItsClaims(set, pod)) {
    const error = 'its volumes are not those of spec.volumeClaimTemplates, and a pod never changes them';
    tell(round, 'updateFailed', pod.metadata.name, { error });
    return true;
  }
  const labelled = withIdentity(set, pod);
  if (labelled) round.writes.push({ verb: 'update', object: labelled });
  if (labelled || hasNewOwners) tell(round, 'updated', pod.metadata.name);
  return false;
}

/** Makes the claims that the pod lacks, and sets the owners of those it has. */
function planClaims(round: Round, pod: Pod): void {
  const { view, events } = round;
  const { set } = view;
  for (const claim of claimsFor(set, ordinalOf(pod))) {
    if (view.claimNamed(claim.metadata.name)) continue;
    const write: Write = { verb: 'create', object: withRetention(set, pod, claim) ?? claim };
    round.writes.push(write);
    const args = [claim.metadata.name, pod.metadata.name, set.metadata.name];
    events.push({ ...statefulSetEvent('claimCreated', set, ...args), write });
  }
  planOwners(round, pod);
}

/** Sets the owners of the pod's claims as the policy says. True when one changes. */
export function planOwners(round: Round, pod: Pod): boolean {
  const { view, writes, events } = round;
  const { set } = view;
  const changed = ownClaims(round, set, pod).flatMap((claim) => {
    const next = withRetention(set, pod, claim);
    if (next && hasForeignController(set, pod, claim))
      events.push(statefulSetEvent('conflict', set, claim.metadata.name));
    return next ?? [];
  });
  append(
    writes,
    changed.map((object): Write => ({ verb: 'update', object })),
  );
  return changed.length > 0;
}

const ownClaims = ({ view }: Round, set: StatefulSet, pod: Pod): readonly PersistentVolumeClaim[] =>
  claimsFor(set, ordinalOf(pod)).flatMap(({ metadata }) => view.claimNamed(metadata.name) ?? []);

/**
 * The pods that a StatefulSet deletes: those beyond its replicas, highest ordinal first, and those
 * of an old revision. Pure; upstream's processCondemned and rolling update.
 */
import { scaleIntOrPercent } from '../../schemas/values/int-or-percent.ts';
import type { Pod } from '../../schemas/types.ts';
import { isDeleting } from '../ownership.ts';
import { isInRange, replicasOf, revisionOf, startOf } from './identity.ts';
import { planOwners } from './plan-replicas.ts';
import { deletePod, type Round } from './round.ts';
import { isAvailable, isUnavailable } from './stateful-set-status.ts';

/** Writes of one commit, about; the rest follows in the next. */
const BURST = 500;

/** True when an update may follow: no pod is in excess, or the order does not matter. */
export function planScaleDown(round: Round): boolean {
  const { view, pods, isOrdered, nowMs } = round;
  const { set } = view;
  const excess = [...pods]
    .filter(([ordinal]) => !isInRange(set, ordinal))
    .sort(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  // Pods that are already going, perhaps slowly, do not hold up the others.
  for (const pod of excess) {
    if (round.writes.length >= BURST) break;
    planOwners(round, pod);
    if (!isOrdered && !isDeleting(pod)) deletePod(round, pod);
  }
  if (!isOrdered) return true;
  const [highest] = excess;
  if (!highest) return true;
  // The replicas are available here, so that the first pod that is not is in excess, too.
  const firstUnavailable = excess.findLast((pod) => isUnavailable(set, pod, nowMs));
  const mayGo = isAvailable(set, highest, nowMs) || highest === firstUnavailable;
  if (!isDeleting(highest) && mayGo) deletePod(round, highest);
  return false;
}

/** Deletes pods of an old revision; returns how many. */
export function planUpdate(round: Round): number {
  const { type, rollingUpdate } = round.view.set.spec.updateStrategy ?? {};
  if (type !== 'RollingUpdate') return 0;
  const doomed =
    rollingUpdate?.maxUnavailable === undefined ? oneByOne(round) : upTo(round, rollingUpdate.maxUnavailable);
  for (const pod of doomed) deletePod(round, pod);
  return doomed.length;
}

/** The replicas from the partition on, highest ordinal first; undefined: the pod is missing. */
function* candidates({ view: { set }, pods }: Round): Generator<Pod | undefined> {
  const first = startOf(set) + (set.spec.updateStrategy?.rollingUpdate?.partition ?? 0);
  for (let ordinal = startOf(set) + replicasOf(set) - 1; ordinal >= first; ordinal -= 1)
    yield pods.get(ordinal);
}

/** The highest old pod goes, once every pod above it is new and available. */
function oneByOne(round: Round): readonly Pod[] {
  const { view, nowMs } = round;
  for (const pod of candidates(round)) {
    if (!pod || isWritten(round, pod)) return [];
    if (isOld(round, pod)) return [pod];
    if (isUnavailable(view.set, pod, nowMs)) return [];
  }
  return [];
}

/**
 * As many old pods go as may be unavailable at a time. An old pod that is unavailable already costs
 * nothing: it could otherwise hold up the update that mends it.
 */
function upTo(round: Round, maxUnavailable: number | string): readonly Pod[] {
  const { view, pods, nowMs } = round;
  const { set } = view;
  const replicas = replicasOf(set);
  const present = [...pods].filter(([ordinal]) => isInRange(set, ordinal)).map(([, pod]) => pod);
  const available = present.filter((pod) => !isUnavailable(set, pod, nowMs)).length;
  const limit = Math.max(1, scaleIntOrPercent(maxUnavailable, replicas, 'down') ?? 1);
  let budget = limit - (replicas - available);
  const doomed: Pod[] = [];
  for (const pod of candidates(round)) {
    if (!pod || doomed.length === BURST) break;
    if (!isOld(round, pod) || isWritten(round, pod)) continue;
    const isFree = isUnavailable(set, pod, nowMs);
    if (!isFree && budget <= 0) continue;
    doomed.push(pod);
    if (!isFree) budget -= 1;
  }
  return doomed;
}

const isOld = ({ update }: Round, pod: Pod): boolean => revisionOf(pod) !== update.name && !isDeleting(pod);

/** A commit writes a pod once: it is deleted in the next round. */
const isWritten = ({ writes }: Round, pod: Pod): boolean =>
  writes.some(({ object }) => object.kind === 'Pod' && object.metadata.name === pod.metadata.name);

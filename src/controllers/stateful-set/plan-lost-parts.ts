/**
 * Makes again, for the pods that agents brought back, the parts of a StatefulSet that were lost
 * with the store's history; pure. Git has neither the claims nor an older revision. The claims get their names back, and
 * the restored volumes bind to them. A revision is read off a pod that has it, and becomes the
 * current one, so that a pod below the partition is made again as it was.
 */
import type { Write } from '../../resources/writing/write-plan.ts';
import { restoredOwnerOf } from '../../schemas/pods/pod-marks.ts';
import type { ControllerRevision, Pod, PodTemplate, StatefulSet } from '../../schemas/types.ts';
import {
  type HistoryInput,
  lostRevision,
  nextRevision,
  planUpdateRevision,
} from '../revision-history/plan-revision-history.ts';
import { revisionHash, revisionName } from '../revision-history/revision-name.ts';
import { isDeleting, statusUpdate } from '../ownership.ts';
import { olderTemplateOf } from '../restored-template.ts';
import { withRetention } from './claim-retention.ts';
import {
  claimsFor,
  isInRange,
  isMember,
  ordinalOf,
  podFor,
  revisionOf,
  withoutIdentity,
} from './identity.ts';
import type { StatefulSetView } from './round.ts';

const HASH_LABEL = 'controller.kubernetes.io/hash';

/** Objects of one commit; the rest follows in the next. */
const BURST = 500;

export function historyOf(
  { set, revisionNamed }: StatefulSetView,
  revisions: readonly ControllerRevision[],
): HistoryInput {
  return {
    owner: set,
    template: set.spec.template,
    revisions,
    collisionCount: set.status?.collisionCount ?? 0,
    hashLabel: HASH_LABEL,
    annotations: set.metadata.annotations,
    hashOf: revisionHash,
    named: revisionNamed,
  };
}

/** None once everything is there, and where no pod is waiting to be adopted again. */
export function planLostParts(
  view: StatefulSetView,
  revisions: readonly ControllerRevision[],
): readonly Write[] {
  const { set } = view;
  const pods = view.pods
    .filter((pod) => isMember(set, pod) && isInRange(set, ordinalOf(pod)))
    .sort((a, b) => ordinalOf(a) - ordinalOf(b));
  const restored = pods.filter((pod) => isLostPodOf(set, pod));
  if (restored.length === 0) return [];
  const claims = restored.flatMap((pod) => lostClaims(view, pod));
  return [...lostRevisions(view, { pods, restored, revisions }), ...claims].slice(0, BURST);
}

function isLostPodOf({ metadata: { name } }: StatefulSet, pod: Pod): boolean {
  const owner = restoredOwnerOf(pod);
  return owner?.kind === 'StatefulSet' && owner.name === name;
}

const lostClaims = ({ set, claimNamed }: StatefulSetView, pod: Pod): readonly Write[] =>
  claimsFor(set, ordinalOf(pod))
    .filter(({ metadata }) => !claimNamed(metadata.name))
    .map((claim) => ({ verb: 'create', object: withRetention(set, pod, claim) ?? claim }));

interface Lost {
  /** All pods of the set in its range, by ordinal; the restored ones are among them. */
  readonly pods: readonly Pod[];
  readonly restored: readonly Pod[];
  readonly revisions: readonly ControllerRevision[];
}

function lostRevisions(view: StatefulSetView, { pods, restored, revisions }: Lost): readonly Write[] {
  const { set, revisionNamed } = view;
  const history = historyOf(view, revisions);
  const update = planUpdateRevision(history).revision.metadata.name;
  const current = currentRevision(set, update, pods);
  // A revision that nothing needs would be collected, and made again.
  const needing = restored.filter((pod) => !isDeleting(pod) || revisionOf(pod) === current);
  const byName = new Map(needing.map((pod) => [revisionOf(pod), pod]));
  const lost = [...byName].filter(
    ([name]) =>
      name !== update && name.startsWith(revisionName(set.metadata.name, '')) && !revisionNamed(name),
  );
  // Updates begin with the highest ordinal, so the lowest one has the oldest revision.
  const first = nextRevision(revisions);
  const creates = lost.map(([name, pod], index): Write => {
    const object = lostRevision(history, { name, template: templateFor(set, pod), number: first + index });
    return { verb: 'create', object };
  });
  const known = [...revisions, ...creates.map(({ object }) => object)].map(({ metadata }) => metadata.name);
  if (current === undefined || current === update || !known.includes(current)) return creates;
  const status = { replicas: 0, ...set.status, currentRevision: current };
  return [statusUpdate({ ...set, status }), ...creates];
}

/** Updates end with the lowest ordinal, so its pod tells; undefined: the status knows better. */
function currentRevision(set: StatefulSet, update: string, [lowest]: readonly Pod[]): string | undefined {
  const { currentRevision: known = update } = set.status ?? {};
  return lowest && known === update && isLostPodOf(set, lowest) ? revisionOf(lowest) : undefined;
}

function templateFor(set: StatefulSet, pod: Pod): PodTemplate {
  const { template } = set.spec;
  const older = olderTemplateOf(pod, podFor(set, { name: revisionOf(pod), template }, ordinalOf(pod)));
  return older ? withoutIdentity(set, older) : template;
}

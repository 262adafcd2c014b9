/** The revisions of a DaemonSet, and the pods of each; pure. */
import {
  APPLIED_FIELDS_ANNOTATION,
  CHANGED_BY_ANNOTATION,
  TRACKING_ANNOTATION,
} from '../../diff/tracking.ts';
import { omit } from '../../schemas/json-access.ts';
import type { ControllerRevision, DaemonSet, Pod } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { templateHash } from '../deployment/template-hash.ts';
import {
  isRevisionOf,
  planTruncation,
  planUpdateRevision,
  REVISION_LABEL,
} from '../revision-history/plan-revision-history.ts';
import { deletionOf } from '../ownership.ts';

/** These marks name the DaemonSet's Application. No Application holds the revision itself. */
const NOT_COPIED = [CHANGED_BY_ANNOTATION, TRACKING_ANNOTATION, APPLIED_FIELDS_ANNOTATION];

export interface RevisionsInput {
  readonly daemonSet: DaemonSet;
  /** All that the DaemonSet controls, and their pods. */
  readonly revisions: readonly ControllerRevision[];
  readonly pods: readonly Pod[];
  named(name: string): ControllerRevision | undefined;
}

export interface Revisions {
  /** The label of the template's revision, and of its pods. */
  readonly hash: string;
  readonly collisionCount: number | undefined;
  /** Revisions of other templates. */
  readonly old: readonly ControllerRevision[];
  /** The writes that come before all others. */
  readonly writes: readonly Write[];
}

export function planRevisions({ daemonSet, revisions, pods, named }: RevisionsInput): Revisions {
  const { template } = daemonSet.spec;
  const { revision, writes, collisionCount } = planUpdateRevision({
    owner: daemonSet,
    template,
    revisions: revisions.map(labelled),
    collisionCount: daemonSet.status?.collisionCount,
    hashLabel: REVISION_LABEL,
    annotations: omit(daemonSet.metadata.annotations ?? {}, ...NOT_COPIED),
    hashOf: (_data, collisions) => templateHash(template, collisions),
    named,
  });
  const { name } = revision.metadata;
  const others = revisions.filter(({ metadata }) => metadata.name !== name);
  const twins = others.filter((one) => isRevisionOf(one, template));
  const isWritten = new Set(writes.map(({ object }) => object.metadata.name));
  const unlabelled = revisions.filter((one) => hashIn(one) === undefined && !twins.includes(one));
  return {
    hash: hashOf(revision),
    collisionCount,
    old: others.filter((one) => !twins.includes(one)),
    writes: [
      ...writes,
      ...unlabelled
        .filter(({ metadata }) => !isWritten.has(metadata.name))
        .map((one): Write => ({ verb: 'update', object: labelled(one) })),
      ...planTwins(twins, pods, hashOf(revision)),
    ],
  };
}

const hashIn = ({ metadata }: ControllerRevision): string | undefined => metadata.labels?.[REVISION_LABEL];
const hashOf = (revision: ControllerRevision): string => hashIn(revision) ?? revision.metadata.name;

/** The name stands in for a hash that was removed. */
function labelled(revision: ControllerRevision): ControllerRevision {
  if (hashIn(revision) !== undefined) return revision;
  const labels = { ...revision.metadata.labels, [REVISION_LABEL]: revision.metadata.name };
  return { ...revision, metadata: { ...revision.metadata, labels } };
}

/** Two revisions of one template: one goes, and its pods become the other's. */
function planTwins(
  twins: readonly ControllerRevision[],
  pods: readonly Pod[],
  hash: string,
): readonly Write[] {
  const gone = new Set(twins.map(hashOf));
  const relabelled = pods.filter(({ metadata }) => gone.has(metadata.labels?.[REVISION_LABEL] ?? ''));
  return [
    ...relabelled.map((pod): Write => {
      const labels = { ...pod.metadata.labels, [REVISION_LABEL]: hash };
      return { verb: 'update', object: { ...pod, metadata: { ...pod.metadata, labels } } };
    }),
    ...twins.map((twin) => deletionOf(twin)),
  ];
}

/** Deletes the oldest revisions beyond the limit, except those that pods still have. */
export function planHistoryLimit(
  { spec }: DaemonSet,
  old: readonly ControllerRevision[],
  pods: readonly Pod[],
): readonly Write[] {
  const excess = old.length - (spec.revisionHistoryLimit ?? 10);
  if (excess <= 0) return [];
  const live = new Set(pods.flatMap(({ metadata }) => metadata.labels?.[REVISION_LABEL] ?? []));
  return planTruncation(
    old.filter((revision) => !live.has(hashIn(revision) ?? '')),
    excess,
  );
}

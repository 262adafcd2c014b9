/** Annotations by which Deployments and ReplicaSets tell each other revision and size; pure. */
import {
  APPLIED_FIELDS_ANNOTATION,
  CHANGED_BY_ANNOTATION,
  TRACKING_ANNOTATION,
  managingApplication,
} from '../../diff/tracking.ts';
import { CONFIG_HASHES } from '../../schemas/pods/restart-on-change.ts';
import type { Deployment, ReplicaSet } from '../../schemas/types.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

/** Annotations of a Deployment that are not copied to its ReplicaSets. */
const NOT_COPIED = new Set([
  CHANGED_BY_ANNOTATION,
  CONFIG_HASHES,
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.rollback-to',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

/** `kubectl rollout undo` brings them back. A ReplicaSet that lies in Git has its own. */
const MARKS = new Set([TRACKING_ANNOTATION, APPLIED_FIELDS_ANNOTATION]);

/** Characters of revision-history kept, as upstream. */
const MAX_HISTORY_LENGTH = 2000;

type Annotations = Readonly<Record<string, string>>;

/** An int64, as a user may begin with a large one. */
export function revisionOf(object: ReplicaSet | Deployment): bigint {
  return revisionIn(object.metadata.annotations?.[REVISION]);
}

const revisionIn = (text: string | undefined): bigint =>
  text !== undefined && /^\d+$/.test(text) ? BigInt.asIntN(64, BigInt(text)) : 0n;

/** The revision after all of these. */
export const revisionAfter = (replicaSets: readonly ReplicaSet[]): bigint =>
  replicaSets.map(revisionOf).reduce((most, revision) => (revision > most ? revision : most), 0n) + 1n;

/** Oldest first. */
export const byRevision = (a: ReplicaSet, b: ReplicaSet): number =>
  revisionOf(a) < revisionOf(b) ? -1 : Number(revisionOf(a) > revisionOf(b));

export function desiredReplicasOf(replicaSet: ReplicaSet): number | undefined {
  return numberOf(replicaSet.metadata.annotations?.[DESIRED_REPLICAS]);
}

export function maxReplicasOf(replicaSet: ReplicaSet): number | undefined {
  return numberOf(replicaSet.metadata.annotations?.[MAX_REPLICAS]);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The annotations of the newest ReplicaSet: the Deployment's, and its revisions. */
export function newReplicaSetAnnotations(
  deployment: Deployment,
  replicaSet: ReplicaSet | undefined,
  newRevision: bigint,
): Record<string, string> {
  const current: Annotations = replicaSet?.metadata.annotations ?? {};
  const keepsMarks = replicaSet !== undefined && managingApplication(replicaSet) !== undefined;
  const next: Record<string, string> = { ...current };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(key) && !(keepsMarks && MARKS.has(key))) next[key] = value;
  }
  const old = current[REVISION];
  if (revisionIn(old) >= newRevision) return next;
  next[REVISION] = String(newRevision);
  if (old === undefined) return next;
  const history = [...(current[REVISION_HISTORY] ?? '').split(',').filter(Boolean), old];
  while (history.length > 1 && history.join(',').length > MAX_HISTORY_LENGTH) history.shift();
  next[REVISION_HISTORY] = history.join(',');
  return next;
}

export function withSize(annotations: Annotations, desired: number, max: number): Record<string, string> {
  return { ...annotations, [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(max) };
}

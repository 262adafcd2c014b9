/**
 * The brake on deletions (docs/INVARIANTS.md, "prune guard"). A commit that does not continue the
 * last complete sync may delete only a few objects before a person approves. Pure.
 *
 * Everything that decides is in the Application's status and annotations, so a restart, another
 * leader, an edit of the source and further commits keep the hold. The baseline moves only when a
 * sync is complete; the brake is recorded before the commit is adopted.
 */
import { isRecord, jsonEqual } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import type { Application, ApplicationSource } from '../../schemas/types.ts';
import { normaliseTreePath } from '../git/revision.ts';

/** A brake that is on lets at most this share of an application's objects go without approval. */
const UNAPPROVED_SHARE = 0.3;
/** Approves such deletions, with the commit that they are for. */
export const APPROVE_PRUNE_ANNOTATION = 'symphony.dev/approve-prune';

/** The last complete sync, as `status.pruneBaseline`. */
export interface PruneBaseline {
  /** Absent: the objects were there before anything was known of the application. */
  readonly revision?: string;
  readonly source?: SourcePlace;
  /** The approval that this sync has used up: it counts for nothing else, as long as it stays. */
  readonly usedApproval?: string;
  /** Set while a history that does not continue this one is applied. */
  readonly brake?: Brake;
}

interface Brake {
  readonly objects: number;
  readonly deleted: number;
  /** The newest revision that was applied in part: its objects are protected as well. */
  readonly left?: string;
  /** The place that the approval of a revision is for. */
  readonly approved?: { readonly revision: string; readonly source: SourcePlace };
}

/**
 * Where manifests come from. A revision is told by its history, not by its name. Images and numbers
 * of replicas delete nothing, and programs write them often.
 */
type SourcePlace = Pick<ApplicationSource, 'repoURL' | 'path' | 'directory' | 'kustomize'>;

function placeOf({ repoURL, path = '', directory, kustomize }: ApplicationSource): SourcePlace {
  return {
    repoURL,
    path: normaliseTreePath(path),
    ...(directory ? { directory } : {}),
    ...(kustomize ? { kustomize: omit(kustomize, 'images', 'replicas') } : {}),
  };
}

/** The recorded baseline; before there were any, a status that says Synced told as much. */
export function pruneBaselineOf({ status }: Application): PruneBaseline | undefined {
  const recorded = status?.['pruneBaseline'];
  if (isRecord(recorded)) return recorded;
  const sync = status?.['sync'];
  if (!isRecord(sync) || sync['status'] !== 'Synced' || typeof sync['revision'] !== 'string')
    return undefined;
  const source = isRecord(sync['comparedTo']) ? sync['comparedTo']['source'] : undefined;
  const place = isRecord(source) ? { source: placeOf(source as unknown as ApplicationSource) } : {};
  return { revision: sync['revision'], ...place };
}

export interface BrakeInput {
  readonly baseline: PruneBaseline | undefined;
  readonly source: ApplicationSource;
  readonly revision: string;
  /** One of `revisionsToContinue` that the revision does not descend from. */
  readonly left: string | undefined;
  readonly hasObjects: boolean;
}

/**
 * A sync must descend from these: the last complete sync, and the revision compared since, which
 * may have been applied in part. Under a brake, only revisions from before the brake count.
 */
export function revisionsToContinue(
  baseline: PruneBaseline | undefined,
  compared: string | undefined,
): readonly string[] {
  const newest = baseline?.brake ? baseline.brake.left : compared;
  return [...new Set([baseline?.revision, newest])].filter((revision) => revision !== undefined);
}

/** Why deletions need approval; undefined where the sync continues the last complete one. */
export function brakeReason(input: BrakeInput): string | undefined {
  const { baseline, source, revision, left } = input;
  if (baseline?.revision === undefined)
    return input.hasObjects ? 'the objects are older than what is known of this application' : undefined;
  if (baseline.source && !jsonEqual(baseline.source, placeOf(source)))
    return `the source changed since ${baseline.revision} was synced`;
  if (left === undefined) return undefined;
  return `revision ${revision} does not descend from ${left}: history was rewritten`;
}

/** The brake as it is put on, before anything else of the revision is said or done. */
export function brakeToRecord(
  baseline: PruneBaseline | undefined,
  compared: string | undefined,
  objects: number,
): PruneBaseline {
  const left = compared === undefined || compared === baseline?.revision ? {} : { left: compared };
  return { ...baseline, brake: { objects, deleted: 0, ...left } };
}

/** The record to make before the revision is applied; undefined where it is made already. */
export function baselineToRecord(
  application: Application,
  source: ApplicationSource,
  revision: string,
  { baseline, isBraked }: { readonly baseline: PruneBaseline | undefined; readonly isBraked: boolean },
): PruneBaseline | undefined {
  if (!baseline) return completeBaseline(application, source, revision, baseline);
  const { brake } = baseline;
  if (!brake) return undefined;
  if (!isBraked) return omit(baseline, 'brake');
  if (brake.approved?.revision === revision || !isPruneApproved(application, baseline, revision))
    return undefined;
  return { ...baseline, brake: { ...brake, approved: { revision, source: placeOf(source) } } };
}

/** Whether deletions at this revision are approved. An approval is for one place. */
export function isPruneApproved(
  { metadata, spec: { source } }: Application,
  baseline: PruneBaseline | undefined,
  revision: string | undefined,
): boolean {
  const approval = metadata.annotations?.[APPROVE_PRUNE_ANNOTATION];
  if (approval === undefined || approval !== revision || approval === baseline?.usedApproval) return false;
  const used = baseline?.brake?.approved;
  return used?.revision !== revision || (source !== undefined && jsonEqual(used.source, placeOf(source)));
}

/** How many objects may still be deleted without approval while the brake is on. */
export function unapprovedDeletions({ brake }: PruneBaseline): number {
  return brake ? Math.max(0, Math.floor(UNAPPROVED_SHARE * brake.objects) - brake.deleted) : 0;
}

/** The baseline with deletions that are about to be made under the brake. */
export function withDeletions(baseline: PruneBaseline, count: number): PruneBaseline {
  const brake = baseline.brake ?? { objects: 0, deleted: 0 };
  return { ...baseline, brake: { ...brake, deleted: brake.deleted + count } };
}

export function completeBaseline(
  { metadata }: Application,
  source: ApplicationSource,
  revision: string,
  baseline: PruneBaseline | undefined,
): PruneBaseline {
  const approval = metadata.annotations?.[APPROVE_PRUNE_ANNOTATION];
  const used = approval !== undefined && [revision, baseline?.usedApproval].includes(approval);
  return { revision, source: placeOf(source), ...(used ? { usedApproval: approval } : {}) };
}

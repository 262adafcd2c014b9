/** The commit that the revision names, how it continues the one before, and whether that brakes deletions. */
import { TransientError } from '../../base/errors.ts';
import type { Application } from '../../schemas/types.ts';
import { normaliseTreePath } from '../git/revision.ts';
import type { GitMirror } from '../git/types.ts';
import { brakeReason, brakeToRecord, revisionsToContinue } from '../plan/plan-brake.ts';
import type { GitView, Move, Subject, View } from '../types.ts';
import { managedCount } from './orphans.ts';

export async function observeGit(subject: Subject, view: View): Promise<GitView> {
  const { application, cache, source, progress, repository } = subject;
  const { mirror } = repository;
  const revision =
    progress.obstacle === undefined ? await mirror.resolve(source.targetRevision ?? 'HEAD') : cache.revision;
  if (revision === undefined) throw new TransientError('Cannot render: no revision is known yet');
  const moved = revision === cache.revision ? undefined : await observeMove(subject, revision);
  const compared = lastRevision(application);
  const { baseline } = view;
  let left: string | undefined;
  for (const before of revisionsToContinue(baseline, compared))
    if (left === undefined && !(await mirror.isAncestor(before, revision))) left = before;
  const count = (): number => managedCount(subject.key, subject.managed);
  const hasObjects = baseline?.revision === undefined && count() > 0;
  const brake = brakeReason({ baseline, source, revision, left, hasObjects });
  const isDue = brake !== undefined && !baseline?.brake;
  return {
    revision,
    moved,
    brake,
    brakeRecord: isDue ? brakeToRecord(baseline, compared, count()) : undefined,
  };
}

async function observeMove(
  { application, cache, source, repository: { mirror } }: Subject,
  revision: string,
): Promise<Move> {
  const before = cache.revision ?? lastRevision(application);
  const isRewritten =
    before !== undefined && before !== revision && !(await mirror.isAncestor(before, revision));
  const path = normaliseTreePath(source.path ?? '');
  return {
    nonAncestor: isRewritten
      ? `revision ${revision} does not descend from ${before}: history was rewritten`
      : undefined,
    attributed: await attribute(mirror, path, revision, { commit: before, attributed: cache.attributed }),
  };
}

/** The last commit that touched the application's folder: it is the one that a person asks about. */
async function attribute(
  mirror: GitMirror,
  path: string,
  revision: string,
  before: { readonly commit: string | undefined; readonly attributed: string | undefined },
): Promise<string> {
  if (path === '') return revision;
  const treeId = await mirror.treeId(revision, path);
  const known = before.commit && (await mirror.treeId(before.commit, path).catch(() => undefined));
  if (treeId !== undefined && treeId === known && before.attributed !== undefined) return before.attributed;
  return (await mirror.lastChange(revision, path)) ?? revision;
}

function lastRevision({ status }: Application): string | undefined {
  const sync = status?.['sync'] as { revision?: string } | undefined;
  return sync?.revision;
}

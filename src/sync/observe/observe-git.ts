/** The commit of the revision, and whether it continues the last one or brakes deletions. */
import { TransientError } from '../../base/errors.ts';
import type { Application } from '../../schemas/types.ts';
import { normaliseTreePath } from '../git/revision.ts';
import { brakeReason, brakeToRecord, revisionsToContinue } from '../plan/plan-brake.ts';
import { findTarget, openTree } from '../render/index.ts';
import type { Renderer } from '../render/types.ts';
import type { GitView, Move, Subject, View } from '../types.ts';
import type { Observer } from './observer.ts';
import { managedCount } from './orphans.ts';

export async function observeGit(
  { renderers }: Pick<Observer, 'renderers'>,
  subject: Subject,
  view: View,
): Promise<GitView> {
  const { application, cache, source, progress, repository } = subject;
  const { mirror } = repository;
  const revision =
    progress.obstacle === undefined ? await mirror.resolve(source.targetRevision ?? 'HEAD') : cache.revision;
  if (revision === undefined) throw new TransientError('Cannot render: no revision is known yet');
  const moved = revision === cache.revision ? undefined : await observeMove(subject, revision, renderers);
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

async function observeMove(subject: Subject, revision: string, list: readonly Renderer[]): Promise<Move> {
  const { application, cache, repository } = subject;
  const before = cache.revision ?? lastRevision(application);
  const isRewritten =
    before !== undefined && before !== revision && !(await repository.mirror.isAncestor(before, revision));
  return {
    nonAncestor: isRewritten
      ? `revision ${revision} does not descend from ${before}: history was rewritten`
      : undefined,
    attributed: await attribute(subject, revision, before, list),
  };
}

/** The last commit that touched the inputs: it is the one that a person asks about. */
async function attribute(
  { cache, source, repository: { mirror } }: Subject,
  revision: string,
  before: string | undefined,
  list: readonly Renderer[],
): Promise<string> {
  const path = normaliseTreePath(source.path ?? '');
  if (path === '') return revision;
  const tree = await openTree(mirror, revision, source);
  const known = before && (await mirror.treeId(before, path).catch(() => undefined));
  if (!tree || tree.treeId !== known || cache.attributed === undefined)
    return (await mirror.lastChange(revision, path)) ?? revision;
  if (!cache.target) return cache.attributed;
  // The folder is the same; inputs outside of it may have changed.
  const { inputs } = await findTarget(tree, source, cache.target, list);
  return inputs.key === cache.target.inputs.key ? cache.attributed : revision;
}

function lastRevision({ status }: Application): string | undefined {
  const sync = status?.['sync'] as { revision?: string } | undefined;
  return sync?.revision;
}

/** Observes one application. A stage is observed once the stage before it asks for nothing. */
import { ConflictError } from '../../base/errors.ts';
import { hasSucceeded, operationStateOf, requestOf } from '../plan/operation.ts';
import { pruneBaselineOf } from '../plan/plan-brake.ts';
import { dueBaseline } from '../plan/plan-reconcile.ts';
import { isCurrent, isMadeFrom } from '../render/inputs.ts';
import { findTarget, missingFolder, openTree } from '../render/index.ts';
import type { GitView, RenderView, Subject, View } from '../types.ts';
import { isForeseenCurrent } from './foreseen.ts';
import { observeGit } from './observe-git.ts';
import { observeObjects } from './observe-objects.ts';
import type { Observer } from './observer.ts';

export async function observe(observer: Observer, subject: Subject): Promise<View> {
  const { application, key, source, cache, progress } = subject;
  const current = observer.apps.get(key);
  if (!current || current.metadata.uid !== application.metadata.uid)
    throw new ConflictError(`Application "${key}" is gone, or was made anew`);
  const view: View = {
    application,
    key,
    source,
    nowMs: observer.clock.now(),
    known: cache,
    progress,
    operation: operationStateOf(current),
    baseline: pruneBaselineOf(current),
    git: undefined,
    rendering: undefined,
    objects: undefined,
  };
  if (isFetchDue(subject)) return view;
  progress.git ??= await observeGit(observer, subject, view);
  const git = progress.git;
  if (git.moved || (git.brakeRecord && !view.baseline?.brake)) return { ...view, git };
  const rendering = await observeRender(observer, subject, view, git);
  if (rendering.is !== 'current' || dueBaseline(view, git)) return { ...view, git, rendering };
  return { ...view, git, rendering, objects: await observeObjects(observer, subject, view, git) };
}

/** A reconcile fetches once, whoever asks meanwhile. */
export const isFetchDue = ({ cache, progress }: Subject): boolean => cache.fetchDue && !progress.hasFetched;

async function observeRender(
  { registry, renderers, foresee }: Observer,
  { cache, source, repository: { mirror } }: Subject,
  { operation, progress }: View,
  { revision, brake }: GitView,
): Promise<RenderView> {
  const tree = await openTree(mirror, revision, source);
  if (!tree) throw missingFolder(source, revision);
  const target = await findTarget(tree, source, cache.target, renderers);
  cache.target = target;
  const { renderer, inputs } = target;
  const holds = (render: typeof cache.render): render is NonNullable<typeof render> =>
    isMadeFrom(render, renderer.name, inputs) && isCurrent(render, registry.version);
  if (holds(cache.failedRender)) return { is: 'failed', render: cache.failedRender };
  if (!holds(cache.render)) return { is: 'due', target };
  cache.failedRender = undefined;
  const nothingNew =
    !cache.allDirty &&
    cache.dirty.size === 0 &&
    progress.obstacle === undefined &&
    requestOf(operation) === undefined &&
    hasSucceeded(operation, revision);
  if (nothingNew && cache.settled?.brake === brake && cache.settled && isForeseenCurrent(cache, foresee))
    return { is: 'settled', outcome: cache.settled.outcome };
  return { is: 'current' };
}

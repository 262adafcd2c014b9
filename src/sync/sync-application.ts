/**
 * One look at one application: fetch (when due), render, compare, apply. The parts that decide are pure (plan-sync,
 * plan-hooks, planChangeSet, planNamespaces); this file and apply-commit.ts do what they say.
 *
 * What must never happen here: a deletion after a render that failed, was empty, or while the store's history is lost.
 */
import { TransientError, UserError } from '../base/errors.ts';
import { formatManifestError, type ManifestError } from '../schemas/manifest/index.ts';
import { keyOf } from '../schemas/object.ts';
import type { Application, ApplicationSource } from '../schemas/types.ts';
import { type ApplicationCache, takeRender } from './cache/application-cache.ts';
import { applyCommit } from './apply-commit.ts';
import { isForeseenCurrent } from './observe/foreseen.ts';
import { managedCount } from './observe/orphans.ts';
import { normaliseTreePath } from './git/revision.ts';
import type { GitMirror } from './git/types.ts';
import { hasSucceeded, requestOf } from './plan/operation.ts';
import { brakeReason, brakeToRecord, revisionsToContinue } from './plan/plan-brake.ts';
import { MAX_PROBLEMS, conditionOf } from './plan/plan-conditions.ts';
import type { Repository } from './git/repositories.ts';
import { isCurrent, renderPlain } from './render/plain.ts';
import type { Render } from './render/types.ts';
import type { SyncContext } from './sync-context.ts';
import type { SyncOutcome } from './plan/sync-outcome.ts';

/** Events in the cluster do not ask a forge again that has failed so shortly before. */
const FETCH_RETRY_MS = 10_000;

export async function syncApplication(
  application: Application,
  state: ApplicationCache,
  context: SyncContext,
  signal: AbortSignal,
): Promise<SyncOutcome> {
  let obstacle: string | undefined;
  try {
    const { source } = application.spec;
    if (!source) throw new UserError('Cannot sync: spec.source is missing');
    // Nothing is fetched for an Application that may write nothing.
    context.access();
    const repository = context.repository(source);
    if (state.fetchDue) {
      try {
        await fetchOnce(state, repository, context.nowMs, signal);
      } catch (error) {
        // Git away: what is known is kept and healed, and the next look fetches again.
        if (!(error instanceof TransientError) || state.revision === undefined) throw error;
        obstacle = error.message;
      }
    }
    return await context.slots.run(() =>
      renderAndApply(application, source, state, repository, context, obstacle, signal),
    );
  } catch (error) {
    if (error instanceof UserError) return comparisonFailure([error.message], undefined);
    if (error instanceof TransientError) return comparisonFailure([], error.message);
    throw error;
  }
}

async function fetchOnce(
  state: ApplicationCache,
  repository: Repository,
  nowMs: () => number,
  signal: AbortSignal,
): Promise<void> {
  const { fetchFailure } = state;
  if (fetchFailure && nowMs() < fetchFailure.untilMs) throw fetchFailure.error;
  // Cleared first: who asks while the fetch is under way gets another one.
  const expectation = state.newsExpected ? 'news' : 'unknown';
  state.fetchDue = false;
  state.newsExpected = false;
  state.fetchFailure = undefined;
  try {
    await repository.fetch(signal, expectation);
  } catch (error) {
    state.fetchDue = true;
    state.attempted = true;
    state.fetchFailure = { error, untilMs: Math.min(nowMs() + FETCH_RETRY_MS, state.nextPollMs) };
    throw error;
  }
}

async function renderAndApply(
  application: Application,
  source: ApplicationSource,
  state: ApplicationCache,
  repository: Repository,
  context: SyncContext,
  obstacle: string | undefined,
  signal: AbortSignal,
): Promise<SyncOutcome> {
  if (obstacle === undefined) await followRevision(application, source, state, repository.mirror, context);
  await followBrake(application, source, state, repository.mirror, context);
  const failed = await renderIfNeeded(source, state, repository.mirror, context);
  if (failed) return renderFailure(failed);
  const operation = context.operation();
  const nothingNew =
    !state.allDirty &&
    state.dirty.size === 0 &&
    obstacle === undefined &&
    requestOf(operation) === undefined &&
    hasSucceeded(operation, state.revision);
  // Nothing has changed since everything was as it should be: nothing is compared.
  if (nothingNew && state.settled && isForeseenCurrent(state, context.foresee)) return state.settled;
  const outcome = await applyCommit(application, source, state, context, obstacle, signal);
  const isSettled = outcome.applied && outcome.obstacle === undefined && outcome.retryAtMs === undefined;
  state.settled = isSettled ? outcome : undefined;
  return outcome;
}

/** Resolves the revision and, when it moved, says so before any work is done on it. */
async function followRevision(
  application: Application,
  source: ApplicationSource,
  state: ApplicationCache,
  mirror: GitMirror,
  context: SyncContext,
): Promise<void> {
  const revision = await mirror.resolve(source.targetRevision ?? 'HEAD');
  const before = state.revision ?? lastRevision(application);
  if (revision === state.revision) return;
  const rewritten =
    before !== undefined && before !== revision && !(await mirror.isAncestor(before, revision));
  state.nonAncestor = rewritten
    ? `revision ${revision} does not descend from ${before}: history was rewritten`
    : undefined;
  state.revision = revision;
  state.foundBy = state.fetchCause;
  const attributed = await attribute(revision, before, normaliseTreePath(source.path ?? ''), state, mirror);
  if (attributed === state.attributed) return;
  state.attributed = attributed;
  state.startedMs = context.nowMs();
  state.failingSinceMs = undefined;
  state.healthySinceMs = undefined;
  state.lastHealthyMs = undefined;
  await context.announce(attributed);
}

/**
 * Whether deletions need approval. Asked at each look: what it depends on lies in the Application. A brake is recorded
 * at once, because the status is about to name the revision that it was put on for.
 */
async function followBrake(
  application: Application,
  source: ApplicationSource,
  state: ApplicationCache,
  mirror: GitMirror,
  context: SyncContext,
): Promise<void> {
  const { revision } = state;
  if (revision === undefined) return;
  const baseline = context.pruneBaseline();
  const compared = lastRevision(application);
  let left: string | undefined;
  for (const before of revisionsToContinue(baseline, compared))
    if (left === undefined && !(await mirror.isAncestor(before, revision))) left = before;
  const count = (): number => managedCount(keyOf(application), context.managed);
  const hasObjects = baseline?.revision === undefined && count() > 0;
  const brake = brakeReason({ baseline, source, revision, left, hasObjects });
  if (brake !== state.brake) state.settled = undefined;
  state.brake = brake;
  if (brake !== undefined && !baseline?.brake)
    await context.savePruneBaseline(brakeToRecord(baseline, compared, count()));
}

/** The last commit that touched the application's folder: it is the one that a person asks about. */
async function attribute(
  revision: string,
  before: string | undefined,
  path: string,
  state: ApplicationCache,
  mirror: GitMirror,
): Promise<string> {
  if (path === '') return revision;
  const treeId = await mirror.treeId(revision, path);
  const known =
    state.render?.treeId ?? (before && (await mirror.treeId(before, path).catch(() => undefined)));
  if (treeId !== undefined && treeId === known && state.attributed !== undefined) return state.attributed;
  return (await mirror.lastChange(revision, path)) ?? revision;
}

function lastRevision(application: Application): string | undefined {
  const sync = application.status?.['sync'] as { revision?: string } | undefined;
  return sync?.revision;
}

async function renderIfNeeded(
  source: ApplicationSource,
  state: ApplicationCache,
  mirror: GitMirror,
  context: SyncContext,
): Promise<Render | undefined> {
  const commit = state.revision;
  if (commit === undefined) throw new TransientError('Cannot render: no revision is known yet');
  const treeId = await mirror.treeId(commit, source.path ?? '');
  if (treeId !== undefined && state.failedRender?.treeId === treeId) {
    if (isCurrent(state.failedRender, context.kindsVersion())) return state.failedRender;
  }
  const rendered = state.render;
  if (treeId !== undefined && rendered?.treeId === treeId && isCurrent(rendered, context.kindsVersion())) {
    state.failedRender = undefined;
    return undefined;
  }
  const render = await renderPlain({
    mirror,
    commit,
    source,
    parse: context.parse,
    previous: state.render,
    kindsVersion: context.kindsVersion(),
  });
  if (render.errors.length > 0) {
    state.failedRender = render;
    return render;
  }
  state.failedRender = undefined;
  takeRender(state, render);
  return undefined;
}

function renderFailure(render: Render): SyncOutcome {
  return comparisonFailure(render.errors.map(withHint), undefined);
}

/** A commit status that is too long leaves the hint out. */
const withHint = (error: ManifestError): string =>
  `${formatManifestError(error)}${error.hint === undefined ? '' : ` (hint: ${error.hint})`}`;

function comparisonFailure(problems: readonly string[], obstacle: string | undefined): SyncOutcome {
  return {
    applied: false,
    extraneous: false,
    compared: false,
    problems: problems.slice(0, MAX_PROBLEMS),
    problemCount: problems.length,
    obstacle,
    isWaiting: false,
    conditions: conditionOf('ComparisonError', [...problems, obstacle]),
    retry: obstacle !== undefined,
    retryAtMs: undefined,
    idle: false,
  };
}

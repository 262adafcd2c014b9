/**
 * One look at one application: fetch (when due), render, compare, apply, assess. The parts that decide are pure
 * (plan-sync, planChangeSet, planNamespaces); this file does what they say and remembers what it saw.
 *
 * What must never happen here: a deletion after a render that failed, was empty, or while the store's history is lost.
 */
import { TransientError, UserError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type ChangeSet, idOf, planChangeSet } from '../diff/change-set.ts';
import type { ResourceKind } from '../schemas/resource-kind.ts';
import { formatManifestError } from '../schemas/manifest/index.ts';
import { keyOf } from '../schemas/object.ts';
import type { Application, ApplicationSource } from '../schemas/types.ts';
import type { Objects } from '../store/objects.ts';
import type { CommitOptions } from '../store/types.ts';
import { type ApplyError, applyChanges } from './apply-changes.ts';
import { type ApplicationState, takeRender } from './application-state.ts';
import { refreshHealth } from './assess-application.ts';
import { normaliseTreePath } from './git/revision.ts';
import type { GitMirror } from './git/types.ts';
import type { ManagedResources } from './managed-resources.ts';
import type { ApplicationCondition } from './plan-application-status.ts';
import { planNamespaces } from './plan-namespaces.ts';
import { planSync, syncPolicyOf } from './plan-sync.ts';
import type { Repository } from './repositories.ts';
import { renderPlain } from './render/plain.ts';
import type { ParseManifestFile, Render } from './render/types.ts';

export interface SyncContext {
  readonly objects: Objects;
  readonly managed: ManagedResources;
  readonly namespaceKind: ResourceKind | undefined;
  readonly logger: Logger;
  readonly repository: (source: ApplicationSource) => Repository;
  readonly parse: ParseManifestFile;
  readonly commitOptions: () => CommitOptions;
  /** False while the store's history is lost. */
  readonly historyComplete: () => Promise<boolean>;
  /** Called when a new commit is to be applied, before it is rendered. */
  readonly announce: (sha: string) => Promise<void>;
  readonly nowMs: () => number;
}

export interface SyncOutcome {
  /** Whether everything of the commit is in the store and nothing else of ours. */
  readonly applied: boolean;
  readonly compared: boolean;
  /** User errors, worst first: the commit cannot be applied as it is. */
  readonly problems: readonly string[];
  /** Why we cannot do more now, through no fault of the commit. */
  readonly obstacle: string | undefined;
  readonly conditions: readonly ApplicationCondition[];
  /** An error that deserves another try soon. */
  readonly retry: boolean;
}

/** A force-push that takes away more than this share of an application's objects waits for approval. */
const REWRITE_PRUNE_BUDGET = 0.3;
/** Approves such a deletion, with the commit it is for. */
export const APPROVE_PRUNE_ANNOTATION = 'symphony.dev/approve-prune';
/** Steps (waves that are healthy at once) in one look; the rest goes on at the next. */
const MAX_STEPS = 50;
/** So many errors tell enough. */
const MAX_PROBLEMS = 50;

export async function syncApplication(
  application: Application,
  state: ApplicationState,
  context: SyncContext,
  signal: AbortSignal,
): Promise<SyncOutcome> {
  let obstacle: string | undefined;
  try {
    const { source } = application.spec;
    if (!source) throw new UserError('Cannot sync: spec.source is missing');
    const repository = context.repository(source);
    if (state.fetchDue) {
      try {
        await repository.fetch(signal);
        state.fetchDue = false;
      } catch (error) {
        // Git away: what is known is kept and healed, and the next look fetches again.
        if (!(error instanceof TransientError) || state.revision === undefined) throw error;
        obstacle = error.message;
      }
    }
    if (obstacle === undefined) await followRevision(application, source, state, repository.mirror, context);
    const failed = await renderIfNeeded(source, state, repository.mirror, context);
    if (failed) return renderFailure(failed);
  } catch (error) {
    if (error instanceof UserError) return comparisonFailure([error.message], undefined);
    if (error instanceof TransientError) return comparisonFailure([], error.message);
    throw error;
  }
  if (
    state.settled &&
    !state.allDirty &&
    state.dirty.size === 0 &&
    !state.requested &&
    obstacle === undefined &&
    wasApplied(application, state.revision)
  ) {
    return SETTLED;
  }
  const outcome = await compareAndApply(application, state, context, obstacle, signal);
  state.settled = outcome.applied && outcome.obstacle === undefined && outcome.conditions.length === 0;
  return outcome;
}

/** Nothing has changed since everything was as it should be: nothing is compared. */
const SETTLED: SyncOutcome = {
  applied: true,
  compared: true,
  problems: [],
  obstacle: undefined,
  conditions: [],
  retry: false,
};

/** Resolves the revision and, when it moved, says so before any work is done on it. */
async function followRevision(
  application: Application,
  source: ApplicationSource,
  state: ApplicationState,
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
  const path = normaliseTreePath(source.path ?? '');
  const touched = path === '' || state.render?.treeId !== (await mirror.treeId(revision, path));
  if (!touched && state.attributed !== undefined) return;
  state.attributed = revision;
  state.startedMs = context.nowMs();
  state.failingSinceMs = undefined;
  state.healthySinceMs = undefined;
  state.lastHealthyMs = undefined;
  await context.announce(revision);
}

function lastRevision(application: Application): string | undefined {
  const sync = application.status?.['sync'] as { revision?: string } | undefined;
  return sync?.revision;
}

async function renderIfNeeded(
  source: ApplicationSource,
  state: ApplicationState,
  mirror: GitMirror,
  context: SyncContext,
): Promise<Render | undefined> {
  const commit = state.revision;
  if (commit === undefined) throw new TransientError('Cannot render: no revision is known yet');
  const treeId = await mirror.treeId(commit, source.path ?? '');
  if (treeId !== undefined && state.failedRender?.treeId === treeId) return state.failedRender;
  if (treeId !== undefined && state.render?.treeId === treeId) {
    state.failedRender = undefined;
    return undefined;
  }
  const render = await renderPlain({ mirror, commit, source, parse: context.parse, previous: state.render });
  if (render.errors.length > 0) {
    state.failedRender = render;
    return render;
  }
  state.failedRender = undefined;
  takeRender(state, render);
  return undefined;
}

async function compareAndApply(
  application: Application,
  state: ApplicationState,
  context: SyncContext,
  obstacle: string | undefined,
  signal: AbortSignal,
): Promise<SyncOutcome> {
  const { managed } = context;
  const key = keyOf(application);
  const policy = syncPolicyOf(application);
  const syncOptions = application.spec.syncPolicy?.syncOptions ?? [];
  const newCommit = !wasApplied(application, state.revision);
  const errors: ApplyError[] = [];
  let historyComplete: boolean | undefined;
  for (let step = 0; ; step += 1) {
    const inventory = managed.inventory(key);
    const orphans = inventory.some(({ kind, object }) => !state.desiredById.has(idOf(kind, keyOf(object))));
    if (orphans) historyComplete ??= await context.historyComplete();
    const changeSet = planChangeSet(
      state.desired,
      (resource, name) => managed.live(resource, name),
      inventory,
      {
        application: key,
        prune: policy.prune,
        allowEmpty: policy.allowEmpty,
        historyComplete: historyComplete ?? true,
        syncOptions,
        ignore: application.spec.ignoreDifferences ?? [],
        ...(state.allDirty ? {} : { only: state.dirty }),
        ...(pruneNeedsApproval(application, state) ? { pruneBudget: REWRITE_PRUNE_BUDGET } : {}),
      },
    );
    settle(state, changeSet);
    const failed = new Set(errors.map(({ change }) => idOf(change.kind, change.key)));
    const open = changeSet.changes.filter(({ kind, key: name }) => !failed.has(idOf(kind, name)));
    const namespaces = planNamespaces(
      open,
      context.namespaceKind,
      (name) => managed.namespaceExists(name),
      syncOptions.includes('CreateNamespace=true'),
    );
    refreshHealth(state, managed);
    const plan = planSync({
      changeSet: { ...changeSet, changes: [...namespaces.create, ...open] },
      desired: state.desiredById.values(),
      healthOf: (id) => state.health.get(id),
      policy,
      requested: state.requested,
      newCommit,
    });
    const problems = [
      ...namespaces.missing,
      ...changeSet.problems.filter(({ code }) => code !== 'being-deleted').map(({ message }) => message),
      ...errors.map(({ change, message }) => `${change.origin ?? change.key}: ${message}`),
    ];
    const blockedByNamespace = namespaces.missing.length > 0;
    if (plan.step.length === 0 || step >= MAX_STEPS || blockedByNamespace) {
      const deleting = changeSet.problems.find(({ code }) => code === 'being-deleted')?.message;
      const applied = plan.step.length === 0 && plan.last && problems.length === 0 && deleting === undefined;
      if (applied) state.requested = false;
      return {
        applied,
        compared: true,
        problems: problems.slice(0, MAX_PROBLEMS),
        obstacle: plan.waitingFor === undefined ? (deleting ?? obstacle) : `Waiting for ${plan.waitingFor}`,
        conditions: conditionsOf(changeSet, errors, namespaces.missing, state, obstacle),
        retry: step >= MAX_STEPS || deleting !== undefined,
      };
    }
    const result = await applyChanges(context.objects, plan.step, context.commitOptions(), signal);
    errors.push(...result.errors);
    for (const change of plan.step) {
      state.healthDirty.add(idOf(change.kind, change.key));
      state.dirty.add(idOf(change.kind, change.key));
    }
    context.logger.info(
      {
        application: key,
        revision: state.revision,
        written: result.written.length,
        refused: result.errors.length,
      },
      'Applied a step of a sync',
    );
    await managed.caughtUp(result.written, signal);
  }
}

/** What is as it should be needs no further look until something changes. */
function settle(state: ApplicationState, changeSet: ChangeSet): void {
  const open = new Set<string>();
  for (const { action, kind, key } of changeSet.changes) if (action !== 'noop') open.add(idOf(kind, key));
  for (const { kind, key } of changeSet.problems) open.add(idOf(kind, key));
  state.allDirty = false;
  state.dirty = open;
}

function wasApplied(application: Application, revision: string | undefined): boolean {
  const operation = application.status?.['operationState'] as
    | { phase?: string; syncResult?: { revision?: string } }
    | undefined;
  return operation?.phase === 'Succeeded' && operation.syncResult?.revision === revision;
}

function pruneNeedsApproval(application: Application, state: ApplicationState): boolean {
  if (state.nonAncestor === undefined) return false;
  return application.metadata.annotations?.[APPROVE_PRUNE_ANNOTATION] !== state.revision;
}

function conditionsOf(
  changeSet: ChangeSet,
  errors: readonly ApplyError[],
  missingNamespaces: readonly string[],
  state: ApplicationState,
  obstacle: string | undefined,
): readonly ApplicationCondition[] {
  const conditions: ApplicationCondition[] = [];
  const add = (type: string, messages: readonly string[]): void => {
    if (messages.length > 0) conditions.push({ type, message: messages.slice(0, MAX_PROBLEMS).join('\n') });
  };
  const withCode = (code: string): readonly string[] =>
    changeSet.problems.filter((problem) => problem.code === code).map(({ message }) => message);
  add('RepeatedResourceWarning', withCode('duplicate'));
  add('SharedResourceWarning', withCode('shared-resource'));
  add('SyncError', [
    ...missingNamespaces,
    ...errors.map(({ change, message }) => `${change.origin ?? change.key}: ${message}`),
  ]);
  add('ComparisonError', obstacle === undefined ? [] : [obstacle]);
  add('NonAncestorWarning', state.nonAncestor === undefined ? [] : [state.nonAncestor]);
  add('ExcludedResourceWarning', state.render?.warnings ?? []);
  add('PruneHeldWarning', heldMessages(changeSet, state));
  return conditions;
}

function heldMessages({ held }: ChangeSet, state: ApplicationState): readonly string[] {
  const reason = held.find((item) => item.reason !== 'off' && item.reason !== 'rebuilding')?.reason;
  if (reason === undefined) return [];
  const why = {
    empty: 'the render is empty and allowEmpty is not set',
    budget: `history was rewritten; to delete them, set the annotation ${APPROVE_PRUNE_ANNOTATION}: ${state.revision ?? ''}`,
    incomplete: 'an object is written twice',
    off: '',
    rebuilding: '',
  }[reason];
  return [`${held.length} objects are no longer in Git and stay: ${why}`];
}

function renderFailure(render: Render): SyncOutcome {
  return comparisonFailure(render.errors.slice(0, MAX_PROBLEMS).map(formatManifestError), undefined);
}

function comparisonFailure(problems: readonly string[], obstacle: string | undefined): SyncOutcome {
  const message = [...problems, ...(obstacle === undefined ? [] : [obstacle])].join('\n');
  return {
    applied: false,
    compared: false,
    problems,
    obstacle,
    conditions: [{ type: 'ComparisonError', message }],
    retry: obstacle !== undefined,
  };
}

/** The desired objects against the live ones, and everything that holds a change back. */
import { jsonEqual } from '../../base/json.ts';
import { type ChangeSet, planChangeSet } from '../../diff/change-set.ts';
import { type DesiredObject, idOf } from '../../diff/desired-set.ts';
import { assess, explain } from '../../health/index.ts';
import { asRecord } from '../../schemas/json-access.ts';
import { type KubeObject, formatApiVersion } from '../../schemas/object.ts';
import type { Registry, ResourceKind } from '../../schemas/resource-kind.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import { type OperationState, isRunning } from '../plan/operation.ts';
import { planAttempt } from '../plan/plan-attempt.ts';
import { isPruneApproved, unapprovedDeletions } from '../plan/plan-brake.ts';
import { heldFights } from '../plan/plan-fights.ts';
import { type Hook, observeHooks } from '../plan/plan-hooks.ts';
import { missingJobs } from '../plan/plan-spent-jobs.ts';
import { QUOTA_PATIENCE_MS } from '../plan/plan-outcome.ts';
import { standingRefusals } from '../plan/plan-retry.ts';
import { mayApply } from '../plan/plan-sync.ts';
import type { Attempt, GitView, ObjectsView, Subject, View } from '../types.ts';
import { refreshHealth } from './assess-application.ts';
import { deniedWrites } from './denied-writes.ts';
import { foresee } from './foreseen.ts';
import { type HandOver, concernsOthers, leavingIn, planHandOver } from './hand-over.ts';
import { type Observer, isHistoryComplete } from './observer.ts';
import { orphansOf, refreshOrphans } from './orphans.ts';

export async function observeObjects(
  observer: Observer,
  subject: Subject,
  view: View,
  git: GitView,
): Promise<ObjectsView> {
  const { application, key, cache, managed, progress } = subject;
  const { operation, baseline, nowMs } = view;
  const attempt = (progress.attempt ??= beginAttempt(subject, view, git));
  const isBraked = git.brake !== undefined && !isPruneApproved(application, baseline, git.revision);
  const maxDeletions = isBraked ? unapprovedDeletions(baseline ?? {}) : undefined;
  const { changeSet, claims } = await compare(observer, subject, attempt, maxDeletions);
  const fights = attempt.requested ? new Map<string, number>() : heldFights(cache, changeSet, nowMs);
  const open = changeSet.changes.filter((change) => {
    const id = idOf(change.kind, change.key);
    return !progress.refused.has(id) && !fights.has(id);
  });
  progress.denied ??= mayApply(attempt)
    ? await deniedWrites(subject.access, open, attempt.healing ? [] : hooksOf(cache), managed)
    : [];
  const hooks = currentHooks(subject, operation);
  const created = (hooks ?? []).map(({ create }) => create);
  const named = [...open, ...created].map(({ object }) => object.metadata.namespace ?? '');
  refreshHealth(key, cache, managed);
  return {
    attempt,
    changeSet,
    open,
    fights,
    claims,
    isBraked,
    historyComplete: progress.historyComplete === true,
    denied: progress.denied,
    hooks,
    namespaceKind: observer.registry.byKind('v1', 'Namespace'),
    namespaces: new Set(named.filter((name) => managed.namespaceExists(name))),
    unserved: unservedIn(
      observer.registry,
      [...open, ...created].map(({ kind }) => kind),
    ),
    uncounted: uncountedQuotas(cache, managed.find, nowMs),
    foreseen: foresee(cache, observer.foresee),
  };
}

function beginAttempt({ application, cache, progress }: Subject, view: View, { revision }: GitView): Attempt {
  const attempt = planAttempt(application, view.operation, revision);
  progress.refused = standingRefusals(cache, attempt.requested, view.nowMs);
  return attempt;
}

/** The hooks of the operation that is under way, with the state of their objects. */
function currentHooks(
  { key, cache, managed }: Subject,
  operation: OperationState | undefined,
): readonly Hook[] | undefined {
  if (!operation || !isRunning(operation, cache.revision)) return undefined;
  return observeHooks(hooksOf(cache), {
    application: key,
    operation,
    live: managed.live,
    healthOf: assess,
    causeOf: (object, health) => explain(object, health, managed).text,
  });
}

/** Two manifests for one hook both count, in a fixed order. */
const hooksOf = ({ hooks }: Pick<ApplicationCache, 'hooks'>): readonly DesiredObject[] =>
  [...hooks.byId].flatMap(([id, first]) => [first, ...(hooks.repeated.get(id) ?? [])]);

/** Compares what is dirty, and asks other applications about objects that come or go. */
async function compare(
  observer: Observer,
  { application, key, source, cache, managed, repository, progress }: Subject,
  { policy, syncOptions, healing }: Attempt,
  maxDeletions: number | undefined,
): Promise<Pick<ObjectsView, 'changeSet' | 'claims'>> {
  const planned = async (handOver: Partial<HandOver>): Promise<ChangeSet> => {
    refreshOrphans(key, cache, managed);
    if (cache.orphans.size > 0) progress.historyComplete ??= await isHistoryComplete(observer);
    // Only a dirty object can have become an orphan, and `settle` takes the marks off: nothing may
    // happen in between.
    refreshOrphans(key, cache, managed);
    if (healing)
      for (const [id, item] of missingJobs(
        cache.desired,
        cache.allDirty ? cache.desired.byId.keys() : cache.dirty,
        managed.live,
      ))
        cache.spent.set(id, item);
    const changeSet = planChangeSet(cache.desired, managed.live, orphansOf(cache, managed), {
      application: key,
      prune: policy.prune,
      allowEmpty: policy.allowEmpty,
      historyComplete: progress.historyComplete === true,
      syncOptions,
      ignore: application.spec.ignoreDifferences ?? [],
      autoscaled: managed.autoscaled(),
      kept: cache.hooks.byId,
      spent: cache.spent,
      takeOver: handOver.takeOver,
      claimed: handOver.claimed,
      ...(cache.allDirty ? {} : { only: cache.dirty }),
      ...(maxDeletions === undefined ? {} : { maxDeletions }),
    });
    settle(cache, changeSet);
    return changeSet;
  };
  let changeSet = await planned({});
  let handOver: HandOver = { takeOver: new Set(), claimed: new Map(), waitingFor: [] };
  if (concernsOthers(changeSet)) {
    const { mirror } = repository;
    const own = { key, repoURL: source.repoURL, mirror, sinceMs: cache.startedMs };
    handOver = await planHandOver(own, changeSet, observer.neighbourhood, () => isHistoryComplete(observer));
    // Planned anew, since more may have become dirty meanwhile. A deletion that came with it is
    // left to the next reconcile: the others were not asked about it.
    const asked = new Set(leavingIn(changeSet).map(({ kind, key: name }) => idOf(kind, name)));
    const again = await planned(handOver);
    const unasked = new Set(leavingIn(again).filter(({ kind, key: name }) => !asked.has(idOf(kind, name))));
    changeSet = { ...again, changes: again.changes.filter((change) => !unasked.has(change)) };
  }
  return { changeSet, claims: handOver };
}

/** Only what differs stays dirty. */
function settle(cache: ApplicationCache, { changes, problems }: ChangeSet): void {
  const open = new Set<string>();
  for (const { action, kind, key } of changes) if (action !== 'noop') open.add(idOf(kind, key));
  for (const { kind, key } of problems) open.add(idOf(kind, key));
  cache.allDirty = false;
  cache.dirty = open;
}

/** Objects of a kind can be written once its definition is established. */
const unservedIn = (registry: Registry, kinds: readonly ResourceKind[]): ReadonlySet<ResourceKind> =>
  new Set(
    kinds.filter(
      (kind) =>
        kind.custom && registry.byKind(formatApiVersion(kind.group, kind.version), kind.kind) === undefined,
    ),
  );

/** Quotas that wait for their first count. One that is never counted holds nothing up for long. */
function uncountedQuotas(
  { quotas }: ApplicationCache,
  find: Subject['managed']['find'],
  nowMs: number,
): readonly KubeObject[] {
  return [...quotas].flatMap(([id, sinceMs]) => {
    const quota = find(id)?.object;
    const hard = asRecord(quota?.['spec'])['hard'];
    const counted = jsonEqual(asRecord(quota?.['status'])['hard'], hard);
    if (quota && !counted && nowMs < sinceMs + QUOTA_PATIENCE_MS) return [quota];
    quotas.delete(id);
    return [];
  });
}

/** Does what a plan says. Every choice was made by the plan; see plan/plan-reconcile.ts. */
import { TransientError } from '../../base/errors.ts';
import { isHook } from '../../diff/annotations.ts';
import type { Change } from '../../diff/change-set.ts';
import { idOf } from '../../diff/desired-set.ts';
import { takeRender } from '../cache/application-cache.ts';
import { checkChangeSet } from '../plan/check-change-set.ts';
import {
  NOTHING_WRITTEN,
  listed,
  nameOf,
  startedEvent,
  writtenEvents,
} from '../plan/plan-application-events.ts';
import { noteHeal } from '../plan/plan-fights.ts';
import { rememberRefusals } from '../plan/plan-retry.ts';
import type { ComparedView, GitView, Move, Plan, RestPlan, Subject, View, WritePlan } from '../types.ts';
import { type RenderTarget, renderTarget } from '../render/index.ts';
import { applyChanges } from './apply-changes.ts';
import type { Executor } from './executor.ts';

const QUOTA_PREFIX = 'resourcequotas|';
/** Events in the cluster do not ask a forge again that has failed so shortly before. */
const FETCH_RETRY_MS = 10_000;

export async function execute(
  executor: Executor,
  subject: Subject,
  view: View,
  plan: Exclude<Plan, RestPlan>,
  signal: AbortSignal,
): Promise<void> {
  switch (plan.do) {
    case 'fetch':
      return fetchOnce(executor, subject, signal);
    case 'follow':
      return follow(executor, subject, plan.git, plan.move, signal);
    case 'render':
      return render(executor, subject, plan.target);
    case 'start':
      return tellStart(executor, subject, view);
    case 'record':
      return executor.writer.record(subject.application, plan, signal);
    case 'write':
      return write(executor, subject, view, plan, signal);
  }
}

async function fetchOnce(
  { clock }: Executor,
  { cache, repository, progress }: Subject,
  signal: AbortSignal,
): Promise<void> {
  progress.hasFetched = true;
  try {
    const { fetchFailure } = cache;
    if (fetchFailure && clock.now() < fetchFailure.untilMs) throw fetchFailure.error;
    // Cleared first: a request that comes while the fetch is under way gets another one.
    const expectation = cache.newsExpected ? 'news' : 'unknown';
    cache.fetchDue = false;
    cache.newsExpected = false;
    cache.fetchFailure = undefined;
    try {
      await repository.fetch(signal, expectation);
    } catch (error) {
      cache.fetchDue = true;
      cache.attempted = true;
      cache.fetchFailure = { error, untilMs: Math.min(clock.now() + FETCH_RETRY_MS, cache.nextPollMs) };
      throw error;
    }
  } catch (error) {
    // Git is away: what is known is kept and healed, and the next reconcile fetches again.
    if (!(error instanceof TransientError) || cache.revision === undefined) throw error;
    progress.obstacle = error.message;
  }
}

async function follow(
  { writer, clock }: Executor,
  { application, cache, progress }: Subject,
  git: GitView,
  { attributed, nonAncestor }: Move,
  signal: AbortSignal,
): Promise<void> {
  progress.git = { ...git, moved: undefined };
  cache.nonAncestor = nonAncestor;
  cache.revision = git.revision;
  cache.foundBy = cache.fetchCause;
  if (attributed === cache.attributed) return;
  Object.assign(cache, { attributed, startedMs: clock.now() });
  Object.assign(cache, { failingSinceMs: undefined, healthySinceMs: undefined, lastHealthyMs: undefined });
  await writer.announce(application, attributed, signal);
}

async function render(
  { registry }: Executor,
  { cache, source, parse }: Subject,
  target: RenderTarget,
): Promise<void> {
  const { version: kindsVersion } = registry;
  const made = await renderTarget(target, { source, parse, previous: cache.render, kindsVersion });
  cache.failedRender = made.errors.length > 0 ? made : undefined;
  if (!cache.failedRender) takeRender(cache, made);
}

/** Said once for each operation. */
async function tellStart(
  { tell }: Executor,
  { application, cache, repository: { mirror } }: Subject,
  { objects }: View,
): Promise<void> {
  const { revision } = cache;
  if (cache.isStartTold) return;
  cache.isStartTold = true;
  cache.tally = NOTHING_WRITTEN;
  // The text of the commit is good to have, and no reason to fail.
  const commit = revision === undefined ? undefined : await mirror.describe(revision).catch(() => undefined);
  tell(application, startedEvent(objects?.attempt.request, revision, cache.foundBy, commit));
}

async function write(
  executor: Executor,
  subject: Subject,
  view: View,
  plan: WritePlan,
  signal: AbortSignal,
): Promise<void> {
  const { clock, writer, commitOptions } = executor;
  const { application, key, access, cache, managed, progress } = subject;
  const { objects, git } = view;
  if (!objects || !git) throw new Error('Cannot write: the objects were not observed');
  const violations = checkChangeSet(plan, { ...view, objects, git } satisfies ComparedView);
  if (violations.length > 0)
    throw new Error(`Refused to write a step of "${key}", which is a defect: ${violations.join('; ')}`);
  progress.steps += 1;
  if (plan.first) await writer.record(application, plan.first, signal);
  if (objects.attempt.isNewOperation) await tellStart(executor, subject, view);
  const { written, errors } = await applyChanges(access, plan.step, commitOptions(), signal);
  const { refused } = progress;
  for (const error of errors) refused.set(idOf(error.change.kind, error.change.key), error);
  if (errors.length > 0) rememberRefusals(application, cache, refused, clock.now());
  noteWritten(subject, plan.step, clock.now());
  const done = plan.step.filter(({ kind, key: name }) => !refused.has(idOf(kind, name)));
  tellWritten(executor, subject, done, { healing: objects.attempt.healing, refused: errors.length });
  await managed.caughtUp(written, signal);
}

/** Tells of a step that was written: in the log, as events, and for the count of the operation. */
function tellWritten(
  { tell, logger }: Executor,
  { application, key, cache }: Subject,
  written: readonly Change[],
  { healing, refused }: { readonly healing: boolean; readonly refused: number },
): void {
  const objects = listed(written.map(nameOf));
  const fields = { application: key, commit: cache.revision, written: written.length, refused, objects };
  // A refusal is a condition, and logged as such.
  logger[written.length > 0 ? 'info' : 'debug'](fields, healing ? 'Undid drift' : 'Applied a step of a sync');
  cache.attempted = true;
  const tally = { ...cache.tally };
  for (const { action } of written) if (action !== 'noop') tally[action] += 1;
  cache.tally = tally;
  for (const event of writtenEvents(written, healing, cache.revision)) tell(application, event);
}

/** Notes what follows from a step that was written. */
function noteWritten({ cache, progress }: Subject, step: readonly Change[], nowMs: number): void {
  for (const change of step) {
    const id = idOf(change.kind, change.key);
    cache.healthDirty.add(id);
    cache.dirty.add(id);
    if (!progress.refused.has(id) && !isHook(change.object))
      noteHeal(cache.heals, id, change, cache.desired.byId.get(id), nowMs);
    if (change.action !== 'delete' && id.startsWith(QUOTA_PREFIX)) cache.quotas.set(id, nowMs);
  }
}

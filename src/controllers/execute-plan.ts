/**
 * Carries out a plan: commits, waits until the caches show the result, records events. The waiting
 * replaces Kubernetes' expectations: a key is never planned twice from the same view. Where it
 * fails, or the answer to a commit is lost, every controller waits until the caches have caught up.
 */
import { ConflictError } from '../base/errors.ts';
import type { Requeue } from '../base/work-queue.ts';
import { StatusError } from '../schemas/errors/status.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceId } from '../schemas/resource-kind.ts';
import { newestVersions } from '../resources/writing/newest-versions.ts';
import { type Outcome, writeEach } from '../resources/writing/write-each.ts';
import type { Write } from '../resources/writing/write-plan.ts';
import { StoreUnavailable } from '../store/types.ts';
import type { ControllerContext, Plan, Reconciler } from './controller.ts';
import { eventInput, type PlannedEvent } from './planned-event.ts';

type Executor = (plan: Plan, signal: AbortSignal) => Promise<Requeue | undefined>;

/** The plan that was carried out, which may be the one for a refusal, and when to come back. */
export interface Executed {
  readonly plan: Plan;
  readonly requeue: Requeue | undefined;
}

/** Executes plans of one controller, the plan that a refusal leads to included. */
export async function executeOrRefuse(
  context: ControllerContext,
  reconciler: Reconciler,
  { view, plan }: { readonly view: unknown; readonly plan: Plan },
  signal: AbortSignal,
): Promise<Executed> {
  const execute: Executor = (one, until) => executePlan(context, reconciler, one, until);
  try {
    return { plan, requeue: await execute(plan, signal) };
  } catch (error) {
    if (plan.otherwise && isRefusal(error)) {
      const instead = plan.otherwise(error.message);
      return { plan: instead, requeue: await execute(instead, signal) };
    }
    const creates = plan.writes.filter(({ verb }) => verb === 'create');
    const tell = creates.length > 0 ? reconciler.planRefused : reconciler.planUpdateRefused;
    if (!tell || !isRefusal(error)) throw error;
    const namespaceGoes = isNamespaceGoing(error);
    const refusal =
      plan.piecemeal && !namespaceGoes ? await createPiecemeal(execute, plan, creates, signal) : error;
    // The other writes of the plan were refused along with the creates.
    if (!refusal)
      throw new ConflictError('What was refused together is allowed piece by piece', { cause: error });
    const { message } = refusal;
    const told = tell.call(reconciler, view, { message, namespaceGoes }, context.clock.now());
    const requeue = told && (await execute(told, signal));
    if (namespaceGoes) return { plan, requeue };
    throw refusal;
  }
}

/** A plan without writes would be made again from the same view: its key rests this long. */
const MIN_PAUSE_MS = 10;

async function executePlan(
  context: ControllerContext,
  { events }: Reconciler,
  plan: Plan,
  signal: AbortSignal,
): Promise<Requeue | undefined> {
  const { writes, commitSize = writes.length, events: happened = [], requeueAfterMs } = plan;
  let refusal: Error | undefined;
  for (let at = 0; at < writes.length; at += commitSize) {
    const refused = await commit(context, { ...plan, writes: writes.slice(at, at + commitSize) }, signal);
    refusal ??= refused;
  }
  if (refusal) throw refusal;
  if (events) for (const event of happened) context.events.record(eventInput(events, event));
  if (requeueAfterMs === undefined) return undefined;
  return { requeueAfterMs: writes.length > 0 ? requeueAfterMs : Math.max(MIN_PAUSE_MS, requeueAfterMs) };
}

/**
 * Creates as many objects as a quota lets through, by halves. The refusal of a single one ends it
 * and is returned; undefined when all were created.
 */
async function createPiecemeal(
  execute: Executor,
  { checks, events = [] }: Plan,
  creates: readonly Write[],
  signal: AbortSignal,
): Promise<StatusError | undefined> {
  const eventsOfWrites = (writes: readonly Write[]): readonly PlannedEvent[] =>
    events.filter(({ write }) => write && writes.includes(write));
  let created = 0;
  let size = creates.length;
  while (created < creates.length) {
    const writes = creates.slice(created, created + size);
    try {
      await execute({ writes, ...(checks ? { checks } : {}), events: eventsOfWrites(writes) }, signal);
      created += writes.length;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (writes.length === 1) return error;
      size = Math.floor(writes.length / 2);
    }
  }
  return undefined;
}

/** The API said no to what we want, which waiting alone does not change. */
const isRefusal = (error: unknown): error is StatusError =>
  error instanceof StatusError && [400, 403, 422].includes(error.code);

const isNamespaceGoing = ({ status }: StatusError): boolean =>
  (status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating');

/** Commits, and waits until the caches show it. Returns a refusal of one of independent writes. */
async function commit(
  context: ControllerContext,
  { writes, checks = [], commitSize }: Plan,
  signal: AbortSignal,
): Promise<Error | undefined> {
  const { caches, fence, registry, writer } = context;
  const newestOf = (some: readonly Pick<Outcome<Write>, 'object'>[]): ReadonlyMap<ResourceId, string> =>
    newestVersions(
      registry,
      some.map(({ object }) => object),
    );
  const write = (some: readonly Write[]): Promise<readonly (KubeObject | undefined)[]> =>
    writer.write({ writes: some, checks }, fence ? { fence } : {});
  const committing: Promise<readonly Omit<Outcome<Write>, 'write'>[]> =
    commitSize === undefined
      ? write(writes).then((objects) => objects.map((object) => ({ object })))
      : writeEach({ write: (plan) => write(plan.writes) }, writes);
  const outcomes = await committing.catch((error: unknown) => {
    // Some of independent writes may have happened before the one that failed.
    const isOpen = commitSize !== undefined || (error instanceof StoreUnavailable && error.isUnanswered);
    if (isOpen) for (const resource of newestOf(writes).keys()) caches.expect(resource);
    throw error;
  });
  const waits = [...newestOf(outcomes)].map(async ([resource, version]) => {
    try {
      const cache = await caches.open(resource);
      await cache.waitFor(version, signal);
    } catch (error) {
      caches.expect(resource, version);
      throw error;
    }
  });
  await Promise.all(waits);
  return outcomes.find(({ refusal }) => refusal)?.refusal;
}

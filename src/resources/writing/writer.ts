/**
 * The one way to write. API requests, controllers, the sync, the scheduler and the control plane's own parts hand a plan to
 * the writer, and say who acts. `attempt` lists the steps; the rules themselves are pure (plan-write.ts).
 *
 * A plan is one commit, with the claims that it needs and the checks that it was made from. The commit has an id that the
 * store remembers: a lost answer is asked for again, not done again. A lost race is planned again from what is stored,
 * unless the write named a version. A dry run takes the same way and stops before the commit.
 */
import type { Clock } from '../../base/clock.ts';
import { nameSuffix, type Rng } from '../../base/rng.ts';
import {
  badRequest,
  alreadyExists,
  conflict,
  notFound,
  type StatusError,
} from '../../schemas/errors/status.ts';
import { type KubeObject, keyOf, splitKey } from '../../schemas/object.ts';
import { fromStored, type Registry, type ResourceKind, storageIdOf } from '../../schemas/resource-kind.ts';
import {
  type CommitOptions,
  CommitRefused,
  type CommitResult,
  type Store,
  type StoreOp,
  StoreUnavailable,
} from '../../store/types.ts';
import type { Admission } from '../admission/create-admission.ts';
import { definitionTerminating } from '../refusals.ts';
import type { RequestContext } from '../types.ts';
import { type Claimed, type Claims, takeAll } from './claims.ts';
import { statusOf } from './object-rules.ts';
import type { PlacementProofs } from './placement-proof.ts';
import {
  changeOf,
  type Draft,
  kubernetesStrategy,
  type Planned,
  type PlanningRules,
  planWrite,
  type Strategy,
} from './plan-write.ts';
import type { Ownership } from './ownership.ts';
import type { Rights } from './rights.ts';
import { onlyStored, warningsOf } from './warnings.ts';
import type {
  Actor,
  BoundWriter,
  Check,
  UpdateWrite,
  Write,
  WriteCall,
  WritePlan,
  WriteResults,
} from './write-plan.ts';

export interface Writer {
  get(kind: ResourceKind, key: string): Promise<KubeObject>;
  /** See {@link BoundWriter.write}. */
  write(plan: WritePlan, call: WriteCall): Promise<WriteResults>;
  as(actor: Actor): BoundWriter;
}

/** Holds for writes of the API and of the control plane alike. Without it, only the rules of the kinds hold (tests). */
export interface WritePolicy {
  readonly admission: Admission;
  readonly rights: Rights;
  readonly ownership: Ownership;
  readonly claims: readonly Claims[];
}

export interface WriterOptions {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly strategy?: Strategy;
  /** Proves pods as they are written; absent in tests without nodes. */
  readonly proofs?: PlacementProofs;
  readonly policy?: WritePolicy;
}

/** A plan that lost a race is made anew this often; then its caller is told. */
const MAX_TRIES = 10;
/** Claims collide only with other processes, and with the recount of a quota. */
const MAX_CLAIM_TRIES = 30;
/** Times that the store is asked for a commit whose answer was lost, after its adapter has given up asking. */
const MAX_ASKS = 1;

/** A commit that was refused: the answer to the caller, unless fewer than so many plans were made. */
interface Refused {
  readonly answer: Error;
  readonly maxTries: number;
}
type Outcome = { readonly results: WriteResults } | Refused;

export function createWriter(options: WriterOptions): Writer {
  const { store, registry, clock, rng, policy } = options;
  const rules: PlanningRules = { strategy: options.strategy ?? kubernetesStrategy, proofs: options.proofs };
  const idPrefix = rng.uuid();
  let commits = 0;

  function kindOf(object: KubeObject): ResourceKind {
    const kind = registry.byKind(object.apiVersion, object.kind);
    if (!kind) throw badRequest(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
    return kind;
  }

  async function attempt(plan: WritePlan, call: WriteCall, id: string): Promise<Outcome> {
    const read = await readCurrents(store, plan.writes.map(draftOf));
    await policy?.rights.check(read, call.actor);
    const changed = read.map(withChange);
    const admitted = policy ? await admit(policy.admission, changed, call) : changed;
    const owned = admitted.map((draft) => policy?.ownership.record(draft, rules.strategy) ?? draft);
    const planned = owned.map((draft) => planWrite(draft, rules));
    if (call.dryRun) await checkAbsent(store, planned);
    const outcome = await takeAll(policy?.claims ?? [], planned, (claimed) =>
      call.dryRun
        ? Promise.resolve({ results: claimed.planned.map(({ result }) => result) })
        : commit(claimed, plan.checks ?? [], { ...call, id }),
    );
    if (policy && 'results' in outcome) tell(policy.admission, planned, outcome.results, call);
    return outcome;
  }

  function draftOf(write: Write): Draft {
    const { object } = write;
    const context = { nowMs: clock.now(), uid: '', nameSuffix: '' };
    return { write, kind: kindOf(object), current: undefined, object, context };
  }

  /** The object that the write is to store: for an update, of what is stored. */
  function withChange(draft: Draft): Draft {
    const { write, kind, current } = draft;
    if (write.verb === 'delete' && current) return { ...draft, object: current };
    if (write.verb === 'update' && current) return { ...draft, object: changedObject(write, kind, current) };
    if (write.verb === 'restore') return draft;
    if (write.verb !== 'create' && !(write.verb === 'update' && write.create))
      throw notFound(kind, write.object.metadata.name);
    if (policy && kind.custom?.terminating) throw definitionTerminating();
    const object = write.verb === 'update' ? (write.create?.() ?? write.object) : write.object;
    return { ...draft, object, context: { ...draft.context, uid: rng.uuid(), nameSuffix: nameSuffix(rng) } };
  }

  /** One commit of the claims, the writes and the checks, in this order. */
  async function commit(
    { planned, ops: claims }: Claimed,
    checks: readonly Check[],
    { fence, id }: CommitOptions,
  ): Promise<Outcome> {
    const effective = planned.filter(({ op }) => op !== undefined);
    if (effective.length === 0) return { results: planned.map(({ current }) => current) };
    const writes = effective.flatMap(({ op }) => op ?? []);
    const ops = [...claims, ...writes, ...checks.map((check) => checkOp(check, kindOf(check.object)))];
    try {
      const { objects } = await commitOnce(store, ops, {
        ...(fence ? { fence } : {}),
        ...(id ? { id } : {}),
      });
      const stored = new Map(effective.map((item, index) => [item, objects[claims.length + index]]));
      return {
        results: planned.map((item) => {
          const object = item.op ? stored.get(item) : item.current;
          return item.op && object ? fromStored(item.kind, object) : object;
        }),
      };
    } catch (error) {
      if (error instanceof CommitRefused) return refusalOf(error, claims.length, effective, checks);
      throw error;
    }
  }

  function refusalOf(
    error: CommitRefused,
    claims: number,
    effective: readonly Planned[],
    checks: readonly Check[],
  ): Refused {
    const { name } = splitKey(error.op.key);
    const index = error.opIndex - claims;
    if (index < 0) {
      const answer = conflict({ group: '', plural: error.op.resource }, name);
      return { answer, maxTries: MAX_CLAIM_TRIES };
    }
    const write = effective[index];
    if (write) {
      const isLost = write.isRetriable && error.reason !== 'tooLarge';
      return { answer: statusOf(error, write.kind, name), maxTries: isLost ? MAX_TRIES : 1 };
    }
    const check = checks[index - effective.length];
    return { answer: check ? conflict(kindOf(check.object), name) : error, maxTries: 1 };
  }

  async function write(plan: WritePlan, call: WriteCall): Promise<WriteResults> {
    for (let tries = 1; ; tries += 1) {
      call.signal?.throwIfAborted();
      commits += 1;
      const own = tries === 1 ? call.id : undefined;
      const outcome = await attempt(plan, call, own ?? `${idPrefix}:${commits.toString(36)}`);
      if ('results' in outcome) return outcome.results;
      if (tries >= outcome.maxTries) throw outcome.answer;
    }
  }

  async function get(kind: ResourceKind, key: string): Promise<KubeObject> {
    const found = await store.get(storageIdOf(kind), key);
    if (!found) throw notFound(kind, splitKey(key).name);
    return fromStored(kind, found);
  }

  return {
    get,
    write,
    as: (actor) => ({
      get,
      write: (plan, call) => write(plan, { ...call, actor }),
      refusals: async (writes) => {
        // A definition may be gone: the write itself says so.
        const known = writes.map((item) =>
          registry.byKind(item.object.apiVersion, item.object.kind) ? draftOf(item) : undefined,
        );
        const drafts = known.filter((draft) => draft !== undefined);
        const whys = (await policy?.rights.refusals(drafts, actor)) ?? [];
        const byDraft = new Map(drafts.map((draft, index) => [draft, whys[index]]));
        return known.map((draft) => draft && byDraft.get(draft));
      },
    }),
  };
}

/** The stored objects that updates and deletions are about, read with one call for each resource. */
async function readCurrents(store: Store, drafts: readonly Draft[]): Promise<readonly Draft[]> {
  const byResource = new Map<string, Draft[]>();
  for (const draft of drafts) {
    if (draft.write.verb !== 'update' && draft.write.verb !== 'delete') continue;
    const resource = storageIdOf(draft.kind);
    const group = byResource.get(resource);
    if (group) group.push(draft);
    else byResource.set(resource, [draft]);
  }
  const currents = new Map<Draft, KubeObject>();
  await Promise.all(
    [...byResource].map(async ([resource, group]) => {
      const keys = group.map(({ write }) => keyOf(write.object));
      const found = await store.getMany(resource, keys);
      for (const [index, draft] of group.entries()) {
        const object = found[index];
        if (object) currents.set(draft, fromStored(draft.kind, object));
      }
    }),
  );
  return drafts.map((draft) => ({ ...draft, current: currents.get(draft) }));
}

/** A version that the write names, or that its change leaves in the object, must be the one that is stored. */
function changedObject(write: UpdateWrite, kind: ResourceKind, current: KubeObject): KubeObject {
  const { name, resourceVersion } = current.metadata;
  const expected = write.object.metadata.resourceVersion;
  if (expected && expected !== resourceVersion) throw conflict(kind, name);
  const changed = write.change?.(current) ?? write.object;
  const named = changed.metadata.resourceVersion;
  if (named && named !== resourceVersion) throw conflict(kind, name);
  return changed;
}

async function admit(
  admission: Admission,
  drafts: readonly Draft[],
  { actor, dryRun = false }: WriteCall,
): Promise<readonly Draft[]> {
  const changes = drafts.flatMap((draft) => changeOf(draft) ?? []);
  const objects = (await admission.admit(changes, actor, dryRun)).values();
  const admitted = drafts.map((draft) =>
    changeOf(draft) ? { ...draft, object: objects.next().value ?? draft.object } : draft,
  );
  const { request: context } = actor;
  for (const { write, kind, object } of drafts)
    if (context && write.verb === 'delete')
      admission.mayRemove({ kind, object, context, dryRun, evicts: write.subresource === 'eviction' });
  return admitted;
}

/** A commit would find out whether the name is taken; a dry run has none. */
async function checkAbsent(store: Store, planned: readonly Planned[]): Promise<void> {
  for (const { kind, key, op } of planned)
    if (op?.type === 'create' && (await store.get(op.resource, key)))
      throw alreadyExists(kind, splitKey(key).name);
}

/** After a lost answer the same commit is asked for under its id: the store does it at most once. */
async function commitOnce(
  store: Store,
  ops: readonly StoreOp[],
  options: CommitOptions,
): Promise<CommitResult> {
  for (let asks = 0; ; asks += 1) {
    try {
      return await store.commit(ops, options);
    } catch (error) {
      const isOpen = error instanceof StoreUnavailable && error.isUnanswered;
      if (!isOpen || asks >= MAX_ASKS) throw error;
    }
  }
}

function checkOp({ expect, object }: Check, kind: ResourceKind): StoreOp {
  const expectedVersion = expect === 'absent' ? undefined : (object.metadata.resourceVersion ?? '');
  return { type: 'check', resource: storageIdOf(kind), key: keyOf(object), expectedVersion };
}

/** Tells the caller of the API what is worth a warning about what was written or deleted. */
function tell(
  admission: Admission,
  planned: readonly Planned[],
  results: WriteResults,
  { actor: { request }, dryRun = false }: WriteCall,
): void {
  if (!request) return;
  for (const [index, { write, kind, current }] of planned.entries()) {
    const object = results[index] ?? current;
    if (!object) continue;
    if (write.verb !== 'delete') warnAbout(kind, object, request, write);
    else if (write.subresource === undefined)
      admission.removed({ kind, object: dryRun ? (current ?? object) : object, context: request, dryRun });
  }
}

/** Our own warning comes first: clients that keep one keep the last, which is upstream's. */
function warnAbout(kind: ResourceKind, object: KubeObject, { warn }: RequestContext, write: Write): void {
  const subresource = write.verb === 'update' ? write.subresource : undefined;
  const stored = onlyStored(kind, object, subresource);
  if (stored !== undefined) warn(stored);
  if (subresource === undefined) for (const text of warningsOf(object)) warn(text);
}

/**
 * The one way to write. API requests, controllers, the sync, the scheduler and the control plane's
 * own parts hand a plan to the writer, and name the actor. `attempt` lists the steps; the rules
 * themselves are pure (plan-write.ts).
 *
 * A plan is one commit, with the claims that it needs and the checks that it was made from
 * (commit-plan.ts). A lost race is planned again from what is stored, unless the write named a
 * version. A dry run takes the same way and stops before the commit.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { mapInTurns } from '../../base/map-in-turns.ts';
import { nameSuffix, type Rng } from '../../base/rng.ts';
import { alreadyExists, badRequest, conflict, notFound } from '../../schemas/errors/status.ts';
import { type KubeObject, keyOf, splitKey } from '../../schemas/object.ts';
import { fromStored, type Registry, type ResourceKind, storageIdOf } from '../../schemas/resource-kind.ts';
import type { Store } from '../../store/types.ts';
import type { Admission } from '../admission/create-admission.ts';
import { definitionTerminating } from '../refusals.ts';
import { firstAlike, plansOf } from './alike.ts';
import { type Claimed, type Claims, takeAll } from './claims.ts';
import { commitPlan, type Outcome } from './commit-plan.ts';
import type { Ownership } from './ownership.ts';
import type { PlacementProofs } from './placement-proof.ts';
import {
  changeOf,
  type Draft,
  kubernetesStrategy,
  type PlanningRules,
  planWrite,
  type Strategy,
} from './plan-write.ts';
import type { Rights } from './rights.ts';
import { tellCaller } from './tell-caller.ts';
import type {
  Actor,
  BoundWriter,
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

/** Holds for all writes. Without it, only the rules of the kinds hold (tests). */
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

export function createWriter(options: WriterOptions): Writer {
  const { store, registry, clock, rng, policy } = options;
  const rules: PlanningRules = { strategy: options.strategy ?? kubernetesStrategy, proofs: options.proofs };
  // Decides nothing: two writers must never share it, whatever their randomness.
  const idPrefix = randomUUID();
  let commits = 0;

  function kindOf(object: KubeObject): ResourceKind {
    const kind = registry.byKind(object.apiVersion, object.kind);
    if (!kind) throw badRequest(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
    return kind;
  }

  function draftOf(write: Write): Draft {
    const { object } = write;
    const context = { nowMs: clock.now(), uid: '', nameSuffix: '' };
    return { write, kind: kindOf(object), current: undefined, object, context };
  }

  async function attempt(plan: WritePlan, call: WriteCall, id: string): Promise<Outcome> {
    const read = await readCurrents(store, plan.writes.map(draftOf));
    await policy?.rights.check(read, call.actor);
    const changed = read.map((draft) => withChange(draft, rng));
    const firsts = firstAlike(changed);
    const distinct = [...new Set(firsts)];
    const admitted = policy ? await admit(policy.admission, distinct, call) : distinct;
    const owned = admitted.map((draft) => policy?.ownership.record(draft, rules.strategy) ?? draft);
    const plans = await mapInTurns(owned, (draft) => planWrite(draft, rules));
    const planned = plansOf(changed, firsts, plans, rules);
    const checks = (plan.checks ?? []).map((check) => ({ ...check, kind: kindOf(check.object) }));
    const commit = (claimed: Claimed): Promise<Outcome> =>
      call.dryRun
        ? pretend(store, claimed)
        : commitPlan(store, claimed, checks, call.fence ? { fence: call.fence, id } : { id });
    const outcome = await takeAll(policy?.claims ?? [], planned, commit);
    if (policy && 'results' in outcome) tellCaller(policy.admission, planned, outcome.results, call);
    return outcome;
  }

  async function write(plan: WritePlan, call: WriteCall): Promise<WriteResults> {
    for (let tries = 1; ; tries += 1) {
      call.signal?.throwIfAborted();
      commits += 1;
      const outcome = await attempt(plan, call, `${idPrefix}:${commits.toString(36)}`);
      if ('results' in outcome) return outcome.results;
      if (tries >= outcome.maxTries) throw outcome.answer;
    }
  }

  async function get(kind: ResourceKind, key: string): Promise<KubeObject> {
    const found = await store.get(storageIdOf(kind), key);
    if (!found) throw notFound(kind, splitKey(key).name);
    return fromStored(kind, found);
  }

  async function refusals(writes: readonly Write[], actor: Actor): Promise<readonly (string | undefined)[]> {
    if (!policy || actor.confinedTo === undefined) return writes.map(() => undefined);
    // A definition may be gone: then the write itself says so.
    const known = writes.filter(({ object }) => registry.byKind(object.apiVersion, object.kind));
    const whys = await policy.rights.refusals(await readCurrents(store, known.map(draftOf)), actor);
    const found = new Map(known.map((item, index) => [item, whys[index]]));
    return writes.map((item) => found.get(item));
  }

  return {
    get,
    write,
    as: (actor) => ({
      get,
      write: (plan, call) => write(plan, { ...call, actor }),
      refusals: (writes) => refusals(writes, actor),
    }),
  };
}

/** Reads what updates and deletions are about, with one call for each resource. */
async function readCurrents(store: Store, drafts: readonly Draft[]): Promise<readonly Draft[]> {
  const currents = new Map<Draft, KubeObject>();
  const byResource = new Map<string, Draft[]>();
  for (const draft of drafts) {
    const { write, kind } = draft;
    if (write.verb !== 'update' && write.verb !== 'delete') continue;
    if (write.verb === 'update' && write.seen) {
      currents.set(draft, write.seen);
      continue;
    }
    const group = byResource.get(storageIdOf(kind));
    if (group) group.push(draft);
    else byResource.set(storageIdOf(kind), [draft]);
  }
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

/** The object that the write is to store: for an update, made of what is stored. */
function withChange(draft: Draft, rng: Rng): Draft {
  const { write, kind, current } = draft;
  if (write.verb === 'restore') return draft;
  if (write.verb === 'delete' && current) return { ...draft, object: current };
  if (write.verb === 'update' && current) return { ...draft, object: changedObject(write, kind, current) };
  const create = write.verb === 'create' ? (): KubeObject => write.object : undefined;
  const made = write.verb === 'update' ? write.create : create;
  if (!made) throw notFound(kind, write.object.metadata.name);
  if (kind.custom?.terminating) throw definitionTerminating();
  const uid = (write.verb === 'create' ? write.uid : undefined) ?? rng.uuid();
  const context = { ...draft.context, uid, nameSuffix: nameSuffix(rng) };
  return { ...draft, object: made(), context };
}

/** A version that the write names, or that its change leaves, must be the stored one. */
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
  const changes = drafts.map(changeOf);
  const asked = changes.filter((change) => change !== undefined);
  const objects = (await admission.admit(asked, actor, dryRun)).values();
  const { request: context } = actor;
  return drafts.map((draft, index) => {
    const { write, kind, object } = draft;
    if (changes[index]) return { ...draft, object: objects.next().value ?? object };
    if (context && write.verb === 'delete')
      admission.mayRemove({ kind, object, context, dryRun, evicts: write.subresource === 'eviction' });
    return draft;
  });
}

/** The end of a dry run. A commit would find out whether a name is taken. */
async function pretend(store: Store, { planned }: Claimed): Promise<Outcome> {
  for (const { kind, key, op } of planned)
    if (op?.type === 'create' && (await store.get(op.resource, key)))
      throw alreadyExists(kind, splitKey(key).name);
  return { results: planned.map(({ result }) => result) };
}

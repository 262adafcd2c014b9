/**
 * Writing objects with Kubernetes' rules: defaulting, validation, generation, finalizers and grace. The API server,
 * controllers and the sync worker write only through this; the rules themselves are pure (schemas/strategy/index.ts).
 *
 * Read what is there, let admission and the strategy decide, commit: everything of one call is one commit. A conflict is retried only
 * where the write named no version. Refusals of the store become the answers that Kubernetes gives.
 */
import type { Clock } from '../../base/clock.ts';
import { nameSuffix, type Rng } from '../../base/rng.ts';
import { formatApiVersion, type KubeObject, keyOf, splitKey } from '../../schemas/object.ts';
import {
  fromStored,
  type Registry,
  type ResourceKind,
  storageIdOf,
  type Subresource,
  toStored,
} from '../../schemas/resource-kind.ts';
import { badRequest, conflict, notFound } from '../../schemas/errors/status.ts';
import {
  type DeleteOptions,
  isFullyReleased,
  type PlanDelete,
  type PrepareCreate,
  type PrepareUpdate,
  planDelete,
  prepareCreate,
  prepareUpdate,
} from '../../schemas/strategy/index.ts';
import type { ObjectChange, WriteAdmission } from './write-admission.ts';
import { isPod } from '../../schemas/pods/pod-marks.ts';
import { checkNew, checkStructure, checkUpdate, statusOf } from './object-rules.ts';
import type { PlacementProofs } from './placement-proof.ts';
import {
  type CommitOptions,
  CommitRefused,
  type CommitResult,
  type Store,
  type StoreOp,
} from '../../store/types.ts';

/** One write of a plan. `object` carries the expected `metadata.resourceVersion` for updates. */
export type Write =
  | { readonly verb: 'create'; readonly object: KubeObject }
  | { readonly verb: 'update'; readonly object: KubeObject; readonly subresource?: Subresource }
  | { readonly verb: 'delete'; readonly object: KubeObject; readonly options?: DeleteOptions };

/** What a plan was made from. It fails with Conflict where an object has changed since, or is there although it was not. */
export interface Check {
  readonly expect: 'unchanged' | 'absent';
  /** As it was seen; for `absent`, its kind and name. */
  readonly object: KubeObject;
}

export const unchanged = (object: KubeObject): Check => ({ expect: 'unchanged', object });
export const absent = (object: KubeObject): Check => ({ expect: 'absent', object });

export interface ApplyOptions extends CommitOptions {
  /** Part of the commit: none of the writes happens unless all of these hold. */
  readonly checks?: readonly Check[];
}

/** All methods throw StatusError with Kubernetes' reasons (NotFound, AlreadyExists, Conflict, Invalid). */
export interface Objects {
  get(kind: ResourceKind, key: string): Promise<KubeObject>;
  create(object: KubeObject, options?: CommitOptions): Promise<KubeObject>;
  /** Without `metadata.resourceVersion` the update is unconditional (retried on conflict). */
  update(
    object: KubeObject,
    options?: CommitOptions & { readonly subresource?: Subresource },
  ): Promise<KubeObject>;
  delete(kind: ResourceKind, key: string, options?: DeleteOptions & CommitOptions): Promise<KubeObject>;
  /** All writes in one commit, all or nothing; a no-op update is left out. The results are in order. */
  apply(writes: readonly Write[], options?: ApplyOptions): Promise<readonly (KubeObject | undefined)[]>;
}

/** The rules; schemas/strategy/index.ts. */
export interface Strategy {
  readonly prepareCreate: PrepareCreate;
  readonly prepareUpdate: PrepareUpdate;
  readonly planDelete: PlanDelete;
  /** Whether an object that is being deleted waits for nobody any more: the update becomes its removal. */
  readonly isFullyReleased: (object: KubeObject) => boolean;
}

const kubernetesStrategy: Strategy = { prepareCreate, prepareUpdate, planDelete, isFullyReleased };

export interface ObjectsOptions {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Another set of rules, for tests. */
  readonly strategy?: Strategy;
  /** Proves pods as they are written; absent in tests that no node has a part in. */
  readonly proofs?: PlacementProofs;
  /** Policy and quotas; without it, nothing but the rules of the kinds holds. */
  readonly admission?: WriteAdmission;
}

/** Writes without a version are tried again this often after a conflict; then the caller gets to know. */
const MAX_ATTEMPTS = 10;
/** Claims on a quota collide only with other processes and with its recalculation. */
const MAX_CLAIM_ATTEMPTS = 30;

/** What a write comes to: an op to commit, or (without one) the object as it is. */
interface Planned {
  readonly write: Write;
  readonly kind: ResourceKind;
  readonly key: string;
  readonly op: StoreOp | undefined;
  readonly current: KubeObject | undefined;
  /** Whether a lost race may be planned again. */
  readonly retriable: boolean;
}

const nameOf = (op: StoreOp): string => splitKey(op.key).name;

const NOTHING_ADMITTED: ReadonlyMap<Write, KubeObject> = new Map();

const opsOf = (planned: readonly Planned[]): StoreOp[] => planned.flatMap(({ op }) => (op ? [op] : []));

export function createObjects(options: ObjectsOptions): Objects {
  const { store, registry, clock, rng } = options;
  const { admission, proofs } = options;
  const strategy = options.strategy ?? kubernetesStrategy;

  function kindOf(object: KubeObject): ResourceKind {
    const kind = registry.byKind(object.apiVersion, object.kind);
    if (!kind) throw badRequest(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
    return kind;
  }

  /** The object as it goes into the store. */
  function storedForm(kind: ResourceKind, object: KubeObject): KubeObject {
    return toStored(kind, proofs && isPod(kind) ? proofs.seal(object) : object);
  }

  /** The stored objects that the updates and deletes are about, read with one call per resource. */
  async function readCurrents(writes: readonly Write[]): Promise<ReadonlyMap<Write, KubeObject | undefined>> {
    const byResource = new Map<string, Write[]>();
    for (const write of writes) {
      if (write.verb === 'create') continue;
      const resource = storageIdOf(kindOf(write.object));
      const group = byResource.get(resource);
      if (group) group.push(write);
      else byResource.set(resource, [write]);
    }
    const currents = new Map<Write, KubeObject | undefined>();
    await Promise.all(
      [...byResource].map(async ([resource, group]) => {
        const found = await store.getMany(
          resource,
          group.map(({ object }) => keyOf(object)),
        );
        group.forEach((write, index) => {
          const object = found[index];
          currents.set(write, object && fromStored(kindOf(write.object), object));
        });
      }),
    );
    return currents;
  }

  function planCreate(write: Write): Planned {
    const kind = kindOf(write.object);
    const context = { nowMs: clock.now(), uid: rng.uuid(), nameSuffix: nameSuffix(rng) };
    const structure = checkStructure(kind, write.object);
    const object = strategy.prepareCreate(kind, write.object, context);
    checkNew(kind, object, structure);
    const key = keyOf(object);
    const op: StoreOp = {
      type: 'create',
      resource: storageIdOf(kind),
      key,
      object: storedForm(kind, object),
    };
    const generated = !write.object.metadata.name;
    return { write, kind, key, op, current: undefined, retriable: generated };
  }

  function planUpdate(write: Write & { verb: 'update' }, current: KubeObject): Planned {
    const kind = kindOf(write.object);
    const key = keyOf(write.object);
    const resource = storageIdOf(kind);
    const named = write.object.metadata.resourceVersion;
    const expectedVersion = current.metadata.resourceVersion ?? '';
    if (named && named !== expectedVersion) throw conflict(kind, current.metadata.name);
    const { subresource } = write;
    const structure = subresource ? [] : checkStructure(kind, write.object);
    const next = strategy.prepareUpdate(kind, current, write.object, {
      nowMs: clock.now(),
      ...(subresource ? { subresource } : {}),
    });
    const base = { write, kind, key, current, retriable: !named };
    if (next !== current) checkUpdate(kind, next, current, subresource, structure);
    if (strategy.isFullyReleased(next))
      return { ...base, op: { type: 'delete', resource, key, expectedVersion } };
    if (next === current) return { ...base, op: undefined };
    return {
      ...base,
      op: { type: 'update', resource, key, object: storedForm(kind, next), expectedVersion },
    };
  }

  function planRemoval(write: Write & { verb: 'delete' }, current: KubeObject): Planned {
    const kind = kindOf(write.object);
    const key = keyOf(write.object);
    const resource = storageIdOf(kind);
    const expectedVersion = current.metadata.resourceVersion ?? '';
    const deleteOptions = write.options ?? {};
    const plan = strategy.planDelete(kind, current, deleteOptions, clock.now());
    const base = {
      write,
      kind,
      key,
      current,
      retriable: deleteOptions.preconditions?.resourceVersion === undefined,
    };
    switch (plan.action) {
      case 'none':
        return { ...base, op: undefined };
      case 'remove':
        return { ...base, op: { type: 'delete', resource, key, expectedVersion } };
      case 'mark':
        if (strategy.isFullyReleased(plan.object)) {
          return { ...base, op: { type: 'delete', resource, key, expectedVersion } };
        }
        return {
          ...base,
          op: { type: 'update', resource, key, object: storedForm(kind, plan.object), expectedVersion },
        };
    }
  }

  async function plan(writes: readonly Write[]): Promise<readonly Planned[]> {
    const currents = await readCurrents(writes);
    const present = (write: Write): KubeObject => {
      const current = currents.get(write);
      if (!current) throw notFound(kindOf(write.object), write.object.metadata.name);
      return current;
    };
    const admitted = admission?.review ? await reviewed(writes, present, admission.review) : NOTHING_ADMITTED;
    return writes.map((write) => {
      const object = admitted.get(write) ?? write.object;
      if (write.verb === 'create') return planCreate({ ...write, object });
      if (write.verb === 'update') return planUpdate({ ...write, object }, present(write));
      return planRemoval(write, present(write));
    });
  }

  /** What policy makes of the objects that are created or updated. */
  async function reviewed(
    writes: readonly Write[],
    present: (write: Write) => KubeObject,
    review: NonNullable<WriteAdmission['review']>,
  ): Promise<ReadonlyMap<Write, KubeObject>> {
    const written = writes.filter(({ verb }) => verb !== 'delete');
    const changes = written.map((write): ObjectChange => {
      const { object } = write;
      const base = { kind: kindOf(object), object };
      if (write.verb !== 'update') return { ...base, operation: 'create' };
      return { ...base, operation: 'update', current: present(write), subresource: write.subresource };
    });
    const objects = await review(changes);
    return new Map(written.map((write, index) => [write, objects[index] ?? write.object]));
  }

  function checkOp({ expect, object }: Check): StoreOp {
    const expectedVersion = expect === 'absent' ? undefined : (object.metadata.resourceVersion ?? '');
    return { type: 'check', resource: storageIdOf(kindOf(object)), key: keyOf(object), expectedVersion };
  }

  /** One commit with the claims that it needs. A lost race for a claim is no fault of the caller: it is tried again. */
  async function claimAndCommit(
    claim: WriteAdmission['claim'],
    effective: readonly Planned[],
    ops: readonly StoreOp[],
    commitOptions?: CommitOptions,
  ): Promise<CommitResult> {
    const changes = effective.flatMap(({ op, kind, current, write }): ObjectChange[] => {
      if (op?.type === 'create') return [{ kind, operation: 'create', object: op.object }];
      if (op?.type !== 'update' || write.verb !== 'update') return [];
      return [{ kind, operation: 'update', object: op.object, current, subresource: write.subresource }];
    });
    const written = new Set(opsOf(effective).map(({ resource, key }) => `${resource} ${key}`));
    for (let attempt = 1; ; attempt += 1) {
      const result = await claim(changes, written, async (claims) => {
        try {
          const { objects, version } = await store.commit([...claims, ...ops], commitOptions);
          return { objects: objects.slice(claims.length), version };
        } catch (error) {
          if (!(error instanceof CommitRefused) || claims.length === 0) throw error;
          if (error.opIndex < claims.length) {
            if (attempt < MAX_CLAIM_ATTEMPTS) return undefined;
            throw conflict({ group: '', plural: 'resourcequotas' }, nameOf(error.op));
          }
          throw new CommitRefused(error.reason, error.opIndex - claims.length, error.op, error.actualVersion);
        }
      });
      if (result) return result;
    }
  }

  async function apply(
    writes: readonly Write[],
    { checks = [], ...commitOptions }: ApplyOptions = {},
  ): Promise<readonly (KubeObject | undefined)[]> {
    const checkOps = checks.map(checkOp);
    for (let attempt = 1; ; attempt += 1) {
      const planned = await plan(writes);
      const effective = planned.filter(({ op }) => op !== undefined);
      if (effective.length === 0) return planned.map(({ current }) => current);
      const ops = [...opsOf(effective), ...checkOps];
      try {
        const { objects } = await (admission
          ? claimAndCommit(admission.claim, effective, ops, commitOptions)
          : store.commit(ops, commitOptions));
        const results = new Map(effective.map((item, index) => [item, objects[index]]));
        return planned.map((item) => {
          const object = item.op ? results.get(item) : item.current;
          return item.op && object ? fromStored(item.kind, object) : object;
        });
      } catch (error) {
        if (!(error instanceof CommitRefused)) throw error;
        const failed = checks[error.opIndex - effective.length];
        if (failed) throw conflict(kindOf(failed.object), failed.object.metadata.name);
        const refused = effective[error.opIndex];
        if (!refused) throw error;
        const lostRace = error.reason !== 'tooLarge' && refused.retriable;
        if (!lostRace || attempt >= MAX_ATTEMPTS)
          throw statusOf(error, refused.kind, splitKey(refused.key).name);
      }
    }
  }

  return {
    apply,
    async get(kind, key) {
      const found = await store.get(storageIdOf(kind), key);
      if (!found) throw notFound(kind, splitKey(key).name);
      return fromStored(kind, found);
    },
    async create(object, commitOptions) {
      const [created] = await apply([{ verb: 'create', object }], commitOptions);
      return created as KubeObject;
    },
    async update(object, updateOptions) {
      const { subresource } = updateOptions ?? {};
      const write: Write = { verb: 'update', object, ...(subresource ? { subresource } : {}) };
      const [updated] = await apply([write], updateOptions);
      return updated as KubeObject;
    },
    async delete(kind, key, deleteOptions) {
      const { namespace, name } = splitKey(key);
      const metadata = { name, ...(namespace ? { namespace } : {}) };
      const object = { apiVersion: formatApiVersion(kind.group, kind.version), kind: kind.kind, metadata };
      const write: Write = { verb: 'delete', object, ...(deleteOptions ? { options: deleteOptions } : {}) };
      const [deleted] = await apply([write], deleteOptions);
      return deleted as KubeObject;
    },
  };
}

/**
 * Writing objects with Kubernetes' rules: defaulting, validation, generation, finalizers and grace. The API server,
 * controllers and the sync worker write only through this; the rules themselves are pure (schemas/strategy.ts).
 *
 * Read what is there, let the strategy decide, commit: everything of one call is one commit. A conflict is retried only
 * where the write named no version. Refusals of the store become the answers that Kubernetes gives.
 */
import type { Clock } from '../base/clock.ts';
import { nameSuffix, type Rng } from '../base/rng.ts';
import { formatApiVersion, type KubeObject, keyOf, splitKey } from '../schemas/object.ts';
import {
  type Registry,
  type ResourceKind,
  resourceIdOf,
  type Subresource,
} from '../schemas/resource-kind.ts';
import { badRequest, conflict, notFound } from '../schemas/status.ts';
import {
  type DeleteOptions,
  isFullyReleased,
  type PlanDelete,
  type PrepareCreate,
  type PrepareUpdate,
  planDelete,
  prepareCreate,
  prepareUpdate,
} from '../schemas/strategy.ts';
import { checkNew, checkStructure, checkUpdate, statusOf } from './object-rules.ts';
import { type CommitOptions, CommitRefused, type Store, type StoreOp } from './types.ts';

/** One write of a plan. `object` carries the expected `metadata.resourceVersion` for updates. */
export type Write =
  | { readonly verb: 'create'; readonly object: KubeObject }
  | { readonly verb: 'update'; readonly object: KubeObject; readonly subresource?: Subresource }
  | { readonly verb: 'delete'; readonly object: KubeObject; readonly options?: DeleteOptions };

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
  apply(writes: readonly Write[], options?: CommitOptions): Promise<readonly (KubeObject | undefined)[]>;
}

/** The rules; schemas/strategy.ts. */
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
}

/** Writes without a version are tried again this often after a conflict; then the caller gets to know. */
const MAX_ATTEMPTS = 10;

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

export function createObjects(options: ObjectsOptions): Objects {
  const { store, registry, clock, rng } = options;
  const strategy = options.strategy ?? kubernetesStrategy;

  function kindOf(object: KubeObject): ResourceKind {
    const kind = registry.byKind(object.apiVersion, object.kind);
    if (!kind) throw badRequest(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
    return kind;
  }

  /** The stored objects that the updates and deletes are about, read with one call per resource. */
  async function readCurrents(writes: readonly Write[]): Promise<ReadonlyMap<Write, KubeObject | undefined>> {
    const byResource = new Map<string, Write[]>();
    for (const write of writes) {
      if (write.verb === 'create') continue;
      const resource = resourceIdOf(kindOf(write.object));
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
        group.forEach((write, index) => currents.set(write, found[index]));
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
    const op: StoreOp = { type: 'create', resource: resourceIdOf(kind), key, object };
    const generated = !write.object.metadata.name;
    return { write, kind, key, op, current: undefined, retriable: generated };
  }

  function planUpdate(write: Write & { verb: 'update' }, current: KubeObject): Planned {
    const kind = kindOf(write.object);
    const key = keyOf(write.object);
    const resource = resourceIdOf(kind);
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
    return { ...base, op: { type: 'update', resource, key, object: next, expectedVersion } };
  }

  function planRemoval(write: Write & { verb: 'delete' }, current: KubeObject): Planned {
    const kind = kindOf(write.object);
    const key = keyOf(write.object);
    const resource = resourceIdOf(kind);
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
        return { ...base, op: { type: 'update', resource, key, object: plan.object, expectedVersion } };
    }
  }

  async function plan(writes: readonly Write[]): Promise<readonly Planned[]> {
    const currents = await readCurrents(writes);
    return writes.map((write) => {
      if (write.verb === 'create') return planCreate(write);
      const current = currents.get(write);
      if (!current) throw notFound(kindOf(write.object), write.object.metadata.name);
      return write.verb === 'update' ? planUpdate(write, current) : planRemoval(write, current);
    });
  }

  async function apply(
    writes: readonly Write[],
    commitOptions?: CommitOptions,
  ): Promise<readonly (KubeObject | undefined)[]> {
    for (let attempt = 1; ; attempt += 1) {
      const planned = await plan(writes);
      const effective = planned.filter(({ op }) => op !== undefined);
      const ops = effective.flatMap(({ op }) => (op ? [op] : []));
      if (ops.length === 0) return planned.map(({ current }) => current);
      try {
        const { objects } = await store.commit(ops, commitOptions);
        const results = new Map(effective.map((item, index) => [item, objects[index]]));
        return planned.map((item) => (item.op ? results.get(item) : item.current));
      } catch (error) {
        if (!(error instanceof CommitRefused)) throw error;
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
      const found = await store.get(resourceIdOf(kind), key);
      if (!found) throw notFound(kind, splitKey(key).name);
      return found;
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

/**
 * Brings objects into the store and out of it: admission, the strategy of the kind, validation, and one commit. What a request
 * asked for has been read already (writes.ts). A dry run goes the same way and stops before the commit.
 *
 * An update without a version is tried again when somebody else was faster; one with a version fails with 409.
 */
import type { Clock } from '../../base/clock.ts';
import { nameSuffix, type Rng } from '../../base/rng.ts';
import { omit } from '../../schemas/json-access.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import { type ResourceKind, storageIdOf, type Subresource } from '../../schemas/resource-kind.ts';
import { alreadyExists, conflict, isStatusError } from '../../schemas/errors/status.ts';
import {
  type DeleteOptions,
  planDelete,
  prepareCreate,
  prepareUpdate,
} from '../../schemas/strategy/index.ts';
import { validateManagedFields } from '../../schemas/validation/managed-fields.ts';
import type { ObjectChange } from './write-admission.ts';
import { checkNew, checkStructure, checkUpdate } from './object-rules.ts';
import type { Objects } from './objects.ts';
import type { Store } from '../../store/types.ts';
import { type FieldOwner, ownershipAfterUpdate } from '../managed-fields/managers.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import type { Admission } from '../admission/create-admission.ts';
import { definitionTerminating } from '../refusals.ts';
import type { ServiceAllocation } from '../services/service-allocation.ts';
import type { ObjectRef, RemoveOptions, RequestContext } from '../types.ts';
import { onlyStored, warningsOf } from './warnings.ts';

/** An update that names no version is tried again this often. */
const MAX_UPDATE_ATTEMPTS = 8;

export interface ObjectWriteDependencies {
  readonly store: Store;
  /** Claims quotas with each commit; the other rules of admission have run before. */
  readonly objects: Objects;
  readonly admission: Admission;
  readonly schemas: TypeSchemas;
  readonly services: ServiceAllocation;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What an update does to the object that is there; may be called again on a newer one. */
export type Change = (current: KubeObject) => KubeObject;

export interface ChangeOptions {
  readonly dryRun: boolean;
  readonly expected?: string | undefined;
  /** Who owns what the change sets; without one, nothing is recorded. */
  readonly owner?: FieldOwner | undefined;
}

export interface ObjectWrites {
  /** Adds an object that has its defaults and its record of owners. */
  add(kind: ResourceKind, object: KubeObject, dryRun: boolean, context: RequestContext): Promise<KubeObject>;
  exists(ref: ObjectRef): Promise<boolean>;
  /** Reads, changes and writes, again on conflict; `expected` pins the version. */
  change(
    ref: ObjectRef,
    change: Change,
    options: ChangeOptions,
    context: RequestContext,
    subresource?: Subresource,
  ): Promise<KubeObject>;
  remove(ref: ObjectRef, options: RemoveOptions, context: RequestContext): Promise<KubeObject>;
}

export function createObjectWrites(dependencies: ObjectWriteDependencies): ObjectWrites {
  const { store, objects, admission, schemas, services, clock, rng } = dependencies;

  /** Without a commit: what a create would store. */
  async function prepareNew(kind: ResourceKind, object: KubeObject): Promise<KubeObject> {
    const structure = checkStructure(kind, object);
    const context = { nowMs: clock.now(), uid: rng.uuid(), nameSuffix: nameSuffix(rng) };
    const prepared = prepareCreate(kind, object, context);
    checkNew(kind, prepared, structure);
    return prepared;
  }

  async function createDry(kind: ResourceKind, object: KubeObject): Promise<KubeObject> {
    const prepared = await prepareNew(kind, object);
    const { namespace, name } = prepared.metadata;
    if (await store.get(storageIdOf(kind), objectKey(namespace, name))) throw alreadyExists(kind, name);
    return claimDry({ kind, operation: 'create', object: prepared });
  }

  /** Whether the quotas have room; nothing is taken. */
  function claimDry(change: ObjectChange): Promise<KubeObject> {
    return admission.claims.claim([change], new Set(), () => Promise.resolve(change.object));
  }

  async function add(
    kind: ResourceKind,
    defaulted: KubeObject,
    dryRun: boolean,
    context: RequestContext,
  ): Promise<KubeObject> {
    if (kind.custom?.terminating) throw definitionTerminating();
    const object = await admission.admit({
      kind,
      operation: 'create',
      object: defaulted,
      context,
      dryRun,
    });
    const write = (complete: KubeObject): Promise<KubeObject> =>
      dryRun ? createDry(kind, complete) : objects.create(complete);
    let created: KubeObject;
    if (isService(kind)) {
      // No address is looked for on behalf of an object that will not be written anyway.
      await prepareNew(kind, object);
      created = await services.allocate(object, undefined, write);
    } else created = await write(object);
    warnAbout(kind, created, context);
    return created;
  }

  /** The update with the record of who owns what afterwards, seen as it would be stored. */
  function withOwnership(
    kind: ResourceKind,
    current: KubeObject,
    next: KubeObject,
    owner: FieldOwner,
    subresource: Subresource | undefined,
  ): KubeObject {
    // A record that is none is for validation to refuse.
    if (validateManagedFields(next.metadata.managedFields, '').length > 0) return next;
    const nowMs = clock.now();
    const prepared = prepareUpdate(kind, current, next, { nowMs, ...(subresource ? { subresource } : {}) });
    const given = { ...prepared, metadata: { ...prepared.metadata } };
    if (next.metadata.managedFields) given.metadata.managedFields = next.metadata.managedFields;
    const record = ownershipAfterUpdate({ schemas, kind, owner, nowMs }, current, given);
    return { ...next, metadata: { ...next.metadata, managedFields: record ?? [{}] } };
  }

  async function writeUpdate(
    kind: ResourceKind,
    current: KubeObject,
    next: KubeObject,
    dryRun: boolean,
    subresource: Subresource | undefined,
  ): Promise<KubeObject> {
    const prepare = (object: KubeObject): KubeObject => {
      const structure = subresource ? [] : checkStructure(kind, object);
      const context = { nowMs: clock.now(), ...(subresource ? { subresource } : {}) };
      const prepared = prepareUpdate(kind, current, object, context);
      if (prepared !== current) checkUpdate(kind, prepared, current, subresource, structure);
      return prepared;
    };
    const resourceVersion = current.metadata.resourceVersion ?? '';
    const write = async (object: KubeObject): Promise<KubeObject> => {
      if (dryRun)
        return claimDry({ kind, operation: 'update', object: prepare(object), current, subresource });
      const versioned = { ...object, metadata: { ...object.metadata, resourceVersion } };
      return objects.update(versioned, subresource ? { subresource } : {});
    };
    if (!isService(kind) || subresource !== undefined) return write(next);
    return services.allocate(prepare(next), current, write);
  }

  async function change(
    { kind, namespace, name }: ObjectRef,
    apply: Change,
    { dryRun, expected, owner }: ChangeOptions,
    context: RequestContext,
    subresource?: Subresource,
  ): Promise<KubeObject> {
    const key = objectKey(namespace, name);
    for (let attempt = 1; ; attempt += 1) {
      const current = await objects.get(kind, key);
      if (expected && expected !== current.metadata.resourceVersion) throw conflict(kind, name);
      const changed = apply(current);
      // A patch may name a version, too; it then pins the update like that of a PUT.
      const named = changed.metadata.resourceVersion;
      if (named && named !== current.metadata.resourceVersion) throw conflict(kind, name);
      const next = await admission.admit({
        kind,
        operation: 'update',
        subresource,
        object: changed,
        current,
        context,
        dryRun,
      });
      const owned = owner ? withOwnership(kind, current, next, owner, subresource) : next;
      try {
        const written = await writeUpdate(kind, current, owned, dryRun, subresource);
        warnAbout(kind, written, context, subresource);
        return written;
      } catch (error) {
        if (!isStatusError(error, 'Conflict') || expected || attempt >= MAX_UPDATE_ATTEMPTS) throw error;
      }
    }
  }

  return {
    add,
    change,
    async exists({ kind, namespace, name }) {
      return (await store.get(storageIdOf(kind), objectKey(namespace, name))) !== undefined;
    },
    async remove({ kind, namespace, name }, options, context) {
      const key = objectKey(namespace, name);
      const { dryRun } = options;
      let deleteOptions: DeleteOptions = omit(options, 'dryRun');
      if (admission.guardsRemoval({ kind, name, context })) {
        const current = await objects.get(kind, key);
        admission.mayRemove({ kind, object: current, context, dryRun });
        deleteOptions = pinned(deleteOptions, current);
      }
      if (!dryRun) {
        const deleted = await objects.delete(kind, key, deleteOptions);
        admission.removed({ kind, object: deleted, context, dryRun });
        return deleted;
      }
      const current = await objects.get(kind, key);
      const plan = planDelete(kind, current, deleteOptions, clock.now());
      admission.removed({ kind, object: current, context, dryRun });
      return plan.action === 'none' ? current : (plan.object ?? current);
    },
  };
}

/** Deletes the object that was looked at, and no other of its name. */
function pinned(options: DeleteOptions, { metadata }: KubeObject): DeleteOptions {
  const uid = options.preconditions?.uid ?? metadata.uid;
  return uid === undefined ? options : { ...options, preconditions: { ...options.preconditions, uid } };
}

/** Our own warning comes first: clients that keep one keep the last, which is upstream's. */
function warnAbout(
  kind: ResourceKind,
  object: KubeObject,
  { warn }: RequestContext,
  subresource?: Subresource,
): void {
  const stored = onlyStored(kind, object, subresource);
  if (stored !== undefined) warn(stored);
  if (subresource === undefined) for (const text of warningsOf(object)) warn(text);
}

export const isService = (kind: ResourceKind): boolean => kind.group === '' && kind.kind === 'Service';

/**
 * Create, update, patch and delete: intake, admission, the strategy of the kind, validation, and one commit. A dry run
 * goes the same way and stops before the commit.
 *
 * An update without a version is tried again when somebody else was faster; one with a version fails with 409.
 */
import type { Clock } from '../../base/clock.ts';
import { nameSuffix, type Rng } from '../../base/rng.ts';
import type { FieldError } from '../../schemas/field-error.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import { type ResourceKind, resourceIdOf, type Subresource } from '../../schemas/resource-kind.ts';
import { conflict, invalid, isStatusError, notFound } from '../../schemas/status.ts';
import { planDelete, prepareCreate, prepareUpdate } from '../../schemas/strategy.ts';
import type { Objects } from '../../store/objects.ts';
import type { Store } from '../../store/types.ts';
import type { TypeSchemas } from '../openapi/type-schemas.ts';
import { goFormat } from '../patch/go-format.ts';
import { applyPatch } from '../patch/index.ts';
import { admit } from './admission/index.ts';
import { decodeObject } from './decode.ts';
import { reportUnknown, takeObject } from './intake.ts';
import { invalidPatch } from './refusals.ts';
import type { ServiceAllocation } from './service-allocation.ts';
import type { Snapshots } from './snapshots.ts';
import type {
  CollectionRef,
  ObjectRef,
  PatchInput,
  RemoveOptions,
  RequestContext,
  WriteOptions,
  Written,
} from './types.ts';

/** Upstream's numbers: names are generated anew this often, updates are tried again this often. */
const MAX_NAME_ATTEMPTS = 8;
const MAX_UPDATE_ATTEMPTS = 8;

export interface WriteDependencies {
  readonly store: Store;
  readonly objects: Objects;
  readonly schemas: TypeSchemas;
  readonly snapshots: Snapshots;
  readonly services: ServiceAllocation;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What an update does to the object that is there; may be called again on a newer one. */
export type Change = (current: KubeObject) => KubeObject;

export interface Writes {
  create(collection: CollectionRef, body: unknown, options: WriteOptions, context: RequestContext): Promise<KubeObject>;
  update(
    ref: ObjectRef,
    body: unknown,
    options: WriteOptions,
    context: RequestContext,
    subresource?: Subresource,
  ): Promise<Written>;
  patch(
    ref: ObjectRef,
    patch: PatchInput,
    options: WriteOptions,
    context: RequestContext,
    subresource?: Subresource,
  ): Promise<KubeObject>;
  /** Reads, changes and writes, again on conflict; `expected` pins the version. */
  change(
    ref: ObjectRef,
    change: Change,
    options: { readonly dryRun: boolean; readonly expected?: string | undefined },
    context: RequestContext,
    subresource?: Subresource,
  ): Promise<KubeObject>;
  remove(ref: ObjectRef, options: RemoveOptions): Promise<KubeObject>;
}

export function createWrites(dependencies: WriteDependencies): Writes {
  const { store, objects, schemas, services, clock, rng } = dependencies;

  async function createOnce(kind: ResourceKind, input: KubeObject, dryRun: boolean): Promise<KubeObject> {
    const prepare = (object: KubeObject): KubeObject => {
      const made = { nowMs: clock.now(), uid: rng.uuid(), nameSuffix: nameSuffix(rng) };
      const prepared = prepareCreate(kind, object, made);
      refuse(kind, prepared.metadata.name, [...kind.validate(prepared), ...kind.checkImplemented(prepared)]);
      return prepared;
    };
    const write = async (object: KubeObject): Promise<KubeObject> => {
      const prepared = prepare(object);
      if (!dryRun) return objects.create(prepared);
      if (await store.get(resourceIdOf(kind), objectKey(prepared.metadata.namespace, prepared.metadata.name)))
        return objects.create(prepared);
      return prepared;
    };
    if (!isService(kind)) return write(input);
    prepare(input);
    return services.allocate(input, undefined, write);
  }

  async function create(
    { kind, namespace }: CollectionRef,
    body: unknown,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject> {
    const { fieldValidation } = options;
    const taken = takeObject(schemas, body, { kind, namespace, name: undefined, fieldValidation, context });
    const object = await admit({ kind, operation: 'create', object: kind.withDefaults(taken), context }, dependencies);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await createOnce(kind, object, options.dryRun);
      } catch (error) {
        const generated = !object.metadata.name && isStatusError(error, 'AlreadyExists');
        if (!generated || attempt >= MAX_NAME_ATTEMPTS) throw error;
      }
    }
  }

  async function writeUpdate(
    kind: ResourceKind,
    current: KubeObject,
    next: KubeObject,
    dryRun: boolean,
    subresource: Subresource | undefined,
  ): Promise<KubeObject> {
    const prepare = (object: KubeObject): KubeObject => {
      const prepared = prepareUpdate(kind, current, object, { nowMs: clock.now(), ...(subresource ? { subresource } : {}) });
      const implemented = subresource === 'status' ? [] : kind.checkImplemented(prepared);
      refuse(kind, current.metadata.name, [
        ...kind.validate(prepared),
        ...kind.validateUpdate(prepared, current),
        ...implemented,
      ]);
      return prepared;
    };
    const write = async (object: KubeObject): Promise<KubeObject> => {
      const prepared = prepare(object);
      if (dryRun) return prepared;
      const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: current.metadata.resourceVersion ?? '' } };
      return objects.update(versioned, subresource ? { subresource } : {});
    };
    if (!isService(kind) || subresource !== undefined) return write(next);
    // Validation first: no address is looked for on behalf of an object that will not be written anyway.
    const prepared = prepare(next);
    return services.allocate(prepared, current, write);
  }

  async function change(
    { kind, namespace, name }: ObjectRef,
    apply: Change,
    { dryRun, expected }: { readonly dryRun: boolean; readonly expected?: string | undefined },
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
      const next = subresource
        ? changed
        : await admit({ kind, operation: 'update', object: changed, current, context }, dependencies);
      try {
        return await writeUpdate(kind, current, next, dryRun, subresource);
      } catch (error) {
        if (!isStatusError(error, 'Conflict') || expected || attempt >= MAX_UPDATE_ATTEMPTS) throw error;
      }
    }
  }

  return {
    create,
    change,
    async update(ref, body, options, context, subresource) {
      const { kind, namespace, name } = ref;
      const { fieldValidation, dryRun } = options;
      const taken = takeObject(schemas, body, { kind, namespace, name, fieldValidation, context });
      const { uid, resourceVersion } = taken.metadata;
      const replace: Change = (current) => {
        if (uid && uid !== current.metadata.uid) throw uidConflict(kind, current, uid);
        return taken;
      };
      try {
        const expected = resourceVersion;
        return { object: await change(ref, replace, { dryRun, expected }, context, subresource), created: false };
      } catch (error) {
        if (!createsOnUpdate(kind) || subresource || !isStatusError(error, 'NotFound')) throw error;
        return { object: await create(ref, taken, options, context), created: true };
      }
    },
    patch(ref, patch, options, context, subresource) {
      const { format } = patch;
      if (format === 'apply') throw notFound(ref.kind, ref.name);
      const schema = schemas.ofKind(ref.kind.group, ref.kind.version, ref.kind.kind);
      const strategic = isCustom(ref.kind) ? undefined : schema;
      return change(
        ref,
        (current) => {
          const patched = applyPatch(format, current, patch.body, schemas, strategic);
          const shown = (): string => (format === 'strategic' ? goFormat(patch.body) : JSON.stringify(patched));
          if (patched['kind'] !== current.kind || patched['apiVersion'] !== current.apiVersion)
            throw invalidPatch(shown(), 'kind and apiVersion of an object cannot change');
          const decoded = schema ? decodeObject(schemas, schema, patched) : undefined;
          if (decoded?.typeError !== undefined) throw invalidPatch(shown(), decoded.typeError);
          const validation = { fieldValidation: options.fieldValidation, context };
          reportUnknown(decoded?.unknownFields ?? [], validation, (why) => invalidPatch(shown(), why));
          const value = decoded?.value ?? patched;
          return takeObject(
            schemas,
            { ...value, kind: current.kind, apiVersion: current.apiVersion },
            { ...ref, fieldValidation: 'Ignore', context },
          );
        },
        { dryRun: options.dryRun },
        context,
        subresource,
      );
    },
    async remove({ kind, namespace, name }, options) {
      const key = objectKey(namespace, name);
      const { dryRun, ...deleteOptions } = options;
      if (!dryRun) return objects.delete(kind, key, deleteOptions);
      const current = await objects.get(kind, key);
      const plan = planDelete(kind, current, deleteOptions, clock.now());
      return plan.action === 'none' ? current : (plan.object ?? current);
    },
  };
}

function refuse(kind: ResourceKind, name: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(kind, name, errors);
}

const isService = (kind: ResourceKind): boolean => kind.group === '' && kind.kind === 'Service';

/** Kinds that upstream does not define have no merge keys: no strategic merge for them. */
const isCustom = (kind: ResourceKind): boolean => kind.group.includes('.') && !kind.group.endsWith('.k8s.io');

/** PUT makes these where they are missing, as upstream's strategies allow. */
const CREATED_ON_UPDATE = new Set(['leases.coordination.k8s.io', 'events']);
const createsOnUpdate = (kind: ResourceKind): boolean => CREATED_ON_UPDATE.has(resourceIdOf(kind));

function uidConflict(kind: ResourceKind, current: KubeObject, uid: string): Error {
  const { namespace, name } = current.metadata;
  const path = `/registry/${kind.plural}/${objectKey(namespace, name)}`;
  const why = `StorageError: invalid object, Code: 4, Key: ${path}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`;
  return conflict(kind, name, why);
}

/**
 * Create, update, patch and delete: intake, admission, the strategy of the kind, validation, and one commit. A dry run
 * goes the same way and stops before the commit.
 *
 * An update without a version is tried again when somebody else was faster; one with a version fails with 409.
 */
import type { Clock } from '../../base/clock.ts';
import { isRecord, stableStringify } from '../../base/json.ts';
import { nameSuffix, type Rng } from '../../base/rng.ts';
import { omit } from '../../schemas/json-access.ts';
import { formatApiVersion, type KubeObject, objectKey } from '../../schemas/object.ts';
import {
  type ResourceKind,
  resourceIdOf,
  storageIdOf,
  type Subresource,
} from '../../schemas/resource-kind.ts';
import { alreadyExists, badRequest, conflict, isStatusError } from '../../schemas/status.ts';
import { planDelete, prepareCreate, prepareUpdate } from '../../schemas/strategy.ts';
import type { ObjectChange } from '../../store/admission.ts';
import { checkNew, checkStructure, checkUpdate } from '../../store/object-rules.ts';
import type { Objects } from '../../store/objects.ts';
import type { Store } from '../../store/types.ts';
import type { TypeSchemas } from '../openapi/type-schemas.ts';
import { applyConfiguration, type FieldOwner, ownershipAfterUpdate } from '../managed/managers.ts';
import { goFormat } from '../patch/go-format.ts';
import { applyPatch } from '../patch/index.ts';
import type { Admission } from './admission/create-admission.ts';
import { decodeAs } from './decode-custom.ts';
import { reportUnknown, takeObject } from './intake.ts';
import { definitionTerminating, invalidPatch } from './refusals.ts';
import { warningsOf } from './warnings.ts';
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

/** An update that names no version is tried again this often. */
const MAX_UPDATE_ATTEMPTS = 8;

export interface WriteDependencies {
  readonly store: Store;
  /** Claims quotas with each commit; the other rules of admission have run before. */
  readonly objects: Objects;
  readonly admission: Admission;
  readonly schemas: TypeSchemas;
  readonly snapshots: Snapshots;
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

export interface Writes {
  create(
    collection: CollectionRef,
    body: unknown,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject>;
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
  ): Promise<Written>;
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

export function createWrites(dependencies: WriteDependencies): Writes {
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

  async function create(
    { kind, namespace }: CollectionRef,
    body: unknown,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject> {
    const { fieldValidation } = options;
    const taken = takeObject(schemas, body, { kind, namespace, name: undefined, fieldValidation, context });
    const { fieldManager } = options;
    const defaulted = fieldManager ? withFirstOwner(kind, taken, fieldManager) : kind.withDefaults(taken);
    return storeNew(kind, defaulted, options, context);
  }

  function withFirstOwner(kind: ResourceKind, taken: KubeObject, manager: string): KubeObject {
    const request = { schemas, kind, owner: { manager }, nowMs: clock.now() };
    const object = kind.withDefaults(taken);
    const seen = isService(kind) ? withoutAllocated(object, taken) : object;
    const managedFields = ownershipAfterUpdate(request, undefined, seen) ?? [];
    const metadata = omit(object.metadata, 'managedFields');
    return { ...object, metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields } };
  }

  /** The rest of a create, from an object with its defaults and its record of owners. */
  async function storeNew(
    kind: ResourceKind,
    defaulted: KubeObject,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject> {
    if (kind.custom?.terminating) throw definitionTerminating();
    const object = await admission.admit({
      kind,
      operation: 'create',
      object: defaulted,
      context,
      dryRun: options.dryRun,
    });
    const write = (complete: KubeObject): Promise<KubeObject> =>
      options.dryRun ? createDry(kind, complete) : objects.create(complete);
    let created: KubeObject;
    if (isService(kind)) {
      // No address is looked for on behalf of an object that will not be written anyway.
      await prepareNew(kind, object);
      created = await services.allocate(object, undefined, write);
    } else created = await write(object);
    warnAbout(created, context);
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
        if (!subresource) warnAbout(written, context);
        return written;
      } catch (error) {
        if (!isStatusError(error, 'Conflict') || expected || attempt >= MAX_UPDATE_ATTEMPTS) throw error;
      }
    }
  }

  /** Server-side apply: see managed/managers.ts. */
  async function apply(
    ref: ObjectRef,
    { body, force }: PatchInput,
    options: WriteOptions,
    context: RequestContext,
    subresource: Subresource | undefined,
  ): Promise<Written> {
    const { kind, namespace, name } = ref;
    const configuration = checkApplied(body, ref);
    const owner = ownerOf(options, subresource) ?? { manager: '', subresource };
    const applied = (current: KubeObject | undefined): KubeObject => {
      const request = { schemas, kind, owner, nowMs: clock.now() };
      const { object } = applyConfiguration(request, current, configuration, force === true);
      return takeObject(schemas, object, { ...ref, fieldValidation: 'Ignore', context });
    };
    const missing = !(await store.get(storageIdOf(kind), objectKey(namespace, name)));
    if (missing && !subresource) {
      const object = await storeNew(kind, kind.withDefaults(applied(undefined)), options, context);
      return { object, created: true };
    }
    const { dryRun } = options;
    return { object: await change(ref, applied, { dryRun }, context, subresource), created: false };
  }

  return {
    create,
    change,
    async update(ref, body, options, context, subresource) {
      const { kind, namespace, name } = ref;
      const { fieldValidation, dryRun } = options;
      const owner = ownerOf(options, subresource);
      const taken = takeObject(schemas, body, { kind, namespace, name, fieldValidation, context });
      const { uid, resourceVersion } = taken.metadata;
      const replace: Change = (current) => {
        if (uid && uid !== current.metadata.uid) throw uidConflict(kind, current, uid);
        return taken;
      };
      try {
        const expected = resourceVersion;
        return {
          object: await change(ref, replace, { dryRun, expected, owner }, context, subresource),
          created: false,
        };
      } catch (error) {
        if (!createsOnUpdate(kind) || subresource || !isStatusError(error, 'NotFound')) throw error;
        return { object: await create(ref, taken, options, context), created: true };
      }
    },
    async patch(ref, patch, options, context, subresource) {
      if (patch.format === 'apply') return apply(ref, patch, options, context, subresource);
      const { format } = patch;
      const schema = schemas.ofKind(ref.kind.group, ref.kind.version, ref.kind.kind);
      const strategic = isCustom(ref.kind) ? undefined : schema;
      const object = await change(
        ref,
        (current) => {
          const patched = applyPatch(format, current, patch.body, schemas, strategic);
          const shown = (): string =>
            format === 'strategic'
              ? goFormat(patch.body)
              : ref.kind.custom
                ? stableStringify(patched)
                : JSON.stringify(patched);
          if (patched['kind'] !== current.kind || patched['apiVersion'] !== current.apiVersion)
            throw invalidPatch(shown(), 'kind and apiVersion of an object cannot change');
          const decoded = schema ? decodeAs(ref.kind, schemas, schema, patched) : undefined;
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
        { dryRun: options.dryRun, owner: ownerOf(options, subresource) },
        context,
        subresource,
      );
      return { object, created: false };
    },
    async remove({ kind, namespace, name }, options, context) {
      const key = objectKey(namespace, name);
      const { dryRun, ...deleteOptions } = options;
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

/** What comes with the addresses of a service is the system's, unless the request says it. */
function withoutAllocated(object: KubeObject, taken: KubeObject): KubeObject {
  const asked = isRecord(taken['spec']) ? taken['spec'] : {};
  const spec = Object.entries(isRecord(object['spec']) ? object['spec'] : {}).filter(
    ([field]) => !ALLOCATED.has(field) || field in asked,
  );
  return { ...object, spec: Object.fromEntries(spec) };
}

const ALLOCATED: ReadonlySet<string> = new Set(['clusterIPs', 'ipFamilies', 'ipFamilyPolicy']);

function warnAbout(object: KubeObject, context: RequestContext): void {
  for (const text of warningsOf(object)) context.warn(text);
}

const isService = (kind: ResourceKind): boolean => kind.group === '' && kind.kind === 'Service';

/** Kinds that upstream does not define have no merge keys: no strategic merge for them. */
const isCustom = (kind: ResourceKind): boolean =>
  kind.custom !== undefined || (kind.group.includes('.') && !kind.group.endsWith('.k8s.io'));

/** PUT makes these where they are missing, as upstream's strategies allow. */
const CREATED_ON_UPDATE = new Set(['leases.coordination.k8s.io', 'events', 'events.events.k8s.io']);
const createsOnUpdate = (kind: ResourceKind): boolean => CREATED_ON_UPDATE.has(resourceIdOf(kind));

/** Who a request says it is; bindings and the like are not tracked. */
function ownerOf(options: WriteOptions, subresource: Subresource | undefined): FieldOwner | undefined {
  const { fieldManager: manager } = options;
  if (manager === undefined || (subresource !== undefined && !OWNING.has(subresource))) return undefined;
  return { manager, subresource };
}

const OWNING: ReadonlySet<Subresource> = new Set(['status', 'ephemeralcontainers', 'resize']);

/** A configuration must be of the kind of the URL and name its object. */
function checkApplied(body: unknown, { kind, name }: ObjectRef): Record<string, unknown> {
  if (!isRecord(body)) throw badRequest('error decoding YAML: a configuration must be an object');
  const apiVersion = formatApiVersion(kind.group, kind.version);
  if (body['kind'] !== kind.kind || body['apiVersion'] !== apiVersion)
    throw badRequest(`the configuration must be of apiVersion ${apiVersion} and kind ${kind.kind}`);
  const metadata = body['metadata'];
  const given = isRecord(metadata) ? metadata['name'] : undefined;
  if (given === undefined)
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  checkName(given, name);
  return body;
}

function checkName(given: unknown, name: string): void {
  if (given !== name)
    throw badRequest(
      `the name of the object (${typeof given === 'string' ? given : JSON.stringify(given)}) does not match the name on the URL (${name})`,
    );
}

function uidConflict(kind: ResourceKind, current: KubeObject, uid: string): Error {
  const { namespace, name } = current.metadata;
  const path = `/registry/${kind.plural}/${objectKey(namespace, name)}`;
  const why = `StorageError: invalid object, Code: 4, Key: ${path}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`;
  return conflict(kind, name, why);
}

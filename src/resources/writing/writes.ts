/**
 * What requests to create, update, patch and delete mean: their bodies become objects and changes of objects, with a record
 * of who set what. object-writes.ts brings those into the store.
 */
import type { Clock } from '../../base/clock.ts';
import { isRecord, stableStringify } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import { formatApiVersion, type KubeObject, objectKey } from '../../schemas/object.ts';
import { type ResourceKind, resourceIdOf, type Subresource } from '../../schemas/resource-kind.ts';
import { badRequest, conflict, isStatusError } from '../../schemas/errors/status.ts';
import { validateManagedFields } from '../../schemas/validation/managed-fields.ts';
import { authorize } from '../authz/authorize.ts';
import type { Authorizer } from '../authz/types.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import { applyConfiguration, type FieldOwner, ownershipAfterUpdate } from '../managed-fields/managers.ts';
import { goFormat } from '../patch/go-format.ts';
import { applyPatch } from '../patch/index.ts';
import { checkCounts } from '../decoding/body-limits.ts';
import { decodeAs } from '../decoding/decode-custom.ts';
import { reportUnknown, takeObject } from '../decoding/intake.ts';
import { type Change, isService, type ObjectWrites } from './object-writes.ts';
import { invalidPatch } from '../refusals.ts';
import type {
  CollectionRef,
  ObjectRef,
  PatchInput,
  RequestContext,
  WriteOptions,
  Written,
} from '../types.ts';

export interface Writes extends Pick<ObjectWrites, 'change' | 'remove'> {
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
}

export function createWrites(
  objects: ObjectWrites,
  schemas: TypeSchemas,
  clock: Clock,
  authorizer: Pick<Authorizer, 'authorize'>,
): Writes {
  const { add, change, exists, remove } = objects;

  /**
   * The door asked for `update` or `patch`. A write that creates the object needs `create` as well, as upstream's
   * create-on-update does.
   */
  async function mayCreate({ kind, namespace, name }: ObjectRef, { user }: RequestContext): Promise<void> {
    await authorize(authorizer, user, {
      verb: 'create',
      group: kind.group,
      resource: kind.plural,
      subresource: undefined,
      namespace,
      name,
      fieldSelector: undefined,
    });
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
    return add(kind, defaulted, options.dryRun, context);
  }

  function withFirstOwner(kind: ResourceKind, taken: KubeObject, manager: string): KubeObject {
    const object = kind.withDefaults(taken);
    // A record that is none is for validation to refuse.
    if (validateManagedFields(taken.metadata.managedFields, '').length > 0) return object;
    const request = { schemas, kind, owner: { manager }, nowMs: clock.now() };
    const seen = isService(kind) ? withoutAllocated(object, taken) : object;
    const managedFields = ownershipAfterUpdate(request, undefined, seen) ?? [];
    const metadata = omit(object.metadata, 'managedFields');
    return { ...object, metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields } };
  }

  /** Server-side apply: see managed/managers.ts. */
  async function apply(
    ref: ObjectRef,
    { body, force }: PatchInput,
    options: WriteOptions,
    context: RequestContext,
    subresource: Subresource | undefined,
  ): Promise<Written> {
    const { kind } = ref;
    const configuration = checkApplied(body, ref);
    const { fieldValidation } = options;
    const [repeated] = fieldValidation === 'Ignore' ? [] : (context.strict?.([]) ?? []);
    if (repeated !== undefined) {
      const text = `error converting YAML to JSON: ${repeated}`;
      if (fieldValidation === 'Strict') throw badRequest(`error strict decoding YAML: ${text}`);
      context.warn(text);
    }
    const owner = ownerOf(options, subresource) ?? { manager: '', subresource };
    const applied = (current: KubeObject | undefined): KubeObject => {
      const request = { schemas, kind, owner, nowMs: clock.now() };
      const { object } = applyConfiguration(request, current, configuration, force === true);
      return takeObject(schemas, object, { ...ref, fieldValidation: 'Ignore', context });
    };
    const { dryRun } = options;
    if (!subresource && !(await exists(ref))) {
      await mayCreate(ref, context);
      const object = await add(kind, kind.withDefaults(applied(undefined)), dryRun, context);
      return { object, created: true };
    }
    return { object: await change(ref, applied, { dryRun }, context, subresource), created: false };
  }

  return {
    create,
    change,
    remove,
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
        await mayCreate(ref, context);
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
  checkCounts(body);
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

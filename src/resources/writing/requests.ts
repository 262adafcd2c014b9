/**
 * Requests to create, update, patch and delete, as plans of the writer: a body becomes an object,
 * or a change of the object that is stored, with a record of the fields' owners.
 */
import type { Clock } from '../../base/clock.ts';
import { isRecord, stableStringify } from '../../base/json.ts';
import { badRequest, conflict } from '../../schemas/errors/status.ts';
import { immutable } from '../../schemas/validation/metadata.ts';
import { omit } from '../../schemas/json-access.ts';
import { formatApiVersion, type KubeObject, objectKey } from '../../schemas/object.ts';
import { type ResourceKind, resourceIdOf, type Subresource } from '../../schemas/resource-kind.ts';
import { checkCounts } from '../decoding/body-limits.ts';
import { decodeAs } from '../decoding/decode-custom.ts';
import { checkName, reportUnknown, takeObject } from '../decoding/intake.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import { applyConfiguration, type FieldOwner } from '../managed-fields/managers.ts';
import { goFormat } from '../patch/go-format.ts';
import { applyPatch, type PatchDocumentFormat } from '../patch/index.ts';
import { invalidPatch } from '../refusals.ts';
import type {
  CollectionRef,
  ObjectRef,
  PatchInput,
  RemoveOptions,
  RequestContext,
  WriteOptions,
  Written,
} from '../types.ts';
import { throwErrors } from './object-rules.ts';
import { withFirstOwner } from './ownership.ts';
import type { UpdateWrite, Write } from './write-plan.ts';
import type { Writer } from './writer.ts';

export interface Requests {
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
  delete(ref: ObjectRef, options: RemoveOptions, context: RequestContext): Promise<KubeObject>;
}

export interface RequestDependencies {
  readonly writer: Writer;
  readonly schemas: TypeSchemas;
  readonly clock: Clock;
}

type Changing = Pick<UpdateWrite, 'object' | 'subresource' | 'owner' | 'create'> &
  Required<Pick<UpdateWrite, 'change'>>;

export function createRequests({ writer, schemas, clock }: RequestDependencies): Requests {
  /** An update that may create the object, if `create` is given. */
  async function change(
    kind: ResourceKind,
    { create, ...write }: Changing,
    dryRun: boolean,
    context: RequestContext,
  ): Promise<Written> {
    let created = false;
    const update: UpdateWrite = {
      ...write,
      verb: 'update',
      change(current) {
        created = false;
        const next = write.change(current);
        const { uid } = next.metadata;
        if (uid) throwErrors(kind, next, immutable(uid, current.metadata.uid, 'metadata.uid'));
        return next;
      },
      create:
        create &&
        (() => {
          created = true;
          return create();
        }),
    };
    return { object: await writeOne(writer, update, dryRun, context), created };
  }

  return {
    async create({ kind, namespace }, body, { fieldValidation, fieldManager, dryRun }, context) {
      const taken = takeObject(schemas, body, { kind, namespace, name: undefined, fieldValidation, context });
      const object = withFirstOwner(schemas, kind, taken, fieldManager, clock.now());
      return writeOne(writer, { verb: 'create', object }, dryRun, context);
    },

    async update(ref, body, options, context, subresource) {
      const { kind } = ref;
      const { fieldValidation, fieldManager, dryRun } = options;
      const taken = takeObject(schemas, body, { ...ref, fieldValidation, context });
      const { uid } = taken.metadata;
      const owner = ownerOf(options, subresource);
      const replaced = (current: KubeObject): KubeObject => {
        if (uid && uid !== current.metadata.uid) throw uidConflict(kind, current, uid);
        return taken;
      };
      const create = (): KubeObject => withFirstOwner(schemas, kind, taken, fieldManager, clock.now());
      const creates = !subresource && CREATED_ON_UPDATE.has(resourceIdOf(kind));
      const write = { object: taken, subresource, owner, change: replaced };
      return change(kind, creates ? { ...write, create } : write, dryRun, context);
    },

    async patch(ref, patch, options, context, subresource) {
      const { kind } = ref;
      const { format } = patch;
      const write = { object: named(ref), subresource };
      const owner = ownerOf(options, subresource);
      if (format !== 'apply') {
        const patched = (current: KubeObject): KubeObject =>
          patchedObject(schemas, ref, format, patch.body, current, options, context);
        return change(kind, { ...write, owner, change: patched }, options.dryRun, context);
      }
      const configuration = checkApplied(patch.body, ref);
      reportRepeated(options, context);
      const applied = (current: KubeObject | undefined): KubeObject => {
        const applier = owner ?? { manager: '', subresource };
        const request = { schemas, kind, owner: applier, nowMs: clock.now() };
        const object = applyConfiguration(request, current, configuration, patch.force === true);
        return takeObject(schemas, object, { ...ref, fieldValidation: 'Ignore', context });
      };
      const create = (): KubeObject => {
        const object = applied(undefined);
        if (object.metadata.uid) throw conflict(kind, ref.name, uidMismatch(object.metadata.uid));
        return kind.withDefaults(object);
      };
      const made = subresource ? {} : { create };
      return change(kind, { ...write, change: applied, ...made }, options.dryRun, context);
    },

    delete: (ref, options, context) =>
      writeOne(
        writer,
        { verb: 'delete', object: named(ref), options: omit(options, 'dryRun') },
        options.dryRun,
        context,
      ),
  };
}

/** One write of a request. */
export async function writeOne(
  writer: Writer,
  write: Write,
  dryRun: boolean,
  context: RequestContext,
): Promise<KubeObject> {
  const actor = { user: context.user, request: context };
  const [object] = await writer.write({ writes: [write] }, { actor, dryRun });
  return object as KubeObject;
}

/** An object that says no more than which one it is. */
export function named({ kind, namespace, name }: ObjectRef): KubeObject {
  const apiVersion = formatApiVersion(kind.group, kind.version);
  return { apiVersion, kind: kind.kind, metadata: { name, ...(namespace ? { namespace } : {}) } };
}

function patchedObject(
  schemas: TypeSchemas,
  ref: ObjectRef,
  format: PatchDocumentFormat,
  body: unknown,
  current: KubeObject,
  { fieldValidation }: WriteOptions,
  context: RequestContext,
): KubeObject {
  const { kind } = ref;
  const schema = schemas.ofKind(kind.group, kind.version, kind.kind);
  const patched = applyPatch(format, current, body, schemas, isCustom(kind) ? undefined : schema);
  const refuse = (why: string): Error => {
    const shown = kind.custom ? stableStringify(patched) : JSON.stringify(patched);
    return invalidPatch(format === 'strategic' ? goFormat(body) : shown, why);
  };
  if (patched['kind'] !== current.kind || patched['apiVersion'] !== current.apiVersion)
    throw refuse('kind and apiVersion of an object cannot change');
  const decoded = schema ? decodeAs(kind, schemas, schema, patched) : undefined;
  if (decoded?.typeError !== undefined) throw refuse(decoded.typeError);
  reportUnknown(decoded?.unknownFields ?? [], { fieldValidation, context }, refuse);
  const value = decoded?.value ?? patched;
  return takeObject(
    schemas,
    { ...value, kind: current.kind, apiVersion: current.apiVersion },
    { ...ref, fieldValidation: 'Ignore', context },
  );
}

/** Server-side apply reads YAML: a field that is there twice is told in those words. */
function reportRepeated({ fieldValidation }: WriteOptions, context: RequestContext): void {
  const [repeated] = fieldValidation === 'Ignore' ? [] : (context.strict?.([]) ?? []);
  if (repeated === undefined) return;
  const text = `error converting YAML to JSON: ${repeated}`;
  if (fieldValidation === 'Strict') throw badRequest(`error strict decoding YAML: ${text}`);
  context.warn(text);
}

/** Kinds that upstream does not define have no merge keys: no strategic merge for them. */
const isCustom = (kind: ResourceKind): boolean =>
  kind.custom !== undefined || (kind.group.includes('.') && !kind.group.endsWith('.k8s.io'));

/** PUT makes these where they are missing, as upstream's strategies allow. */
const CREATED_ON_UPDATE = new Set(['leases.coordination.k8s.io', 'events', 'events.events.k8s.io']);

/** The manager that a request names. Bindings and the like are not tracked. */
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
  checkName(isRecord(metadata) ? metadata['name'] : undefined, name);
  return body;
}

const uidMismatch = (uid: string): string =>
  `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;

function uidConflict(kind: ResourceKind, current: KubeObject, uid: string): Error {
  const { namespace, name } = current.metadata;
  const path = `/registry/${kind.plural}/${objectKey(namespace, name)}`;
  const why = `StorageError: invalid object, Code: 4, Key: ${path}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`;
  return conflict(kind, name, why);
}

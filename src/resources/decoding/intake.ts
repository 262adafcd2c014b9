/**
 * From a request's body to an object of the expected kind: kind and version, name and namespace,
 * field names and types. What comes out has the right shape everywhere; meaning is checked by
 * validation afterwards.
 */
import { isRecord } from '../../base/json.ts';
import { formatApiVersion, type KubeObject } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import type { ResolvedSchema, TypeSchemas } from './type-schemas.ts';
import { goKind } from './decode.ts';
import { decodeAs } from './decode-custom.ts';
import type { FieldValidation, ObjectRef, RequestContext } from '../types.ts';

export interface IntakeRequest {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  /** The name in the URL; undefined for a create. */
  readonly name: string | undefined;
  readonly fieldValidation: FieldValidation;
  readonly context: RequestContext;
}

interface TypeName {
  readonly apiVersion: string;
  readonly kind: string;
}

export function takeObject(schemas: TypeSchemas, body: unknown, request: IntakeRequest): KubeObject {
  const { kind } = request;
  const type = { apiVersion: formatApiVersion(kind.group, kind.version), kind: kind.kind };
  const schema = schemas.ofKind(kind.group, kind.version, kind.kind);
  const object = takeTyped(schemas, schema, body, type, request);
  return placed(object, request);
}

/** A body of any known type, such as a Scale or a Binding. */
export function takeTyped(
  schemas: TypeSchemas,
  schema: ResolvedSchema | undefined,
  body: unknown,
  type: TypeName,
  request: Pick<IntakeRequest, 'fieldValidation' | 'context'> & Partial<Pick<IntakeRequest, 'kind'>>,
): KubeObject {
  if (!isRecord(body)) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${goKind(body)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (${beginningOf(body)})`,
    );
  }
  const input = typed(body, type);
  const refuse = (why: string): Error => badRequest(cannotHandle(type, why));
  if (!schema) {
    reportUnknown([], request, refuse);
    return {
      ...input,
      metadata: isRecord(input['metadata']) ? input['metadata'] : {},
    } as unknown as KubeObject;
  }
  const { value, unknownFields, typeError } = decodeAs(request.kind, schemas, schema, input);
  if (typeError !== undefined) throw refuse(typeError);
  reportUnknown(unknownFields, request, refuse);
  return {
    ...value,
    apiVersion: type.apiVersion,
    kind: type.kind,
    metadata: value['metadata'] ?? {},
  } as KubeObject;
}

/** A Scale or a Binding names the object of the URL, or nothing. */
export function checkPlace({ metadata }: KubeObject, ref: Pick<ObjectRef, 'namespace' | 'name'>): void {
  const { name, namespace } = isRecord(metadata) ? metadata : {};
  if (namespace && namespace !== ref.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (name) checkName(name, ref.name);
}

/** A body names the object of its URL. */
export function checkName(given: unknown, name: string): void {
  if (given === undefined || given === '')
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  const shown = typeof given === 'string' ? given : JSON.stringify(given);
  if (given !== name)
    throw badRequest(`the name of the object (${shown}) does not match the name on the URL (${name})`);
}

/** Strict refuses unknown and repeated fields by `refuse`, Warn reports each, Ignore none. */
export function reportUnknown(
  fields: readonly string[],
  request: Pick<IntakeRequest, 'fieldValidation' | 'context'>,
  refuse: (why: string) => Error,
): void {
  if (request.fieldValidation === 'Ignore') return;
  const { context } = request;
  const texts = context.strict?.(fields) ?? fields.map((field) => `unknown field ${JSON.stringify(field)}`);
  if (texts.length === 0) return;
  if (request.fieldValidation === 'Strict') throw refuse(`strict decoding error: ${texts.join(', ')}`);
  for (const text of texts) context.warn(text);
}

/** Bytes of a body that upstream shows, in hexadecimal, when it is no object. */
const SHOWN_BYTES = 30;

function beginningOf(body: unknown): string {
  const bytes = Buffer.from(JSON.stringify(body) ?? '');
  const more = bytes.length > SHOWN_BYTES ? ' ...' : '';
  return `${bytes.subarray(0, SHOWN_BYTES).toString('hex')}${more}`;
}

/** Upstream's internal package of a group: `core`, `apps`, `coordination`. */
function goPackage(apiVersion: string): string {
  const [group = '', version] = apiVersion.split('/');
  return version === undefined ? 'core' : (group.split('.')[0] ?? group);
}

const versionOf = (apiVersion: string): string => apiVersion.slice(apiVersion.indexOf('/') + 1);

function cannotHandle(type: TypeName, why: string): string {
  return `${type.kind} in version ${JSON.stringify(versionOf(type.apiVersion))} cannot be handled as a ${type.kind}: ${why}`;
}

/** Kind and version may be left out (the URL says them) but not differ. */
function typed(body: Record<string, unknown>, type: TypeName): Record<string, unknown> {
  const apiVersion = body['apiVersion'] ?? type.apiVersion;
  const kind = body['kind'] ?? type.kind;
  for (const [name, value] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ] as const) {
    if (typeof value !== 'string')
      throw badRequest(
        `the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${goKind(value)} into Go struct field .${name} of type string`,
      );
  }
  const given = {
    apiVersion: (apiVersion as string) || type.apiVersion,
    kind: (kind as string) || type.kind,
  };
  if (given.kind !== type.kind) {
    const version = versionOf(given.apiVersion);
    throw badRequest(
      `${given.kind} in version ${JSON.stringify(version)} cannot be handled as a ${type.kind}: converting (${version}.${given.kind}) to (${goPackage(type.apiVersion)}.${type.kind}): unknown conversion`,
    );
  }
  if (given.apiVersion !== type.apiVersion) {
    throw badRequest(
      `the API version in the data (${given.apiVersion}) does not match the expected API version (${type.apiVersion})`,
    );
  }
  return { ...body, ...given };
}

/** The namespace may be left out. */
function placed(object: KubeObject, request: IntakeRequest): KubeObject {
  const { namespace, name, kind } = request;
  const { namespace: bodyNamespace, ...rest } = object.metadata;
  if (kind.namespaced && namespace !== undefined && bodyNamespace && bodyNamespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (name !== undefined) checkName(rest.name, name);
  return { ...object, metadata: { ...rest, ...(namespace === undefined ? {} : { namespace }) } };
}

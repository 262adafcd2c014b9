/**
 * Swagger 2.0 of the whole API, which older clients read: definitions instead of components, bodies
 * among the parameters, and none of the words that came with version 3. Pure.
 */
import { isRecord, ownMember } from '../../base/json.ts';
import { type Components, closure, REFERENCE } from './components.ts';
import type { Operation, OperationPath, SchemaUse } from './operations.ts';
import type { Parameter } from './parameters.ts';
import { componentsUsed, INFO, sharedParameters } from './version-3.ts';

export type Swagger = Readonly<Record<string, unknown>>;

export function documentV2(paths: readonly OperationPath[], components: Components): Swagger {
  const definitions = closure(componentsUsed(paths), components);
  return {
    swagger: '2.0',
    info: INFO,
    paths: Object.fromEntries(
      [...paths]
        .sort((a, b) => (a.path < b.path ? -1 : 1))
        .map((path) => [path.path, pathItem(path)] as const),
    ),
    definitions: Object.fromEntries(
      Object.entries(definitions).map(([name, schema]) => [name, schemaV2(schema)] as const),
    ),
    securityDefinitions: {
      BearerToken: {
        description: 'Bearer Token authentication',
        type: 'apiKey',
        name: 'authorization',
        in: 'header',
      },
    },
    security: [{ BearerToken: [] }],
  };
}

function pathItem(path: OperationPath): Record<string, unknown> {
  const { shared, own } = sharedParameters(path);
  const item: Record<string, unknown> = {};
  for (const operation of path.operations) item[operation.method] = operationV2(operation, own(operation));
  return shared.length > 0 ? { ...item, parameters: shared.map(parameterV2) } : item;
}

function parameterV2({ name, in: where, type }: Parameter): unknown {
  return { uniqueItems: true, type, name, in: where, ...(where === 'path' ? { required: true } : {}) };
}

const useV2 = (use: SchemaUse): unknown =>
  'component' in use ? { $ref: `#/definitions/${use.component}` } : { type: use.type };

function operationV2(operation: Operation, parameters: readonly Parameter[]): unknown {
  const { id, tag, action, gvk, body, answers } = operation;
  const bodyParameter = body
    ? [{ name: 'body', in: 'body', ...(body.required ? { required: true } : {}), schema: useV2(body.schema) }]
    : [];
  const all = [...bodyParameter, ...parameters.map(parameterV2)];
  const responses = Object.entries(answers).map(([code, { description, schema }]) => [
    code,
    { description, ...(schema ? { schema: useV2(schema) } : {}) },
  ]);
  return {
    consumes: body?.consumes ?? ['*/*'],
    produces: answers['200']?.produces ?? [],
    schemes: ['https'],
    tags: [tag],
    operationId: id,
    ...(all.length > 0 ? { parameters: all } : {}),
    responses: Object.fromEntries(responses) as unknown,
    ...(action === undefined ? {} : { 'x-kubernetes-action': action }),
    ...(gvk === undefined ? {} : { 'x-kubernetes-group-version-kind': gvk }),
  };
}

/** Words of JSON Schema that version 2 lacks. Defaults are omitted, as upstream omits them. */
const UNKNOWN_TO_V2: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'default', 'nullable', 'not', 'oneOf']);

const KEEPS_UNKNOWN = 'x-kubernetes-preserve-unknown-fields';
const OBJECT_KINDS = 'x-kubernetes-group-version-kind';

/**
 * Omits everything that such a client would take for the only fields, or the only type. An object
 * that may hold anything is a plain object; inside one, even the type is omitted.
 */
function withoutPromises(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const keepsUnknown = schema[KEEPS_UNKNOWN] === true;
  if (keepsUnknown && schema[OBJECT_KINDS] !== undefined)
    return { type: 'object', [OBJECT_KINDS]: schema[OBJECT_KINDS] };
  const isOpen = keepsUnknown || schema['nullable'] === true;
  const { properties, required, items, type, ...rest } = schema;
  const isBareList = type === 'array' && (isOpen || items === undefined);
  const isTyped = type !== undefined && schema['nullable'] !== true && !isBareList;
  const kept = {
    ...rest,
    ...(isTyped && !(keepsUnknown && type === 'object') ? { type } : {}),
    ...(isOpen || items === undefined ? {} : { items }),
    ...(isOpen || properties === undefined ? {} : { properties }),
  };
  if (!Array.isArray(required)) return kept;
  const mayBeNull = (name: unknown): boolean => {
    const field = isRecord(properties) && typeof name === 'string' ? ownMember(properties, name) : undefined;
    return isRecord(field) && field['nullable'] === true;
  };
  const needed = required.filter((name) => !mayBeNull(name));
  return needed.length === 0 ? kept : { ...kept, required: needed };
}

/** A schema in the words of version 2. */
export function schemaV2(node: unknown): unknown {
  if (!isRecord(node)) return node;
  const wrapped =
    Array.isArray(node['allOf']) && node['allOf'].length === 1 ? (node['allOf'][0] as unknown) : {};
  const flat: Record<string, unknown> = { ...node, ...(isRecord(wrapped) ? wrapped : {}) };
  // A number or a text is written as a text.
  if (flat['type'] === undefined && Array.isArray(flat['oneOf'])) flat['type'] = 'string';
  const kept: Record<string, unknown> = {};
  for (const [word, member] of Object.entries(withoutPromises(flat))) {
    if (UNKNOWN_TO_V2.has(word)) continue;
    if (word === '$ref' && typeof member === 'string')
      kept[word] = member.replace(REFERENCE, '#/definitions/');
    else if (word === 'properties' && isRecord(member))
      kept[word] = Object.fromEntries(Object.entries(member).map(([name, field]) => [name, schemaV2(field)]));
    else if (word === 'items' || word === 'additionalProperties') kept[word] = schemaV2(member);
    else kept[word] = member;
  }
  return kept;
}

/**
 * The OpenAPI documents that clients read: v3 per group and version, v2 as a whole. They are made of the registry (paths) and
 * of upstream's component schemas (types). kubectl looks there for merge keys, and for which requests take
 * `fieldValidation` and `dryRun`.
 */
import { createHash } from 'node:crypto';
import { isRecord } from '../../base/json.ts';
import type { Registry, ResourceKind } from '../../schemas/resource-kind.ts';
import type { TypeSchemas } from './type-schemas.ts';

export interface OpenApiDocuments {
  /** The answer to `/openapi/v3`. */
  readonly index: string;
  /** By path below `/openapi/v3/`: `api/v1`, `apis/apps/v1`. */
  readonly byPath: ReadonlyMap<string, string>;
  readonly v2: string;
}

const REF = '#/components/schemas/';
const INFO = { title: 'Symphony', version: 'v1.36' } as const;

export function buildOpenApi(registry: Registry, schemas: TypeSchemas): OpenApiDocuments {
  const groups = new Map<string, ResourceKind[]>();
  for (const kind of registry.kinds) {
    const path = basePath(kind).slice(1);
    groups.set(path, [...(groups.get(path) ?? []), kind]);
  }
  const byPath = new Map<string, string>();
  const index: Record<string, { serverRelativeURL: string }> = {};
  for (const [path, kinds] of groups) {
    const document = JSON.stringify({
      openapi: '3.0.0',
      info: INFO,
      paths: Object.assign({}, ...kinds.map((kind) => pathsOf(kind, schemas))) as Record<string, unknown>,
      components: { schemas: closure(schemas, kinds) },
    });
    byPath.set(path, document);
    const hash = createHash('sha256').update(document).digest('hex').toUpperCase();
    index[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return { index: JSON.stringify({ paths: index }), byPath, v2: swagger(registry, schemas) };
}

function basePath({ group, version }: ResourceKind): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

const queryParameter = (name: string, type: string): unknown => ({
  name,
  in: 'query',
  schema: { type, uniqueItems: true },
});

const WRITE_PARAMETERS = [
  queryParameter('dryRun', 'string'),
  queryParameter('fieldManager', 'string'),
  queryParameter('fieldValidation', 'string'),
];
const LIST_PARAMETERS = [
  queryParameter('allowWatchBookmarks', 'boolean'),
  queryParameter('continue', 'string'),
  queryParameter('fieldSelector', 'string'),
  queryParameter('labelSelector', 'string'),
  queryParameter('limit', 'integer'),
  queryParameter('resourceVersion', 'string'),
  queryParameter('resourceVersionMatch', 'string'),
  queryParameter('sendInitialEvents', 'boolean'),
  queryParameter('timeoutSeconds', 'integer'),
  queryParameter('watch', 'boolean'),
];
const DELETE_PARAMETERS = [
  queryParameter('dryRun', 'string'),
  queryParameter('gracePeriodSeconds', 'integer'),
  queryParameter('orphanDependents', 'boolean'),
  queryParameter('propagationPolicy', 'string'),
];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

const pathParameter = (name: string): unknown => ({
  name,
  in: 'path',
  required: true,
  schema: { type: 'string', uniqueItems: true },
});

function pathsOf(kind: ResourceKind, schemas: TypeSchemas): Record<string, unknown> {
  const name = schemas.ofKind(kind.group, kind.version, kind.kind)?.name;
  const schema = name === undefined ? { type: 'object' } : { $ref: REF + name };
  const gvk = { group: kind.group, version: kind.version, kind: kind.kind };
  const operation = (action: string, parameters: readonly unknown[], body?: unknown): unknown => ({
    operationId: operationId(action, kind),
    parameters,
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      '200': { description: 'OK', content: { 'application/json': { schema } } },
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
  });
  const body = { content: { '*/*': { schema } }, required: true };
  const patchBody = {
    content: Object.fromEntries(PATCH_TYPES.map((type) => [type, { schema: { type: 'object' } }])),
    required: true,
  };
  const scope = kind.namespaced ? '/namespaces/{namespace}' : '';
  const namespace = kind.namespaced ? [pathParameter('namespace')] : [];
  const collection = `${basePath(kind)}${scope}/${kind.plural}`;
  const paths: Record<string, unknown> = {
    [collection]: {
      get: operation('list', LIST_PARAMETERS),
      post: operation('post', WRITE_PARAMETERS, body),
      delete: operation('deletecollection', [...LIST_PARAMETERS, ...DELETE_PARAMETERS]),
      parameters: namespace,
    },
    [`${collection}/{name}`]: {
      get: operation('get', []),
      put: operation('put', WRITE_PARAMETERS, body),
      patch: operation('patch', [...WRITE_PARAMETERS, queryParameter('force', 'boolean')], patchBody),
      delete: operation('delete', DELETE_PARAMETERS),
      parameters: [...namespace, pathParameter('name')],
    },
  };
  if (kind.namespaced)
    paths[`${basePath(kind)}/${kind.plural}`] = { get: operation('list', LIST_PARAMETERS) };
  return paths;
}

function operationId(action: string, kind: ResourceKind): string {
  const group = kind.group === '' ? 'Core' : capitalised(kind.group.split('.', 1)[0] ?? '');
  return `${action}${group}${capitalised(kind.version)}${kind.namespaced ? 'Namespaced' : ''}${kind.kind}`;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The kinds' schemas and everything that they refer to. */
function closure(schemas: TypeSchemas, kinds: readonly ResourceKind[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const item of node) visit(item);
    if (!isRecord(node)) return;
    const reference = node['$ref'];
    if (typeof reference === 'string' && reference.startsWith(REF)) add(reference.slice(REF.length));
    for (const member of Object.values(node)) visit(member);
  };
  const add = (name: string): void => {
    const schema = schemas.document[name];
    if (!schema || Object.hasOwn(found, name)) return;
    found[name] = schema;
    visit(schema);
  };
  for (const kind of kinds) {
    const name = schemas.ofKind(kind.group, kind.version, kind.kind)?.name;
    if (name !== undefined) add(name);
  }
  return found;
}

/** Swagger 2.0: definitions under their old place, no `oneOf`, and the same paths. */
function swagger(registry: Registry, schemas: TypeSchemas): string {
  const definitions = downgrade(closure(schemas, registry.kinds));
  const paths = Object.fromEntries(
    registry.kinds.flatMap((kind) =>
      Object.keys(pathsOf(kind, schemas)).map((path) => [
        path,
        { get: { responses: { '200': { description: 'OK' } } } },
      ]),
    ),
  );
  return JSON.stringify({ swagger: '2.0', info: INFO, paths, definitions });
}

function downgrade(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(downgrade);
  if (!isRecord(node)) return node;
  const wrapped =
    Array.isArray(node['allOf']) && node['allOf'].length === 1 ? (node['allOf'][0] as unknown) : undefined;
  const flat: Record<string, unknown> = { ...node, ...(isRecord(wrapped) ? wrapped : {}) };
  if (flat['oneOf'] !== undefined) flat['type'] = 'string';
  delete flat['allOf'];
  delete flat['oneOf'];
  return Object.fromEntries(
    Object.entries(flat).map(([key, member]) => [
      key,
      key === '$ref' && typeof member === 'string'
        ? member.replace(REF, '#/definitions/')
        : downgrade(member),
    ]),
  );
}

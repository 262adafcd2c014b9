/**
 * The component schemas of documents: the recorded ones, those that custom kinds bring along, lists
 * of both, and the descriptions where they are known. Pure.
 */
import { isRecord } from '../../base/json.ts';
import type { ServedResource } from '../../schemas/resource-kind.ts';
import { metricsComponents } from '../../resources/decoding/metrics-components.ts';
import type { ResourceSchemas, SchemaUse } from './operations.ts';
import type { TypeSchema, TypeSchemas } from '../../resources/decoding/type-schemas.ts';

/** The texts about a component and about each of its fields. */
export interface TypeDescription {
  readonly text: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}
export type Descriptions = (component: string) => TypeDescription | undefined;

export const REFERENCE = '#/components/schemas/';

export interface Components {
  schemasOf(resource: ServedResource): ResourceSchemas;
  /** A component with its descriptions; undefined where there is none of that name. */
  component(name: string): TypeSchema | undefined;
}

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
/** Its texts on `kind` and `apiVersion` hold for every object. */
const TYPED = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
/** Their texts on `metadata` are the ones that objects and lists without recorded texts have. */
const PLAIN_OBJECT = 'io.k8s.api.core.v1.ConfigMap';
const PLAIN_LIST = 'io.k8s.api.core.v1.PodList';
const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
const WATCH_EVENT = 'io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent';

const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

const useOf = (name: string): SchemaUse => ({ component: name });

/** `com.example.stable.v1.CronTab`, as upstream names the components of custom kinds. */
const customName = ({ group, version, kind }: ServedResource): string =>
  [...group.split('.').reverse(), version, kind].join('.');

/** A custom kind has no recorded component, though the server's own schemas know it. */
const recordedName = (
  schemas: TypeSchemas,
  { group, version, kind, openApiSchema }: ServedResource,
): string | undefined => (openApiSchema ? undefined : schemas.ofKind(group, version, kind)?.name);

export function createComponents(
  resources: readonly ServedResource[],
  schemas: TypeSchemas,
  descriptions: Descriptions,
): Components {
  const made = new Map<string, TypeSchema>();
  const metadataText = (component: string): string | undefined => descriptions(component)?.fields['metadata'];
  const groups = [...new Set(resources.map(({ group, version }) => `${group}/${version}`))].sort();
  for (const name of [DELETE_OPTIONS, WATCH_EVENT]) {
    const schema = schemas.document[name];
    if (schema) made.set(name, { ...schema, 'x-kubernetes-group-version-kind': everywhere(name, groups) });
  }
  for (const resource of resources) {
    const recorded = recordedName(schemas, resource);
    const name = recorded ?? customName(resource);
    if (recorded === undefined) made.set(name, customObject(resource, metadataText(PLAIN_OBJECT)));
    if (!Object.hasOwn(schemas.document, `${name}List`))
      made.set(`${name}List`, listOf(resource, name, metadataText(PLAIN_LIST)));
  }

  return {
    schemasOf(resource) {
      const recorded = recordedName(schemas, resource);
      const name = recorded ?? customName(resource);
      const builtin = name.startsWith('io.k8s.') && !Object.hasOwn(metricsComponents, name);
      return { object: useOf(name), list: useOf(`${name}List`), builtin };
    },
    component(name) {
      const own = made.get(name);
      const schema = own ?? (Object.hasOwn(schemas.document, name) ? schemas.document[name] : undefined);
      return schema && described(schema, descriptions(name), descriptions(TYPED)?.fields ?? {});
    },
  };
}

/** Options of deletion and watch events belong to the core group and to each group. */
function everywhere(component: string, groups: readonly string[]): readonly unknown[] {
  const kind = component.slice(component.lastIndexOf('.') + 1);
  return [...new Set(['/v1', ...groups])].map((text) => {
    const [group = '', version = ''] = text.split('/');
    return { group, kind, version };
  });
}

function customObject(
  { group, version, kind, openApiSchema }: ServedResource,
  metadataText: string | undefined,
): TypeSchema {
  const schema = (openApiSchema ?? { type: 'object' }) as TypeSchema;
  return {
    ...schema,
    type: 'object',
    properties: {
      ...schema.properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: withText({ allOf: [{ $ref: REFERENCE + OBJECT_META }] }, metadataText),
    },
    'x-kubernetes-group-version-kind': [{ group, kind, version }],
  };
}

function listOf(
  { group, version, kind, plural }: ServedResource,
  item: string,
  metadataText: string | undefined,
): TypeSchema {
  return {
    description: `${kind}List is a list of ${kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      items: {
        description: `List of ${plural}. More info: ${CONVENTIONS}`,
        type: 'array',
        items: { $ref: REFERENCE + item },
      },
      kind: { type: 'string' },
      metadata: withText({ allOf: [{ $ref: REFERENCE + LIST_META }] }, metadataText),
    },
    'x-kubernetes-group-version-kind': [{ group, kind: `${kind}List`, version }],
  };
}

function described(
  schema: TypeSchema,
  description: TypeDescription | undefined,
  common: Readonly<Record<string, string>>,
): TypeSchema {
  const { properties } = schema;
  const isObject = schema['x-kubernetes-group-version-kind'] !== undefined;
  if (!description && !isObject) return schema;
  const textOf = (field: string): string | undefined =>
    description?.fields[field] ??
    (isObject && (field === 'kind' || field === 'apiVersion') ? common[field] : undefined);
  return {
    ...(description?.text === undefined ? {} : { description: description.text }),
    ...schema,
    ...(properties
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([field, member]) => [field, withText(member, textOf(field))]),
          ),
        }
      : {}),
  };
}

function withText(member: TypeSchema, text: string | undefined): TypeSchema {
  if (text === undefined || member['description'] !== undefined) return member;
  // Nothing may stand beside a reference: it is wrapped.
  if (member.$ref !== undefined) return { description: text, allOf: [{ $ref: member.$ref }] };
  return { description: text, ...member };
}

/** The named components and everything that they refer to. */
export function closure(names: Iterable<string>, components: Components): Record<string, TypeSchema> {
  const found = new Map<string, TypeSchema>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const item of node) visit(item);
    if (!isRecord(node)) return;
    const reference = node['$ref'];
    if (typeof reference === 'string' && reference.startsWith(REFERENCE))
      add(reference.slice(REFERENCE.length));
    for (const member of Object.values(node)) visit(member);
  };
  const add = (name: string): void => {
    if (found.has(name)) return;
    const schema = components.component(name);
    if (!schema) return;
    found.set(name, schema);
    visit(schema);
  };
  for (const name of names) add(name);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

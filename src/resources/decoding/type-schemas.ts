/**
 * A view of upstream's OpenAPI component schemas (src/schemas/openapi/kubernetes.json) as the API
 * server uses them: merge keys for patches, field names and types for strict decoding, and the
 * documents of `/openapi`.
 *
 * A schema is a node of that document with `$ref` and single `allOf` wrappers followed. Pure; the
 * document is a parameter.
 */
import { isRecord } from '../../base/json.ts';

/** The subset of JSON Schema that Kubernetes' documents use. */
export interface TypeSchema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly allOf?: readonly TypeSchema[];
  readonly properties?: Readonly<Record<string, TypeSchema>>;
  readonly items?: TypeSchema;
  readonly additionalProperties?: TypeSchema | boolean;
  readonly [extension: string]: unknown;
}

export type SchemaDocument = Readonly<Record<string, TypeSchema>>;

export interface ResolvedSchema {
  /** Name of the component, `io.k8s.api.core.v1.PodSpec`, where the node is a reference. */
  readonly name: string | undefined;
  readonly schema: TypeSchema;
  /** Every value of this type is taken as it is. */
  readonly taken?: 'string' | 'boolean' | undefined;
}

export interface PatchMeta {
  /** How a strategic merge patch treats a list. */
  readonly strategies: readonly string[];
  readonly mergeKey: string | undefined;
}

export interface TypeSchemas {
  readonly document: SchemaDocument;
  /** Undefined for kinds that upstream does not have: they patch by JSON merge. */
  ofKind(group: string, version: string, kind: string): ResolvedSchema | undefined;
  resolve(schema: TypeSchema): ResolvedSchema;
  /** The schema of one field of an object (properties, then additionalProperties). */
  field(schema: TypeSchema | undefined, name: string): TypeSchema | undefined;
}

const REF_PREFIX = '#/components/schemas/';

/** The schema of a kind that upstream does not define: of a custom resource. */
export type FindCustomSchema = (group: string, version: string, kind: string) => ResolvedSchema | undefined;

export function createTypeSchemas(
  document: SchemaDocument,
  customSchema: FindCustomSchema = () => undefined,
): TypeSchemas {
  const byKind = new Map<string, string>();
  for (const [name, schema] of Object.entries(document)) {
    const kinds = schema['x-kubernetes-group-version-kind'];
    if (!Array.isArray(kinds) || kinds.length !== 1) continue;
    const entry: unknown = kinds[0];
    if (isRecord(entry))
      byKind.set(`${String(entry['group'])}/${String(entry['version'])}/${String(entry['kind'])}`, name);
  }

  const resolved = new WeakMap<TypeSchema, ResolvedSchema>();

  function resolve(schema: TypeSchema): ResolvedSchema {
    let known = resolved.get(schema);
    if (!known) resolved.set(schema, (known = follow(schema)));
    return known;
  }

  function follow(schema: TypeSchema): ResolvedSchema {
    const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
    if (reference === undefined) return { name: undefined, schema, taken: takenType(schema) };
    const name = reference.slice(REF_PREFIX.length);
    return { name, schema: document[name] ?? {} };
  }

  return {
    document,
    resolve,
    ofKind(group, version, kind) {
      const name = byKind.get(`${group}/${version}/${kind}`);
      const schema = name === undefined ? undefined : document[name];
      return schema ? { name, schema } : customSchema(group, version, kind);
    },
    field(schema, name) {
      if (schema === undefined) return undefined;
      const object = resolve(schema).schema;
      if (object.properties && Object.hasOwn(object.properties, name)) return object.properties[name];
      return typeof object.additionalProperties === 'object' ? object.additionalProperties : undefined;
    },
  };
}

/** Components and formats have rules of their own, such as those of times. */
const takenType = ({ type, format }: TypeSchema): ResolvedSchema['taken'] =>
  format === undefined && (type === 'string' || type === 'boolean') ? type : undefined;

export function patchMeta(schema: TypeSchema | undefined): PatchMeta {
  const strategy = schema?.['x-kubernetes-patch-strategy'];
  const key = schema?.['x-kubernetes-patch-merge-key'];
  return {
    strategies: typeof strategy === 'string' ? strategy.split(',') : [],
    mergeKey: typeof key === 'string' ? key : undefined,
  };
}

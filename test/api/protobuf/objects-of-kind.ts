/**
 * Arbitrary objects of a kind, made of its recorded schema: whatever the schema allows, sensible or
 * not.
 */
import fc from 'fast-check';
import type { SchemaDocument, TypeSchema } from '../../../src/resources/decoding/type-schemas.ts';
import { definitions } from '../../../src/schemas/generated/definitions.js';

const document = definitions as SchemaDocument;
const REFERENCE = '#/components/schemas/';
/** Deeper levels are left out: objects stay small. */
const MAX_DEPTH = 7;

const text = fc.string({ maxLength: 8 });
const present = fc.string({ minLength: 1, maxLength: 8 });
const json: fc.Arbitrary<unknown> = fc.dictionary(present, fc.oneof(text, fc.integer(), fc.boolean()), {
  maxKeys: 3,
  noNullPrototype: true,
});
const instant = fc.date({
  min: new Date('1970-01-01T00:00:00Z'),
  max: new Date('2999-12-31T23:59:59Z'),
  noInvalidDate: true,
});

const SPECIAL: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': instant.map((date) => `${date.toISOString().slice(0, 19)}Z`),
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': fc
    .tuple(instant, fc.integer({ min: 0, max: 999_999 }))
    .map(([date, micro]) => `${date.toISOString().slice(0, 19)}.${String(micro).padStart(6, '0')}Z`),
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': json,
  'io.k8s.apimachinery.pkg.runtime.RawExtension': json,
  'io.k8s.apimachinery.pkg.api.resource.Quantity': fc.constantFrom('0', '1', '500m', '2Gi', '1e3'),
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': fc.oneof(fc.integer({ min: 1, max: 65_535 }), present),
};
const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.';

function component(name: string, depth: number): fc.Arbitrary<unknown> {
  const known = SPECIAL[name];
  if (known) return known;
  switch (name.startsWith(EXTENSIONS) ? name.slice(EXTENSIONS.length) : '') {
    case 'JSON':
      return fc.oneof(text, fc.boolean(), fc.integer(), json);
    case 'JSONSchemaPropsOrArray':
      return component(`${EXTENSIONS}JSONSchemaProps`, depth + 1);
    case 'JSONSchemaPropsOrBool':
      return fc.oneof(fc.boolean(), component(`${EXTENSIONS}JSONSchemaProps`, depth + 1));
    case 'JSONSchemaPropsOrStringArray':
      return fc.array(text, { minLength: 1, maxLength: 2 });
    case 'CustomResourceSubresourceStatus':
      return fc.constant({});
  }
  const schema = document[name];
  if (!schema) throw new Error(`there is no component "${name}"`);
  return value(schema, depth);
}

/** Zeroes only where upstream's JSON keeps them; elsewhere they cannot be told from nothing. */
function value(schema: TypeSchema, depth: number): fc.Arbitrary<unknown> {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (reference !== undefined) return component(reference.slice(REFERENCE.length), depth);
  switch (schema.type) {
    case 'array':
      return fc.array(value(schema.items ?? {}, depth + 1), { minLength: 1, maxLength: 2 });
    case 'boolean':
      return fc.constant(true);
    case 'integer':
      return schema.format === 'int32'
        ? fc.integer({ min: 1, max: 2 ** 31 - 1 })
        : fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    case 'number':
      return fc.double({ min: 0.5, max: 1e9, noNaN: true });
    case 'string':
      return schema.format === 'byte'
        ? fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString('base64'))
        : present;
    default:
      return object(schema, depth);
  }
}

function object(schema: TypeSchema, depth: number): fc.Arbitrary<unknown> {
  const values = schema.additionalProperties;
  if (typeof values === 'object')
    return fc.dictionary(fc.oneof(present, fc.constant('__proto__')), value(values, depth + 1), {
      minKeys: 1,
      maxKeys: 2,
      noNullPrototype: true,
    });
  // The type of an object stands in the envelope, that of an object within another nowhere.
  const isObject = schema['x-kubernetes-group-version-kind'] !== undefined;
  const properties = Object.entries(schema.properties ?? {}).filter(
    ([name]) => !isObject || (name !== 'kind' && name !== 'apiVersion'),
  );
  const members = depth >= MAX_DEPTH ? properties.filter(([, member]) => isLeaf(member)) : properties;
  return fc.subarray(members, { maxLength: Math.min(6, members.length) }).chain((chosen) =>
    fc.record(Object.fromEntries(chosen.map(([name, member]) => [name, value(member, depth + 1)])), {
      noNullPrototype: true,
    }),
  );
}

const isLeaf = ({ type }: TypeSchema): boolean =>
  type === 'string' || type === 'integer' || type === 'boolean';

/** Objects of a component such as `io.k8s.api.core.v1.Pod`, without its type. */
export function objectsOf(name: string): fc.Arbitrary<Record<string, unknown>> {
  return component(name, 0) as fc.Arbitrary<Record<string, unknown>>;
}

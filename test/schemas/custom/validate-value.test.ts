import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fillDefaults } from '../../../src/schemas/custom/fill-defaults.ts';
import { hasFormat } from '../../../src/schemas/values/formats.ts';
import { prune } from '../../../src/schemas/custom/prune.ts';
import { readSchema, type StructuralSchema } from '../../../src/schemas/custom/structural-schema.ts';
import { validateValue } from '../../../src/schemas/custom/validate-value.ts';
import { fieldErrorText } from '../../../src/schemas/errors/status.ts';

const say = (schema: StructuralSchema, value: unknown): readonly string[] =>
  validateValue(schema, value, 'spec').map(fieldErrorText);

it('logic is said of the whole object, with the closest alternative', () => {
  const oneOf = { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] };
  expect(say(oneOf, {})).toEqual([
    '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid',
    'spec.a: Required value',
  ]);
  expect(say(oneOf, { a: 1, b: 1 })).toEqual([
    '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ]);
  expect(say({ not: { required: ['a'] } }, { a: 1 })).toEqual([
    '<nil>: Invalid value: "": "spec" must not validate the schema (not)',
  ]);
  expect(say({ type: 'integer', anyOf: [{ minimum: 5 }, { maximum: 1 }] }, 3)[0]).toBe(
    '<nil>: Invalid value: "": "spec" must validate at least one schema (anyOf)',
  );
});

it.each<[object, readonly string[]]>([
  [{ apiVersion: 'v1', kind: 'Pod' }, []],
  [{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'a', finalizers: ['x'] } }, []],
  [{}, ['apiVersion', 'kind']],
  [{ apiVersion: 1, kind: '' }, ['apiVersion', 'kind']],
  [{ apiVersion: 'a/b/c', kind: 'P_d' }, ['apiVersion', 'kind']],
  [{ apiVersion: 'v1', kind: 'Pod', metadata: 'a' }, ['metadata']],
  [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a/b' } }, ['metadata.name']],
  [{ apiVersion: 'v1', kind: 'Pod', metadata: { labels: { 'a b': 'c' } } }, ['metadata.labels']],
])('an object inside must be fit to be one: %j', (object, fields) => {
  const inner = { type: 'object', 'x-kubernetes-embedded-resource': true } as const;
  const list = { type: 'array', items: inner } as const;
  const map = { type: 'object', additionalProperties: inner } as const;
  const paths = (schema: StructuralSchema, value: unknown): readonly string[] =>
    validateValue(schema, value, 'spec').map(({ path }) => path);
  expect(paths(inner, object)).toEqual(fields.map((field) => `spec.${field}`));
  expect(paths({ type: 'object', properties: { list } }, { list: [object] })).toEqual(
    fields.map((field) => `spec.list[0].${field}`),
  );
  expect(paths(map, { a: object })).toEqual(fields.map((field) => `spec[a].${field}`));
});

it('null is allowed where the schema says so', () => {
  expect(say({ type: 'string', nullable: true }, null)).toEqual([]);
  expect(say({ type: 'string' }, null)).toHaveLength(1);
});

it.each([
  ['date-time', '2024-02-29T10:00:00Z', '2023-02-29T10:00:00Z'],
  ['date', '2024-01-02', '2024-13-02'],
  ['k8s-short-name', 'a-b', 'a.b'],
  ['k8s-long-name', 'a.b', 'A.b'],
  ['bsonobjectid', '0123456789abcdef01234567', '0123'],
  ['ssn', '123-45-6789', '12-345-678'],
  ['ipv4', '10.0.0.1', '10.0.0.256'],
  ['ipv6', 'fd00::1', 'fd00:::1'],
  ['cidr', '10.0.0.0/8', '10.0.0.0/33'],
  ['uuid', '123e4567-e89b-12d3-a456-426614174000', '123e4567'],
  ['hostname', 'a.example.com', '-a'],
  ['byte', 'YQ==', 'Y'],
  ['duration', '1h30m', 'soon'],
  ['email', 'a@example.com', 'a'],
  ['uri', 'https://example.com', 'example'],
  ['mac', '00:11:22:33:44:55', '00:11'],
])('the format %s is checked', (format, good, bad) => {
  expect([hasFormat(format, good), hasFormat(format, bad)]).toEqual([true, false]);
});

it('pruning takes out what is not named, keeps what is preserved, and says what it took', () => {
  const schema: StructuralSchema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } },
          free: {
            type: 'object',
            'x-kubernetes-preserve-unknown-fields': true,
            properties: { known: { type: 'object', properties: {} } },
          },
        },
      },
    },
  };
  const object = { kind: 'X', spec: { list: [{ a: '1', b: 2 }], free: { any: 1, known: { x: 1 } }, no: 1 } };
  expect(prune(schema, object)).toEqual({
    value: { kind: 'X', spec: { list: [{ a: '1' }], free: { any: 1, known: {} } } },
    unknownFields: ['spec.list[0].b', 'spec.free.known.x', 'spec.no'],
  });
});

const anySchema = fc.letrec<{ schema: unknown }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'schema' },
    fc.constant({ type: 'string' }),
    fc.record(
      {
        type: fc.constantFrom('object', 'array', 'string', 'integer', 'nonsense', 5),
        properties: fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), tie('schema'), { maxKeys: 3 }),
        items: tie('schema'),
        additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
        required: fc.oneof(fc.constant('a'), fc.array(fc.constantFrom('a', 'b'))),
        default: fc.jsonValue({ maxDepth: 2 }),
        anyOf: fc.oneof(fc.constant({}), fc.array(tie('schema'), { maxLength: 2 })),
        pattern: fc.constantFrom('^a$', '(', '(?i)x'),
        'x-kubernetes-preserve-unknown-fields': fc.boolean(),
        'x-kubernetes-list-type': fc.constantFrom('map', 'set', 'atomic'),
      },
      { requiredKeys: [] },
    ),
  ),
})).schema;

it('whatever the schema and the value, nothing fails, pruning and defaulting twice change nothing', () => {
  fc.assert(
    fc.property(anySchema, fc.jsonValue({ maxDepth: 3 }), (given, value) => {
      const schema = readSchema(given);
      validateValue(schema, value, 'x');
      const pruned = prune(schema, value).value;
      expect(prune(schema, pruned).value).toBe(pruned);
      // A default may itself hold what more defaults belong into; those come at once.
      const filled = fillDefaults(schema, pruned);
      expect(fillDefaults(schema, filled)).toEqual(filled);
    }),
  );
});

import { expect, it } from 'vitest';
import { customResourceDefinitionKind as kind } from '../../../src/schemas/kinds/custom-resource-definition.ts';
import { validateSchema } from '../../../src/schemas/custom/validate-schema.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { fieldErrorText } from '../../../src/schemas/status.ts';
import { definitionSample } from '../custom-samples.ts';

const say = (schema: unknown): readonly string[] => validateSchema(schema, 's').map(fieldErrorText);
const within = (member: unknown): unknown => ({ type: 'object', properties: { a: member } });
const changed = (change: (spec: Record<string, unknown>) => void): readonly string[] => {
  const copy = structuredClone(definitionSample) as KubeObject & { spec: Record<string, unknown> };
  change(copy.spec);
  return kind.validate(kind.prepareForCreate(kind.withDefaults(copy))).map(fieldErrorText);
};

it.each([
  [{ type: 'array' }, 's.properties[a].items: Required value: must be specified'],
  [
    { type: 'null' },
    's.properties[a].type: Unsupported value: "null": supported values: "array", "boolean", "integer", "number", "object", "string"',
  ],
  [
    { type: 'array', items: { type: 'string' }, uniqueItems: true },
    's.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
  ],
  [
    { type: 'object', properties: { x: { type: 'string' } }, additionalProperties: { type: 'string' } },
    's.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
  ],
  [
    { type: 'object', allOf: [{ type: 'object' }] },
    's.properties[a].allOf[0].type: Forbidden: must be empty to be structural',
  ],
  [
    { type: 'integer', default: 'x' },
    's.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"',
  ],
  [
    { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' },
    's.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
  ],
  [
    { type: 'string', 'x-kubernetes-embedded-resource': true },
    's.properties[a].type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true',
  ],
])('the schema %j is refused', (member, expected) => {
  expect(say(within(member))[0]).toBe(expected);
});

it('an int-or-string may repeat what it is', () => {
  const anyOf = [{ type: 'integer' }, { type: 'string' }];
  expect(say(within({ 'x-kubernetes-int-or-string': true, anyOf }))).toEqual([]);
  expect(say(within({ 'x-kubernetes-int-or-string': true, allOf: [{ anyOf }, { pattern: '^a' }] }))).toEqual(
    [],
  );
});

it('webhooks do not convert, and the answer says what to do', () => {
  const clientConfig = { url: 'https://example.com/convert' };
  const webhook = { conversionReviewVersions: ['v1'], clientConfig };
  expect(changed((spec) => (spec['conversion'] = { strategy: 'Webhook', webhook }))).toEqual([
    'spec.conversion.strategy: Forbidden: Symphony does not convert by webhooks: all versions must have the same form, and the strategy None',
  ]);
});

it('groups of Kubernetes itself need an approval', () => {
  const [first, second] = changed((spec) => (spec['group'] = 'x.k8s.io'));
  expect(first).toContain('must be spec.names.plural+"."+spec.group');
  expect(second).toContain('protected groups must have approval annotation');
});

it('group, plural, and once established scope and kind do not change', () => {
  const established = {
    ...definitionSample,
    status: { conditions: [{ type: 'Established', status: 'True' }] },
  };
  const next = structuredClone(definitionSample) as KubeObject & { spec: Record<string, unknown> };
  next.spec['scope'] = 'Cluster';
  expect(kind.validateUpdate(next, definitionSample)).toEqual([]);
  expect(kind.validateUpdate(next, established).map(({ path }) => path)).toEqual(['spec.scope']);
});

it('fields to select by are single values that the schema names', () => {
  const selecting = (...paths: readonly string[]): readonly string[] =>
    changed((spec) => {
      const [first] = spec['versions'] as Record<string, unknown>[];
      if (first) first['selectableFields'] = paths.map((jsonPath) => ({ jsonPath }));
    });
  expect(selecting('.spec.mode', '.spec.size')).toEqual([]);
  expect(
    selecting('.spec.nope', '.spec.tags[0]', 'spec.mode', '.spec.tags', '', '.spec.mode', '.spec.mode'),
  ).toEqual([
    expect.stringContaining('is an invalid path: does not refer to a valid field'),
    expect.stringContaining('is an invalid path: array notation is not allowed'),
    expect.stringContaining('is an invalid path: expected [ or . but got: spec'),
    expect.stringContaining('must point to a field of type string, boolean or integer.'),
    'spec.versions[0].selectableFields[4].jsonPath: Required value',
    'spec.versions[0].selectableFields[6].jsonPath: Duplicate value: ".spec.mode"',
  ]);
});

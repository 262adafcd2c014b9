import { expect, it } from 'vitest';
import { customResourceDefinitionKind as kind } from '../../../src/schemas/kinds/custom-resource-definition.ts';
import { validateSchema } from '../../../src/schemas/custom/validate-schema.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { fieldErrorText } from '../../../src/schemas/errors/status.ts';
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

const PROPERTY = 's.properties[a]';
const keyed = (member: Record<string, unknown>, more: Record<string, unknown> = {}): unknown => ({
  type: 'array',
  items: { type: 'object', properties: { k: member }, ...more },
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['k'],
});

/** Type and place of what is wrong with a property. */
it.each<[unknown, readonly string[]]>([
  [{ type: 'string', 'x-kubernetes-map-type': 'atomic' }, [`Invalid ${PROPERTY}.type`]],
  [{ type: 'object', additionalProperties: false }, []],
  [
    { type: 'object', additionalProperties: false, properties: { b: { type: 'string' } } },
    [`Forbidden ${PROPERTY}.additionalProperties`],
  ],
  [
    keyed({ type: 'string', nullable: true }, { required: ['k'] }),
    [`Forbidden ${PROPERTY}.items.properties[k].nullable`],
  ],
  [keyed({ type: 'object', default: {} }), [`Invalid ${PROPERTY}.items.properties[k].type`]],
  [keyed({ type: 'string' }), [`Required ${PROPERTY}.items.properties[k].default`]],
  [keyed({ type: 'string', default: 'd' }), []],
  [
    { type: 'array', items: { type: 'array', items: { type: 'string' } }, 'x-kubernetes-list-type': 'set' },
    [],
  ],
  [{ type: 'string', anyOf: [{ type: 'integer' }, { type: 'string' }] }, []],
  [{ type: 'string', 'x-kubernetes-int-or-string': true }, []],
  [
    { type: 'string', allOf: [{ 'x-kubernetes-validations': [{ rule: 'true' }] }] },
    [`Forbidden ${PROPERTY}.allOf[0].x-kubernetes-validations`],
  ],
  [
    {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      properties: {
        metadata: { type: 'object', additionalProperties: { type: 'string', default: 'x' } },
      },
    },
    [`Forbidden ${PROPERTY}.properties[metadata].additionalProperties.default`],
  ],
])('of the property %j it is said: %j', (member, expected) => {
  const found = validateSchema(within(member), 's').map(
    ({ type, path }) => `${type.replace('FieldValue', '')} ${path}`,
  );
  expect(found).toEqual(expected);
});

it('the root of a schema is an object of the API, and says no more with its status apart', () => {
  const at = (schema: unknown, hasStatus = false): readonly string[] =>
    validateSchema(schema, 's', hasStatus).map(({ path }) => path);
  const spec = { type: 'object', required: ['spec'], properties: { spec: { type: 'object' } } };
  expect(at({ type: 'object', additionalProperties: { type: 'string' } })).toEqual([
    's.additionalProperties',
  ]);
  expect(at({ type: 'object', properties: { kind: { type: 'string', default: 'x' } } })).toEqual([
    's.properties[kind].default',
  ]);
  const metadata = { type: 'object', properties: { labels: { type: 'object' } } };
  expect(at({ type: 'object', properties: { metadata } })).toEqual(['s.properties[metadata]']);
  expect(at({ ...spec, anyOf: [{ required: ['spec'] }] })).toEqual([]);
  expect(at({ ...spec, anyOf: [{ required: ['spec'] }] }, true)).toEqual(['s']);
  expect(at(spec, true)).toEqual([]);
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

it.each([
  ['http://a', ["'https' is the only allowed URL scheme"]],
  ['https://', ['host must be specified']],
  ['https://u@a/p?q#f', ['user information', 'fragments', 'query parameters']],
  ['https://a:443/p', ['Symphony does not convert']],
])('of the webhook %s it is said: %j', (url, expected) => {
  const webhook = { conversionReviewVersions: ['v1'], clientConfig: { url } };
  expect(changed((spec) => (spec['conversion'] = { strategy: 'Webhook', webhook }))).toEqual(
    expected.map((text) => expect.stringContaining(text)),
  );
});

it('a service that converts has a name, a namespace, a port and a path', () => {
  const service = { name: '', namespace: 'n', port: 0, path: '/a//b' };
  const webhook = { conversionReviewVersions: ['v1'], clientConfig: { service } };
  const at = 'spec.conversion.webhookClientConfig.service';
  expect(changed((spec) => (spec['conversion'] = { strategy: 'Webhook', webhook }))).toEqual([
    `${at}.name: Required value: service name is required`,
    expect.stringContaining(`${at}.port: Invalid value: 0: port is not valid`),
    `${at}.path: Invalid value: "/a//b": segment[1] may not be empty`,
  ]);
});

it.each([
  [{ deprecated: false, deprecationWarning: '' }, ['can only be set for deprecated versions']],
  [{ deprecated: true, deprecationWarning: '' }, ['must not be an empty string']],
  [{ deprecated: true, deprecationWarning: 'é\n' }, ['non-printable character found at index 2']],
  [{ deprecated: true, deprecationWarning: 'a'.repeat(257) }, ['must be <= 256 characters long']],
  [{ deprecated: true, deprecationWarning: 'gone soon' }, []],
])('of the warning %j it is said: %j', (version, expected) => {
  const errors = changed((spec) => Object.assign((spec['versions'] as object[])[0] ?? {}, version));
  expect(errors).toEqual(expected.map((text) => expect.stringContaining(text)));
});

it('short names and categories are names, and a status asks for accepted names only where it has some', () => {
  expect(changed((spec) => Object.assign(spec['names'] as object, { shortNames: [''] }))).toEqual([
    expect.stringContaining('spec.names.shortNames[0]: Invalid value: ""'),
  ]);
  const status = (acceptedNames: unknown): readonly string[] =>
    (
      kind.validateSubresource?.(
        { ...definitionSample, status: { acceptedNames } },
        definitionSample,
        'status',
      ) ?? []
    ).map(({ path }) => path);
  expect(status({ plural: '', kind: '' })).toEqual([]);
  expect(status({ plural: 'A', kind: 'x y' })).toEqual([
    'status.acceptedNames.plural',
    'status.acceptedNames.kind',
  ]);
});

it('an approval is an address or says that there is none, and stays as it was', () => {
  const approved = (approval: string, before?: string): readonly string[] => {
    const of = (text: string): KubeObject => {
      const copy = structuredClone(definitionSample) as KubeObject & {
        spec: { group: string; names: { plural: string } };
      };
      copy.spec.group = 'x.k8s.io';
      const annotations = { 'api-approved.kubernetes.io': text };
      return {
        ...copy,
        metadata: { ...copy.metadata, name: `${copy.spec.names.plural}.x.k8s.io`, annotations },
      };
    };
    const current = before === undefined ? undefined : kind.prepareForCreate(kind.withDefaults(of(before)));
    return kind
      .validate(kind.prepareForCreate(kind.withDefaults(of(approval))), current)
      .map(({ type }) => type);
  };
  expect(approved('https://github.com/kubernetes/enhancements/pull/1')).toEqual([]);
  expect(approved('unapproved, experimental-only')).toEqual([]);
  expect(approved('yes')).toEqual(['FieldValueInvalid']);
  expect(approved('')).toEqual(['FieldValueRequired']);
  expect(approved('yes', 'no')).toEqual([]);
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
    changed((spec) => {
      const [first] = spec['versions'] as Record<string, unknown>[];
      Object.assign(first ?? {}, { schema: {}, selectableFields: [{ jsonPath: '.spec.mode' }] });
    }),
  ).toContainEqual(expect.stringContaining('spec.versions[0].selectableFields: Invalid value: ""'));
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

import { describe, expect, it } from 'vitest';
import { establishedKinds, requestedKinds } from '../../../src/schemas/custom/custom-kind.ts';
import { compareVersions } from '../../../src/schemas/custom/definition.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { createDynamicRegistry, withDefinitions } from '../../../src/schemas/registry.ts';
import { fieldErrorText } from '../../../src/schemas/errors/status.ts';
import { definitionSample } from '../custom-samples.ts';

const established: KubeObject = {
  ...definitionSample,
  status: {
    acceptedNames: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' },
    conditions: [{ type: 'Established', status: 'True' }],
  },
};
const [v1, v1beta1] = requestedKinds(definitionSample).all as [
  NonNullable<ReturnType<typeof establishedKinds>>['all'][number],
  NonNullable<ReturnType<typeof establishedKinds>>['all'][number],
];
const gadget = (spec: unknown, apiVersion = 'rec.example.com/v1'): KubeObject => ({
  apiVersion,
  kind: 'Gadget',
  metadata: { name: 'g', namespace: 'n' },
  spec,
});
const complaints = (spec: unknown): readonly string[] => v1.validate(gadget(spec)).map(fieldErrorText);

describe('a kind made of a definition', () => {
  it('is none before the definition is established, and has the names that were accepted', () => {
    expect(establishedKinds(definitionSample)).toBeUndefined();
    const kinds = establishedKinds(established);
    expect(kinds?.served.map(({ version, shortNames }) => [version, shortNames])).toEqual([
      ['v1', []],
      ['v1beta1', []],
    ]);
  });

  it('takes defaults at every depth, also in items, and only once', () => {
    const filled = v1.withDefaults(gadget({ size: 1, parts: [{ name: 'a' }], mode: null }));
    expect(filled['spec']).toEqual({
      size: 1,
      replicas: 1,
      mode: 'fast',
      parts: [{ name: 'a', weight: 7 }],
    });
    expect(v1.withDefaults(filled)).toBe(filled);
  });

  it('drops a null that is not allowed and has no default, but not from a list', () => {
    const filled = v1.withDefaults(
      gadget({ size: 1, code: null, labels: { a: null, b: 'x' }, tags: [null] }),
    );
    expect(filled['spec']).toMatchObject({ size: 1, labels: { b: 'x' }, tags: [null] });
    expect(filled['spec']).not.toHaveProperty('code');
    expect((filled['spec'] as { labels: object }).labels).not.toHaveProperty('a');
  });

  it('complains in the words of Kubernetes', () => {
    expect(complaints({ size: 'x' })).toEqual([
      'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    ]);
    expect(complaints({ size: 0 })).toEqual([
      'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
    ]);
    expect(complaints({ size: 1.5 })).toEqual([
      'spec.size: Invalid value: "number": spec.size in body must be of type integer: "number"',
    ]);
    expect(complaints({ size: 1, code: 'ab' })).toEqual([
      `spec.code: Invalid value: "ab": spec.code in body should match '^[0-9]+$'`,
    ]);
    expect(complaints({ size: 1, code: '123456' })).toEqual([
      'spec.code: Too long: may not be more than 5 bytes',
    ]);
    expect(complaints({ size: 1, mode: 'purple', parts: [{ weight: 1 }] })).toEqual([
      'spec.mode: Unsupported value: "purple": supported values: "fast", "slow"',
      'spec.parts[0].name: Required value',
    ]);
    expect(complaints({ size: 1, tags: ['a', 'b', 'a'] })).toEqual(['spec.tags[2]: Duplicate value: "a"']);
    expect(complaints({ size: 1, parts: [{ name: 'a' }, { name: 'a', weight: 2 }] })).toEqual([
      'spec.parts[1]: Duplicate value: {"name":"a"}',
    ]);
    expect(complaints({ size: 1, port: true })).toEqual([
      'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ]);
    expect(complaints({ size: 1, labels: { a: 1 } })).toEqual([
      'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
    ]);
    expect(complaints({ size: 1, template: { kind: 'X' } })).toEqual([
      'spec.template.apiVersion: Required value: must not be empty',
    ]);
    expect(complaints({ size: null })).toEqual([
      'spec.size: Invalid value: "null": spec.size in body must be of type integer: "null"',
    ]);
  });

  it('serves a stored object in each version, and the same object again', () => {
    const stored = gadget({ size: 1, mode: 'slow', replicas: 2, free: { any: 1 } });
    const served = v1beta1.storage?.fromStored(stored);
    expect(served).toEqual(gadget({ size: 1, mode: 'slow' }, 'rec.example.com/v1beta1'));
    expect(v1beta1.storage?.fromStored(stored)).toBe(served);
    expect(v1.storage?.fromStored(stored)).toBe(stored);
    expect(v1beta1.storage?.toStored(served as KubeObject).apiVersion).toBe('rec.example.com/v1');
    expect(v1.storage?.isMain).toBe(true);
  });
});

it('versions come in the order of Kubernetes', () => {
  const sorted = ['foo', 'v1alpha1', 'v10', 'v1beta2', 'v2', 'v11beta2', 'v1', 'bar'].sort(compareVersions);
  expect(sorted).toEqual(['v10', 'v2', 'v1', 'v11beta2', 'v1beta2', 'v1alpha1', 'bar', 'foo']);
});

describe('a registry that changes', () => {
  it('has the kinds of established definitions, tells of each change, and forgets what is gone', () => {
    const registry = createDynamicRegistry();
    let told = 0;
    registry.subscribe(() => (told += 1));
    registry.setDefinitions([definitionSample]);
    expect(registry.byResource('rec.example.com', 'v1', 'gadgets')).toBeUndefined();
    registry.setDefinitions([established]);
    const kind = registry.byResource('rec.example.com', 'v1', 'gadgets');
    expect(kind?.kind).toBe('Gadget');
    expect(registry.stored.filter(({ group }) => group === 'rec.example.com')).toHaveLength(1);
    registry.setDefinitions([established]);
    expect(registry.byResource('rec.example.com', 'v1', 'gadgets')).toBe(kind);
    expect(told).toBe(2);
    registry.setDefinitions([]);
    expect(registry.byKind('rec.example.com/v1', 'Gadget')).toBeUndefined();
  });

  it('keeps what the system serves itself, whatever a definition says', () => {
    const spec = { ...(definitionSample['spec'] as object), group: 'argoproj.io' };
    const names = { plural: 'applications', kind: 'Application', listKind: 'ApplicationList' };
    const taken = {
      ...established,
      spec: { ...spec, names },
      status: { ...(established['status'] as object), acceptedNames: names },
    };
    const registry = createDynamicRegistry();
    const before = registry.kinds.length;
    registry.setDefinitions([taken]);
    expect(registry.kinds).toHaveLength(before);
    expect(registry.byId('applications.argoproj.io')?.custom).toBeUndefined();
  });

  it('can be looked at with definitions that are not established', () => {
    const registry = createDynamicRegistry();
    expect(
      withDefinitions(registry, [definitionSample]).byKind('rec.example.com/v1', 'Gadget')?.namespaced,
    ).toBe(true);
    expect(registry.byKind('rec.example.com/v1', 'Gadget')).toBeUndefined();
  });
});

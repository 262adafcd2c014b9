import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeObject,
  encodeObject,
  encodeWatchEvent,
  hasProtobufForm,
} from '../../../src/api/protobuf/index.ts';
import { schemaNameOf } from '../../../src/schemas/definitions.ts';
import { formatApiVersion } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { objectsOf } from './objects-of-kind.ts';

const RUNS = 60;

const kinds = builtinRegistry.kinds.flatMap(({ group, version, kind }) => {
  const apiVersion = formatApiVersion(group, version);
  const component = schemaNameOf(apiVersion, kind);
  return component?.startsWith('io.k8s.') ? [{ apiVersion, kind, component }] : [];
});
const others = [
  { apiVersion: 'v1', kind: 'Status', component: 'io.k8s.apimachinery.pkg.apis.meta.v1.Status' },
  {
    apiVersion: 'apps/v1',
    kind: 'DeleteOptions',
    component: 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
  },
  { apiVersion: 'autoscaling/v1', kind: 'Scale', component: 'io.k8s.api.autoscaling.v1.Scale' },
  { apiVersion: 'policy/v1', kind: 'Eviction', component: 'io.k8s.api.policy.v1.Eviction' },
  {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    component: 'io.k8s.api.authorization.v1.SubjectAccessReview',
  },
];

describe('protobuf', () => {
  it('is there for every kind of Kubernetes that is served', () => {
    expect(kinds.length).toBeGreaterThan(20);
    expect(kinds.filter(({ apiVersion, kind }) => !hasProtobufForm(apiVersion, kind))).toEqual([]);
  });

  it('is not there for kinds of others', () => {
    expect(hasProtobufForm('argoproj.io/v1alpha1', 'Application')).toBe(false);
    expect(encodeObject({ apiVersion: 'example.com/v1', kind: 'Widget' })).toBeUndefined();
  });

  it.each([...kinds, ...others])(
    'decodes what it encodes: $apiVersion $kind',
    ({ apiVersion, kind, component }) => {
      fc.assert(
        fc.property(objectsOf(component), (fields) => {
          const object = { kind, apiVersion, ...fields };
          const encoded = encodeObject(object);
          expect(encoded && decodeObject(encoded)).toEqual({ result: 'object', value: object });
        }),
        { numRuns: RUNS },
      );
    },
  );

  it('keeps an explicit zero of a field that may be absent, and only of such', () => {
    const pod = {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'p', generateName: '' },
      spec: { automountServiceAccountToken: false, hostNetwork: false, terminationGracePeriodSeconds: 0 },
    };
    const encoded = encodeObject(pod);
    expect(encoded && decodeObject(encoded)).toEqual({
      result: 'object',
      value: {
        ...pod,
        metadata: { name: 'p' },
        spec: { automountServiceAccountToken: false, terminationGracePeriodSeconds: 0 },
      },
    });
  });

  it('frames the events of a watch by their length', () => {
    const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { b: 'c' } };
    const frame = encodeWatchEvent('ADDED', object) ?? Buffer.alloc(0);
    expect(frame.readUInt32BE(0)).toBe(frame.length - 4);
    const inner = encodeObject(object) ?? Buffer.alloc(0);
    expect(frame.includes(inner)).toBe(true);
    expect(frame.subarray(4, 11).toString()).toBe('\n\u0005ADDED');
  });

  it('says what is wrong with bytes that are none', () => {
    expect(decodeObject(Buffer.from('{}'))).toEqual({
      result: 'malformed',
      problem: 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(...kinds),
        (noise, { apiVersion, kind }) => {
          const valid = encodeObject({ apiVersion, kind, metadata: { name: 'a' } }) ?? Buffer.alloc(0);
          const decoded = decodeObject(Buffer.concat([valid.subarray(0, valid.length - 6), noise]));
          expect(['object', 'malformed', 'unknown']).toContain(decoded.result);
        },
      ),
      { numRuns: 500 },
    );
  });
});

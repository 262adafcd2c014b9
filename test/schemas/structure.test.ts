import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closestName } from '../../src/schemas/values/closest-name.ts';
import { schemaNameOf, withoutNulls } from '../../src/schemas/definitions.ts';
import { validators } from '../../src/schemas/generated/validators.js';
import { fieldErrorText } from '../../src/schemas/errors/status.ts';
import { checkStructure, MAX_STRUCTURE_ERRORS } from '../../src/schemas/structure.ts';

const POD = 'io.k8s.api.core.v1.Pod';
const DEPLOYMENT = 'io.k8s.api.apps.v1.Deployment';
const pod = (spec: unknown): unknown => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec });
const container = (fields: object): unknown => pod({ containers: [{ name: 'a', image: 'b', ...fields }] });
const texts = (schema: string, object: unknown): string[] =>
  checkStructure(schema, object).map(fieldErrorText);

describe('checkStructure', () => {
  test('accepts a whole pod, nulls and either form of a quantity, port and time', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', creationTimestamp: null, labels: null, annotations: { x: null } },
      spec: {
        containers: [
          {
            name: 'a',
            resources: { limits: { cpu: 2, memory: '1Gi' } },
            livenessProbe: { httpGet: { port: 'http' } },
            readinessProbe: { httpGet: { port: 80 } },
          },
        ],
      },
      status: { startTime: '2026-01-02T03:04:05Z', containerStatuses: [{}] },
    };
    expect(texts(POD, object)).toEqual([]);
  });

  test.each([
    [
      'an unknown field',
      container({ imagee: 'x' }),
      'spec.containers[0].imagee: Invalid value: unknown field "imagee", did you mean "image"?',
    ],
    [
      'another case',
      container({ volumemounts: [] }),
      'spec.containers[0].volumemounts: Invalid value: unknown field "volumemounts", did you mean "volumeMounts"?',
    ],
    ['a far-off field', container({ zzz: 1 }), 'spec.containers[0].zzz: Invalid value: unknown field "zzz"'],
    [
      'a wrong type',
      container({ stdin: 'yes' }),
      'spec.containers[0].stdin: Invalid value: "yes": must be a boolean, not a string',
    ],
    [
      'a number in a map of texts',
      { ...(pod({ containers: [] }) as object), metadata: { labels: { 'a/b': 3 } } },
      'metadata.labels[a/b]: Invalid value: 3: must be a string, not a number',
    ],
    ['a missing field', pod({ containers: [{}] }), 'spec.containers[0].name: Required value'],
    [
      'an unlisted value',
      container({ imagePullPolicy: 'no' }),
      'spec.containers[0].imagePullPolicy: Unsupported value: "no": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      'a number beyond 32 bits',
      container({ ports: [{ containerPort: 2 ** 31 }] }),
      'spec.containers[0].ports[0].containerPort: Invalid value: 2147483648: must be a 32-bit integer',
    ],
    [
      'a fraction',
      pod({ containers: [], terminationGracePeriodSeconds: 1.5 }),
      'spec.terminationGracePeriodSeconds: Invalid value: 1.5: must be an integer, not a number',
    ],
    [
      'a bad time',
      { metadata: { creationTimestamp: 'today' } },
      'metadata.creationTimestamp: Invalid value: "today": must be a time as RFC 3339 writes it, such as 2026-01-02T03:04:05Z',
    ],
    [
      'an object for a list',
      pod({ containers: {} }),
      'spec.containers: Invalid value: must be a list, not an object',
    ],
    [
      'a null item',
      pod({ containers: [null] }),
      'spec.containers[0]: Invalid value: must be an object, not null',
    ],
    ['a list', [], 'Invalid value: must be an object, not a list'],
  ])('%s is one error with its path', (_, object, expected) => {
    expect(texts(POD, object)).toEqual([expected]);
  });

  test("a Secret's values stay out of errors", () => {
    const errors = checkStructure('io.k8s.api.core.v1.Secret', {
      data: { a: 'not base64!' },
      stringData: { b: 7 },
    });
    expect(errors).toHaveLength(2);
    expect(JSON.stringify(errors)).not.toMatch(/not base64!|"value"/);
  });

  test("an Application has Argo CD's fields and no others", () => {
    const name = schemaNameOf('argoproj.io/v1alpha1', 'Application') ?? '';
    const spec = {
      project: 'default',
      source: { repoURL: 'x', path: '.' },
      destination: {},
      syncPolicy: { automated: { prune: true } },
    };
    expect(texts(name, { metadata: { name: 'a' }, spec })).toEqual([]);
    expect(texts(name, { metadata: {}, spec: { ...spec, syncPolcy: {} } })[0]).toContain(
      'did you mean "syncPolicy"?',
    );
  });

  test('deep, wide and hostile objects are bounded', () => {
    let deep: unknown = {};
    for (let i = 0; i < 100_000; i++) deep = { a: deep };
    expect(texts(POD, deep)).toEqual(['Invalid value: must not be nested deeper than 200 levels']);
    const wide = pod({ containers: Array.from({ length: 50_000 }, () => ({ bad: 1 })) });
    expect(checkStructure(POD, wide).length).toBeLessThanOrEqual(MAX_STRUCTURE_ERRORS);
    expect(texts(POD, JSON.parse('{"__proto__": {"a": 1}, "constructor": 1}'))).toHaveLength(2);
    const long = container({ ['x'.repeat(100_000)]: 1, image: { a: 1 } });
    expect(JSON.stringify(checkStructure(POD, long)).length).toBeLessThan(1000);
  });

  test('a schema that does not exist is a bug', () => {
    expect(() => checkStructure('no.such.Kind', {})).toThrow('No schema is named "no.such.Kind"');
  });

  test('never throws on any JSON, for any kind', () => {
    const names = Object.keys(validators);
    const key = fc.constantFrom(
      'spec',
      'metadata',
      'template',
      'containers',
      'name',
      'data',
      'status',
      'x',
      'labels',
    );
    const value = fc.letrec((tie) => ({
      json: fc.oneof(
        { depthSize: 'medium' },
        fc.constantFrom(null, true, 0, -1, 1.5, '', 'a'),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(key, tie('json'), { maxKeys: 4 }),
      ),
    })).json;
    fc.assert(
      fc.property(fc.constantFrom(...names), value, (name, object) => {
        for (const error of checkStructure(name, object)) expect(fieldErrorText(error)).not.toBe('');
      }),
      { numRuns: 500 },
    );
  });
});

test('withoutNulls drops null members, keeps text maps and list items', () => {
  const object = { metadata: { name: 'a', labels: { x: null } }, spec: null };
  expect(withoutNulls(DEPLOYMENT, object)).toEqual({ metadata: { name: 'a', labels: { x: '' } } });
  const clean = { metadata: { name: 'a' } };
  expect(withoutNulls(DEPLOYMENT, clean)).toBe(clean);
});

test.each([
  ['imagee', 'image'],
  ['imgae', 'image'],
  ['containerport', 'containerPort'],
  ['zebra', undefined],
  ['x'.repeat(1000), undefined],
])('the closest name to %s is %s', (name, expected) => {
  expect(closestName(name, ['image', 'images', 'containerPort'])).toBe(expected);
});

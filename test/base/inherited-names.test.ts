/**
 * Users choose names that every JavaScript object inherits; such a key is data like any other,
 * present or absent.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTypeSchemas, type SchemaDocument } from '../../src/resources/decoding/type-schemas.ts';
import { applyJsonPatch } from '../../src/resources/patch/json-patch.ts';
import { applyMergePatch } from '../../src/resources/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../src/resources/patch/strategic-merge-patch.ts';
import { jsonClone, jsonEqual, stableStringify } from '../../src/base/json.ts';
import { mergeDesired } from '../../src/diff/merge.ts';
import { fieldChanges } from '../../src/diff/field-changes.ts';
import { normaliseDesired } from '../../src/diff/normalise.ts';
import { definitions } from '../../src/schemas/generated/definitions.js';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { matchesLabelSelector } from '../../src/schemas/values/selectors.ts';

const NAMES = [
  'constructor',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'isPrototypeOf',
  'toLocaleString',
  '__proto__',
  '__defineGetter__',
  'a',
];
type Data = Record<string, string>;
const data = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('1', '2')), { maxLength: 5 })
  .map((pairs): Data => Object.fromEntries(pairs));
/** The text decides: a comparison of objects would itself fall for the prototype. */
const text = (value: unknown): string => stableStringify(value);
const configMap = (values: Data): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'default' },
  ...(Object.keys(values).length === 0 ? {} : { data: values }),
});
const schemas = createTypeSchemas(definitions as SchemaDocument);
const schema = schemas.ofKind('', 'v1', 'ConfigMap')!.schema;

describe('keys that every object inherits', () => {
  it('decide whether values are equal', () => {
    expect(jsonEqual({}, { constructor: 1 })).toBe(false);
    fc.assert(fc.property(data, data, (a, b) => jsonEqual(a, b) === (text(a) === text(b))));
  });

  it('are copied', () => {
    fc.assert(fc.property(data, (a) => text(jsonClone(a)) === text(a)));
  });

  it('are set, changed and removed by the three-way merge, and shown by the diff', () => {
    fc.assert(
      fc.property(data, data, data, (before, after, theirs) => {
        const applied = mergeDesired(configMap({}), normaliseDesired(configMap(before)), 'a/b');
        const others = Object.entries(theirs).filter(([key]) => !Object.hasOwn(before, key));
        const live = { ...applied, data: Object.fromEntries([...Object.entries(before), ...others]) };
        const next = mergeDesired(live, normaliseDesired(configMap(after)), 'a/b');
        const wanted = Object.fromEntries([...others, ...Object.entries(after)]);
        expect(text(next['data'] ?? {})).toBe(text(wanted));
        expect(fieldChanges(live, next).length > 0).toBe(text(live.data) !== text(wanted));
      }),
    );
  });

  it('are taken out of the stringData of a Secret', () => {
    const secret = builtinRegistry.byKind('v1', 'Secret')!;
    fc.assert(
      fc.property(data, data, (stringData, before) => {
        const made = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: before, stringData };
        const encoded = Object.entries(stringData).map(([key, value]) => [
          key,
          Buffer.from(value).toString('base64'),
        ]);
        const wanted = Object.fromEntries([...Object.entries(before), ...(encoded as [string, string][])]);
        expect(text(secret.withDefaults(made)['data'] ?? {})).toBe(text(wanted));
      }),
    );
  });

  it('are set and removed by every kind of patch', () => {
    const pointer = (key: string): string => `/${key}`;
    fc.assert(
      fc.property(data, data, (before, after) => {
        const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
        const change = Object.fromEntries([...Object.entries(after), ...gone.map((key) => [key, null])]);
        expect(text(applyMergePatch(before, change))).toBe(text(after));
        const merged = applyStrategicMergePatch({ data: before }, { data: change }, schemas, schema);
        expect(text(merged['data'])).toBe(text(after));
        const operations = [
          ...Object.entries(after).map(([key, value]) => ({ op: 'add', path: pointer(key), value })),
          ...gone.map((key) => ({ op: 'remove', path: pointer(key) })),
        ];
        expect(text(applyJsonPatch(before, operations))).toBe(text(after));
      }),
    );
  });

  it('select by their values, and are absent where nobody set them', () => {
    fc.assert(
      fc.property(data, fc.constantFrom(...NAMES), (labels, key) => {
        const has = Object.hasOwn(labels, key);
        const exists = { matchExpressions: [{ key, operator: 'Exists' }] };
        expect(matchesLabelSelector(exists, labels)).toBe(has);
        const matchLabels = Object.fromEntries([[key, '1']]);
        expect(matchesLabelSelector({ matchLabels }, labels)).toBe(has && labels[key] === '1');
      }),
    );
  });
});

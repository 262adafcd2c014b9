import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countOf,
  decodeFields,
  difference,
  encodeFields,
  type FieldSet,
  intersection,
  NO_FIELDS,
  pathTexts,
  union,
  unionOf,
} from '../../../src/resources/managed-fields/field-set.ts';

const element = fc.oneof(
  fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme-ascii' }).map((name) => `f:${name}`),
  fc.string({ maxLength: 8, unit: 'grapheme-ascii' }).map((name) => `k:${JSON.stringify({ name })}`),
  fc.string({ maxLength: 8, unit: 'grapheme-ascii' }).map((value) => `v:${JSON.stringify(value)}`),
);
const single = (elements: readonly string[]): FieldSet =>
  elements.reduceRight<FieldSet>((below, name) => ({ member: false, children: new Map([[name, below]]) }), {
    member: true,
    children: new Map(),
  });
const paths = fc.array(fc.array(element, { minLength: 1, maxLength: 5 }), { maxLength: 12 });
const setOf = (all: readonly (readonly string[])[]): FieldSet => unionOf(all.map(single));
const sets = paths.map(setOf);
/** Few names, so that sets have much in common. */
const few = fc
  .array(fc.array(fc.constantFrom('f:a', 'f:b', 'f:c'), { minLength: 1, maxLength: 3 }), { maxLength: 12 })
  .map((all) => [...new Set(all.map((elements) => elements.join(' ')))]);
const fromTexts = (all: readonly string[]): FieldSet => setOf(all.map((text) => text.split(' ')));
const textsOf = (set: FieldSet): string[] =>
  [...pathTexts(set)].map((text) => text.slice(1).replaceAll('.', ' ')).sort();
const plain = (all: readonly string[]): string[] => all.map((text) => text.replaceAll('f:', '')).sort();

describe('sets of fields', () => {
  it('are the same after they were written as FieldsV1 and read again', () =>
    fc.assert(
      fc.property(sets, (set) => {
        expect(decodeFields(JSON.parse(JSON.stringify(encodeFields(set))))).toEqual(set);
      }),
    ));

  it('take no JSON that is no record of fields, and throw at none', () =>
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const set = decodeFields(value);
        expect(set === undefined || set.children instanceof Map).toBe(true);
      }),
    ));

  it('are combined as sets of paths are', () =>
    fc.assert(
      fc.property(few, few, (a, b) => {
        const [first, second] = [fromTexts(a), fromTexts(b)];
        expect(textsOf(union(first, second))).toEqual(plain([...new Set([...a, ...b])]));
        expect(textsOf(unionOf([first, NO_FIELDS, second]))).toEqual(plain([...new Set([...a, ...b])]));
        expect(textsOf(difference(first, second))).toEqual(plain(a.filter((path) => !b.includes(path))));
        expect(textsOf(intersection(first, second))).toEqual(plain(a.filter((path) => b.includes(path))));
        expect(countOf(first)).toBe(a.length);
        // No set has a part without anything.
        for (const set of [difference(first, second), intersection(first, second)])
          expect(decodeFields(encodeFields(set))).toEqual(set);
      }),
    ));

  it('name their members as messages do', () => {
    const set = setOf([
      ['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}', 'f:name'],
      ['f:metadata', 'f:finalizers', 'v:"a"'],
    ]);
    expect([...pathTexts(set)]).toEqual([
      '.spec.ports[port=80,protocol="TCP"].name',
      '.metadata.finalizers[="a"]',
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  childPath,
  decodeFields,
  encodeFields,
  pathOf,
  pathText,
} from '../../../src/api/managed/field-set.ts';

const element = fc.oneof(
  fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme-ascii' }).map((name) => `f:${name}`),
  fc.string({ maxLength: 8, unit: 'grapheme-ascii' }).map((name) => `k:${JSON.stringify({ name })}`),
  fc.string({ maxLength: 8, unit: 'grapheme-ascii' }).map((value) => `v:${JSON.stringify(value)}`),
);
const sets = fc
  .array(fc.array(element, { minLength: 1, maxLength: 5 }), { maxLength: 12 })
  .map((paths) => new Set(paths.map((elements) => pathOf(...elements))));

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
        expect(set === undefined || set instanceof Set).toBe(true);
      }),
    ));

  it('name their members as messages do', () => {
    const path = childPath(pathOf('f:spec', 'f:ports'), 'k:{"port":80,"protocol":"TCP"}');
    expect(pathText(childPath(path, 'f:name'))).toBe('.spec.ports[port=80,protocol="TCP"].name');
    expect(pathText(pathOf('f:metadata', 'f:finalizers', 'v:"a"'))).toBe('.metadata.finalizers[="a"]');
  });
});

/**
 * JSON merge patch against RFC 7386: the table of its appendix A, and laws that hold for every pair
 * of documents.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyMergePatch } from '../../../src/resources/patch/merge-patch.ts';

/** Original, patch, result. */
const table: readonly (readonly [unknown, unknown, unknown])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

type Json = ReturnType<typeof JSON.parse>;
const key = fc.stringMatching(/^[a-d]$/);
const { value: document } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer(),
    fc.string({ maxLength: 3 }),
    fc.boolean(),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const object = fc.dictionary(key, document, { noNullPrototype: true });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The patch that makes `to` of `from`; neither holds a null. */
function patchBetween(from: unknown, to: unknown): unknown {
  if (!isObject(from) || !isObject(to)) return to;
  const members = [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((name) => {
    if (!(name in to)) return [[name, null] as const];
    if (!(name in from)) return [[name, to[name]] as const];
    return [[name, patchBetween(from[name], to[name])] as const];
  });
  return Object.fromEntries(members);
}

describe('a merge patch', () => {
  it.each(table)('of %j with %j is %j', (original, patch, result) => {
    const before = structuredClone(original);
    expect(applyMergePatch(original, patch)).toEqual(result);
    expect(original).toEqual(before);
  });

  it('made of two documents leads from one to the other', () => {
    fc.assert(
      fc.property(object, object, (from, to) => {
        expect(applyMergePatch(from, patchBetween(from, to))).toEqual(to);
      }),
    );
  });

  it('applied twice is applied once', () => {
    fc.assert(
      fc.property(object, fc.dictionary(key, fc.oneof(document, fc.constant(null))), (target, patch) => {
        const once = applyMergePatch(target, patch);
        expect(applyMergePatch(once, patch)).toEqual(once);
      }),
    );
  });

  it('cannot reach a prototype', () => {
    applyMergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

/**
 * JSON Patch against RFC 6902: its documented examples (appendix A), and laws that hold for every
 * document.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyJsonPatch } from '../../../src/resources/patch/json-patch.ts';

interface Example {
  readonly what: string;
  readonly document: unknown;
  readonly patch: unknown;
  /** Absent: the patch is refused. */
  readonly result?: unknown;
}

const examples: readonly Example[] = [
  {
    what: 'A.1 adding a member',
    document: { foo: 'bar' },
    patch: [{ op: 'add', path: '/baz', value: 'qux' }],
    result: { baz: 'qux', foo: 'bar' },
  },
  {
    what: 'A.2 adding an element',
    document: { foo: ['bar', 'baz'] },
    patch: [{ op: 'add', path: '/foo/1', value: 'qux' }],
    result: { foo: ['bar', 'qux', 'baz'] },
  },
  {
    what: 'A.3 removing a member',
    document: { baz: 'qux', foo: 'bar' },
    patch: [{ op: 'remove', path: '/baz' }],
    result: { foo: 'bar' },
  },
  {
    what: 'A.4 removing an element',
    document: { foo: ['bar', 'qux', 'baz'] },
    patch: [{ op: 'remove', path: '/foo/1' }],
    result: { foo: ['bar', 'baz'] },
  },
  {
    what: 'A.5 replacing a value',
    document: { baz: 'qux', foo: 'bar' },
    patch: [{ op: 'replace', path: '/baz', value: 'boo' }],
    result: { baz: 'boo', foo: 'bar' },
  },
  {
    what: 'A.6 moving a value',
    document: { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    patch: [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    result: { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  },
  {
    what: 'A.7 moving an element',
    document: { foo: ['all', 'grass', 'cows', 'eat'] },
    patch: [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    result: { foo: ['all', 'cows', 'eat', 'grass'] },
  },
  {
    what: 'A.8 testing, with success',
    document: { baz: 'qux', foo: ['a', 2, 'c'] },
    patch: [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    result: { baz: 'qux', foo: ['a', 2, 'c'] },
  },
  {
    what: 'A.9 testing, without',
    document: { baz: 'qux' },
    patch: [{ op: 'test', path: '/baz', value: 'bar' }],
  },
  {
    what: 'A.10 adding a nested member',
    document: { foo: 'bar' },
    patch: [{ op: 'add', path: '/child', value: { grandchild: {} } }],
    result: { foo: 'bar', child: { grandchild: {} } },
  },
  {
    what: 'A.11 ignoring what the standard does not name',
    document: { foo: 'bar' },
    patch: [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
    result: { foo: 'bar', baz: 'qux' },
  },
  {
    what: 'A.12 adding below what is not there',
    document: { foo: 'bar' },
    patch: [{ op: 'add', path: '/baz/bat', value: 'qux' }],
  },
  {
    what: 'A.14 escaped names',
    document: { '/': 9, '~1': 10 },
    patch: [{ op: 'test', path: '/~01', value: 10 }],
    result: { '/': 9, '~1': 10 },
  },
  {
    what: 'A.15 comparing strings and numbers',
    document: { '/': 9, '~1': 10 },
    patch: [{ op: 'test', path: '/~01', value: '10' }],
  },
  {
    what: 'A.16 adding a list to a list',
    document: { foo: ['bar'] },
    patch: [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
    result: { foo: ['bar', ['abc', 'def']] },
  },
  { what: 'an index beyond the end', document: { a: [1] }, patch: [{ op: 'add', path: '/a/5', value: 1 }] },
  { what: 'replacing what is not there', document: {}, patch: [{ op: 'replace', path: '/a', value: 1 }] },
  { what: 'an unknown operation', document: {}, patch: [{ op: 'merge', path: '/a', value: 1 }] },
  {
    what: 'a member of a prototype',
    document: {},
    patch: [{ op: 'add', path: '/__proto__/polluted', value: true }],
  },
  ...['constructor', 'toString', 'hasOwnProperty'].flatMap((key) => [
    {
      what: `adding ${key}`,
      document: {},
      patch: [{ op: 'add', path: `/${key}`, value: 'x' }],
      result: { [key]: 'x' },
    },
    { what: `removing ${key} where it is not`, document: {}, patch: [{ op: 'remove', path: `/${key}` }] },
    {
      what: `replacing ${key} where it is not`,
      document: {},
      patch: [{ op: 'replace', path: `/${key}`, value: 1 }],
    },
    {
      what: `copying ${key} where it is not`,
      document: {},
      patch: [{ op: 'copy', from: `/${key}`, path: '/a' }],
    },
  ]),
  { what: 'a path without a slash', document: { a: 1 }, patch: [{ op: 'remove', path: 'a' }] },
  { what: 'an index with a leading zero', document: { a: [1] }, patch: [{ op: 'remove', path: '/a/00' }] },
];

const name = fc.stringMatching(/^[a-z~/]{1,6}$/);
const flat = fc.dictionary(name, fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)), {
  noNullPrototype: true,
});
const pointer = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;

describe('a JSON patch', () => {
  for (const { what, document, patch, result } of examples)
    it(what, () => {
      const before = structuredClone(document);
      if (result === undefined) expect(() => applyJsonPatch(document, patch)).toThrow();
      else expect(applyJsonPatch(document, patch)).toEqual(result);
      expect(document).toEqual(before);
    });

  it('that adds a member and removes it again leaves every document as it was', () => {
    fc.assert(
      fc.property(flat, name, fc.jsonValue(), (document, key, value) => {
        fc.pre(!(key in document));
        const path = pointer(key);
        const added = applyJsonPatch(document, [{ op: 'add', path, value }]);
        expect(added).toEqual({ ...document, [key]: value });
        expect(applyJsonPatch(added, [{ op: 'remove', path }])).toEqual(document);
      }),
    );
  });

  it('that moves a member is the one that copies and then removes it', () => {
    fc.assert(
      fc.property(flat, name, (document, to) => {
        const [from] = Object.keys(document);
        fc.pre(from !== undefined && from !== to);
        const moved = applyJsonPatch(document, [{ op: 'move', from: pointer(from), path: pointer(to) }]);
        const copied = applyJsonPatch(document, [
          { op: 'copy', from: pointer(from), path: pointer(to) },
          { op: 'remove', path: pointer(from) },
        ]);
        expect(moved).toEqual(copied);
      }),
    );
  });

  it('that is anything else is refused with a Status, never with a crash', () => {
    fc.assert(
      fc.property(flat, fc.jsonValue({ maxDepth: 3 }), (document, patch) => {
        try {
          applyJsonPatch(document, Array.isArray(patch) ? patch : [patch]);
        } catch (error) {
          expect((error as { code?: number }).code).toBeGreaterThanOrEqual(400);
          expect((error as { code?: number }).code).toBeLessThan(500);
        }
      }),
    );
  });
});

it('a patch is as it was when it has been applied, and can be applied again', () => {
  const patch = [
    { op: 'add', path: '/a', value: { b: 1 } },
    { op: 'replace', path: '/a/b', value: 2 },
    { op: 'add', path: '/list', value: [] },
    { op: 'add', path: '/list/-', value: 'x' },
  ];
  const before = structuredClone(patch);
  expect(applyJsonPatch({}, patch)).toEqual({ a: { b: 2 }, list: ['x'] });
  expect(patch).toEqual(before);
});

describe('a hostile patch', () => {
  it.each(['', '/a', '/a/b'])('cannot move %j into itself', (from) => {
    const patch = [{ op: 'move', from, path: `${from}/x` }];
    expect(() => applyJsonPatch({ a: { b: {} } }, patch)).toThrow('rejected our request');
  });

  it('cannot double a document without end', () => {
    const document = { text: 'x'.repeat(500_000) };
    const double = (index: number) => ({ op: 'copy', from: '', path: `/copy${index}` });
    expect(JSON.stringify(applyJsonPatch(document, [double(0)]))).toHaveLength(1_000_031);
    const patch = Array.from({ length: 8 }, (_, index) => double(index));
    expect(() => applyJsonPatch(document, patch)).toThrow('rejected our request');
  });

  it('of many small copies costs what the copies cost, not the document each time', () => {
    const document = { data: Array.from({ length: 100_000 }, (_, index) => `value ${index}`), small: 1 };
    const patch = Array.from({ length: 10_000 }, (_, index) => ({
      op: 'copy',
      from: '/small',
      path: `/c${index}`,
    }));
    expect(Object.keys(applyJsonPatch(document, patch) as object)).toHaveLength(10_002);
  });
});

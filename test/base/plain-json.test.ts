import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import fc from 'fast-check';
import { plainJson } from '../../src/base/plain-json.ts';

it('is the value as its JSON would be parsed, whatever it is', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(undefined, null, true, 'text', 7, Number.NaN),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), tie('any'), {
        noNullPrototype: true,
      }),
    ),
  })).any;
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('metadata', 'spec'), value, { noNullPrototype: true }),
      (object) => {
        const shown = (one: unknown): string => inspect(one, { depth: null });
        // Twice: what was found plain once must be plain for good.
        for (const again of [1, 2])
          expect([again, shown(plainJson(object))]).toEqual([
            again,
            shown(JSON.parse(JSON.stringify(object))),
          ]);
      },
    ),
  );
});

it('shares what has nothing to lose', () => {
  const object = { metadata: { name: 'a' }, spec: { containers: [{ name: 'main' }] } };
  expect(plainJson(object)).toBe(object);
  const other = { metadata: { name: 'b', labels: undefined }, spec: object.spec };
  expect('labels' in plainJson(other).metadata).toBe(false);
});

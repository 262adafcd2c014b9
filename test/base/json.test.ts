import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonClone } from '../../src/base/json.ts';

it('copies a JSON value deeply, whatever its members are called', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const parsed: unknown = JSON.parse(JSON.stringify(value));
      expect(JSON.stringify(jsonClone(parsed))).toBe(JSON.stringify(parsed));
    }),
  );
});

it('takes a member called __proto__ for a member', () => {
  const copy = jsonClone(JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>);
  expect(JSON.stringify(copy)).toBe('{"__proto__":{"admin":true}}');
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  expect(copy['admin']).toBeUndefined();
});

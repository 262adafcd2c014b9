import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  QUANTITY_MESSAGES,
  type Quantity,
  readQuantity,
  subtractQuantities,
  toBytes,
  toMilli,
} from '../../../src/schemas/values/quantity.ts';

const canonical = (input: unknown): string | undefined => {
  const quantity = parseQuantity(input);
  return quantity && formatQuantity(quantity);
};

describe('quantities', () => {
  it.each([
    ['0', '0'],
    ['0Mi', '0'],
    ['1', '1'],
    [1, '1'],
    [0.5, '500m'],
    [1.5, '1500m'],
    ['1.5', '1500m'],
    ['0.1m', '100u'],
    ['1000m', '1'],
    ['1000', '1k'],
    ['123000', '123k'],
    ['1024', '1024'],
    ['1024Ki', '1Mi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['0.5Mi', '512Ki'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['12e-1', '1200e-3'],
    ['1E', '1E'],
    ['-1', '-1'],
    ['+5', '5'],
    ['.5', '500m'],
    ['5.', '5'],
    ['1n', '1n'],
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
    ['9223372036854775807', '9223372036854775807'],
    ['1e999', '9223372036854775807'],
  ])('%s is written as %s', (input, expected) => {
    expect(canonical(input)).toBe(expected);
  });

  it.each([
    ['', 'format'],
    [' 1', 'format'],
    ['1 ', 'format'],
    ['1.2.3', 'format'],
    ['abc', 'format'],
    ['--1', 'format'],
    ['.', 'format'],
    [true, 'format'],
    [null, 'format'],
    [{}, 'format'],
    [Number.NaN, 'format'],
    ['9'.repeat(10_000), 'format'],
    ['1KiKi', 'suffix'],
    ['1mi', 'suffix'],
    ['1ki', 'suffix'],
    ['1K', 'suffix'],
  ] as const)('%j is refused for its %s', (input, error) => {
    const read = readQuantity(input);
    expect(typeof read === 'string' && QUANTITY_MESSAGES[read]).toBe(QUANTITY_MESSAGES[error]);
  });

  it('counts millicores and bytes, rounded up', () => {
    expect([toMilli('1'), toMilli('250m'), toMilli('0.1m'), toMilli('x')]).toEqual([1000, 250, 1, 0]);
    expect([toBytes('64Mi'), toBytes('1k'), toBytes('1500m'), toBytes('-1500m')]).toEqual([
      67_108_864, 1000, 2, -1,
    ]);
  });

  const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'e-3');
  const text = fc
    .tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.nat({ max: 999 }), fc.boolean(), suffix)
    .map(([whole, fraction, hasFraction, end]) => `${whole}${hasFraction ? `.${fraction}` : ''}${end}`);
  const read = (value: string): Quantity => parseQuantity(value) ?? expect.fail(`"${value}" was refused`);

  it('keep their value through the canonical form, which is its own canonical form', () => {
    fc.assert(
      fc.property(text, (value) => {
        const once = formatQuantity(read(value));
        expect(compareQuantities(read(once), read(value))).toBe(0);
        expect(canonical(once)).toBe(once);
      }),
    );
  });

  it('compare as their differences do, and adding undoes subtracting', () => {
    fc.assert(
      fc.property(text, text, (left, right) => {
        const [a, b] = [read(left), read(right)];
        const difference = subtractQuantities(a, b);
        expect(compareQuantities(a, b)).toBe(Math.sign(Number(difference.nanos)) + 0);
        expect(addQuantities(difference, b).nanos).toBe(a.nanos);
      }),
    );
  });

  it('never throw, whatever they are read from', () => {
    fc.assert(fc.property(fc.anything(), (input) => void canonical(input)));
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789.eEinumkKMGTP+-'.split('')) }),
        (input) => void canonical(input),
      ),
    );
  });
});

/** The number of elements or characters as a range; sums and products saturate. Pure. */

/** Upstream counts in 64 bits: nothing is larger. */
export const LARGEST = 2 ** 64;

export interface Size {
  readonly min: number;
  readonly max: number;
}

export const UNKNOWN: Size = { min: 0, max: LARGEST };
export const NOTHING: Size = { min: 0, max: 0 };
export const fixed = (count: number): Size => ({ min: count, max: count });
export const ONE = fixed(1);

export const sum = (...numbers: readonly number[]): number =>
  Math.min(
    LARGEST,
    numbers.reduce((a, b) => a + b, 0),
  );
export const times = (a: number, b: number): number => Math.min(LARGEST, a * b);
/** A part of the number, rounded up. */
export const share = (number: number, factor: number): number =>
  Math.min(LARGEST, Math.ceil(number * factor));

export const add = (a: Size, b: Size): Size => ({ min: sum(a.min, b.min), max: sum(a.max, b.max) });
export const multiply = (a: Size, b: Size): Size => ({ min: times(a.min, b.min), max: times(a.max, b.max) });
export const union = (a: Size, b: Size): Size => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
});

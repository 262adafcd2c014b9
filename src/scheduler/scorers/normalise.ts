/** Bringing raw scores to 0..100 in whole numbers, as upstream's default normalisation does. */
import { MAX_NODE_SCORE } from '../types.ts';

/** The highest raw score becomes 100; `reverse` turns the scale round (fewer is better). */
export function normaliseByMax(raw: readonly number[], reverse = false): readonly number[] {
  const max = Math.max(0, ...raw);
  if (max === 0) return raw.map(() => (reverse ? MAX_NODE_SCORE : 0));
  return raw.map((score) => {
    const scaled = Math.floor((MAX_NODE_SCORE * score) / max);
    return reverse ? MAX_NODE_SCORE - scaled : scaled;
  });
}

/** The lowest becomes 0 and the highest 100; all equal becomes 0. */
export function normaliseByRange(raw: readonly number[]): readonly number[] {
  const min = Math.min(...raw);
  const range = Math.max(...raw) - min;
  return raw.map((score) => (range === 0 ? 0 : Math.trunc(MAX_NODE_SCORE * ((score - min) / range))));
}

/** Draws from the run's one source of randomness. */
import type { Rng } from '../../src/base/rng.ts';

export function pick<T>(rng: Rng, values: readonly T[]): T {
  const value = values[Math.floor(rng.next() * values.length)];
  if (value === undefined) throw new Error('Cannot pick from nothing');
  return value;
}
export const chance = (rng: Rng, share: number): boolean => rng.next() < share;
export const upTo = (rng: Rng, most: number): number => Math.floor(rng.next() * (most + 1));

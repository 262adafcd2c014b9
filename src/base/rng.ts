/** Randomness as a parameter: decisions take an {@link Rng}, so that a seed replays them. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';

export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
  uuid(): string;
}

export const systemRng: Rng = {
  next: () => randomInt(0, 2 ** 47) / 2 ** 47,
  uuid: () => randomUUID(),
};

/** A small seeded generator (mulberry32): same seed, same sequence. For simulations and tests. */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('');
  return { next, uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}` };
}

/** The alphabet of Kubernetes' generated names: it spells no words and confuses nobody. */
export const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** A suffix of {@link nameSuffix}. */
export const NAME_SUFFIX = new RegExp(`^[${SAFE_ALPHABET}]{5}$`);

/** A suffix as `metadata.generateName` appends it: five characters of the safe alphabet. */
export function nameSuffix(rng: Rng, length = 5): string {
  return Array.from({ length }, () => SAFE_ALPHABET[Math.floor(rng.next() * SAFE_ALPHABET.length)]).join('');
}

/** A generated name keeps this much of its prefix, so that the whole stays within 63 characters. */
export const MAX_GENERATED_PREFIX = 58;

/** The `metadata.name` for a `generateName` and the suffix of {@link nameSuffix}. */
export const generatedName = (prefix: string, suffix: string): string =>
  `${prefix.slice(0, MAX_GENERATED_PREFIX)}${suffix}`;

/** A number of bytes of cryptographic randomness in base64url, for tokens and keys. */
export function secretToken(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}

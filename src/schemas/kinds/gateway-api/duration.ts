import { asString } from '../../json-access.ts';

const UNITS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** A duration of the Gateway API (GEP-2257), such as `1m30s`, in milliseconds. Pure. */
export const durationMs = (value: unknown): number =>
  [...asString(value).matchAll(/(\d+)(ms|h|m|s)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNITS[unit as keyof typeof UNITS],
    0,
  );

/** `intstr.IntOrString` as a count or a share, as in `maxSurge` and `maxUnavailable`. */
const PERCENT = /^(\d+)%$/;

/** A count, or a share of `total` rounded as asked; undefined for what is neither. */
export function scaleIntOrPercent(value: unknown, total: number, round: 'up' | 'down'): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  const percent = percentOf(value);
  if (percent === undefined) return undefined;
  const share = (percent * total) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}

/** The number before the percent sign, or undefined when `value` is not a percentage. */
export function percentOf(value: unknown): number | undefined {
  const match = typeof value === 'string' ? PERCENT.exec(value) : null;
  return match ? Number(match[1]) : undefined;
}

export interface RollingLimits {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/**
 * The number of pods that a rolling update may add and remove. Surge rounds up and unavailable
 * rounds down. If both are zero, one pod may be unavailable, since the update would stand still
 * (`ResolveFenceposts` upstream).
 */
export function resolveRollingLimits(
  maxSurge: unknown,
  maxUnavailable: unknown,
  replicas: number,
): RollingLimits {
  const surge = scaleIntOrPercent(maxSurge, replicas, 'up') ?? 0;
  const unavailable = scaleIntOrPercent(maxUnavailable, replicas, 'down') ?? 0;
  if (surge === 0 && unavailable === 0) return { maxSurge: 0, maxUnavailable: 1 };
  return { maxSurge: surge, maxUnavailable: unavailable };
}

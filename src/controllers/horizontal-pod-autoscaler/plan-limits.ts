/**
 * Keeps a recommended number of replicas within limits: recent recommendations (stabilisation), the
 * rate of changes, minimum and maximum. Rules, reasons and messages are upstream's. Pure: what is
 * remembered goes in and comes out.
 */
import type { HorizontalPodAutoscaler, ScalingRules } from '../../schemas/types.ts';

interface Recommendation {
  readonly replicas: number;
  readonly atMs: number;
}

/** The number of pods that were added; negative for pods that were removed. */
interface Rescale {
  readonly change: number;
  readonly atMs: number;
}

/** The memory of an autoscaler beyond its status. It ends with the process. */
export interface ScalingMemory {
  /** Tells an autoscaler from an earlier one of the same name. */
  readonly uid: string;
  readonly recommendations: readonly Recommendation[];
  readonly rescales: readonly Rescale[];
}

export interface Limits {
  readonly currentReplicas: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly behavior: HorizontalPodAutoscaler['spec']['behavior'];
  /** The time for which the highest recommendation holds, unless the behavior sets another. */
  readonly downscaleStabilizationMs: number;
}

export interface Told {
  readonly reason: string;
  readonly message: string;
}

export interface Limited {
  readonly replicas: number;
  /** For the condition AbleToScale. */
  readonly able: Told;
  /** For the condition ScalingLimited. */
  readonly limit: Told;
  readonly isLimited: boolean;
}

/** The initial memory: no pod is removed before the window is over. */
export const initialMemory = (uid: string, replicas: number, nowMs: number): ScalingMemory => ({
  uid,
  recommendations: [{ replicas, atMs: nowMs }],
  rescales: [],
});

/** After the clock was set back, nothing that is remembered lies in the future. */
export function memoryAt(memory: ScalingMemory, nowMs: number): ScalingMemory {
  const past = <T extends { readonly atMs: number }>(items: readonly T[]): readonly T[] =>
    items.map((item) => (item.atMs > nowMs ? { ...item, atMs: nowMs } : item));
  return { ...memory, recommendations: past(memory.recommendations), rescales: past(memory.rescales) };
}

/** Without a behavior, at most this factor, or this many pods, at once. */
const SCALE_UP_FACTOR = 2;
const SCALE_UP_MINIMUM = 4;

const READY: Told = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const IN_RANGE: Told = {
  reason: 'DesiredWithinRange',
  message: 'the desired count is within the acceptable range',
};
const TOO_FEW: Told = {
  reason: 'TooFewReplicas',
  message: 'the desired replica count is less than the minimum replica count',
};
const TOO_MANY: Told = {
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
};
const TOO_FAST_UP: Told = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
};
const TOO_FAST_DOWN: Told = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
};
const DOWN_STABILIZED: Told = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
};
const UP_STABILIZED: Told = {
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
};

const MS = 1000;

/** `desired` within the limits. */
export function limitReplicas(
  desired: number,
  memory: ScalingMemory,
  limits: Limits,
  nowMs: number,
): Limited {
  const { behavior, currentReplicas } = limits;
  if (!behavior) {
    const stable = stabilize(desired, memory, limits, nowMs);
    return limited(desired, stable, DOWN_STABILIZED, withinRange(stable, limits));
  }
  const stable = stabilizeBoth(desired, memory, limits, nowMs);
  const stabilized = desired >= currentReplicas ? UP_STABILIZED : DOWN_STABILIZED;
  return limited(desired, stable, stabilized, withinRates(stable, memory, limits, nowMs));
}

function limited(
  desired: number,
  stable: number,
  stabilized: Told,
  [replicas, limit]: readonly [number, Told],
): Limited {
  return { replicas, able: stable === desired ? READY : stabilized, limit, isLimited: replicas !== stable };
}

/** Remembers the recommendation, and forgets those that no rule needs any more. */
export function remember(
  memory: ScalingMemory,
  replicas: number,
  limits: Pick<Limits, 'behavior' | 'downscaleStabilizationMs'>,
  nowMs: number,
): ScalingMemory {
  const longest = Math.max(...Object.values(windowsOf(limits)));
  const kept = memory.recommendations.filter(({ atMs }) => nowMs - atMs <= longest);
  return { ...memory, recommendations: [...kept, { replicas, atMs: nowMs }] };
}

/** Remembers a change that has been made, where a rule of the behavior counts changes. */
export function rememberRescale(
  memory: ScalingMemory,
  change: number,
  behavior: Limits['behavior'],
  nowMs: number,
): ScalingMemory {
  if (!behavior) return memory;
  const policies = [behavior.scaleUp, behavior.scaleDown].flatMap((rules) => rules?.policies ?? []);
  const longest = Math.max(0, ...policies.map(({ periodSeconds }) => periodSeconds * MS));
  const kept = memory.rescales.filter(({ atMs }) => nowMs - atMs <= longest);
  return { ...memory, rescales: [...kept, { change, atMs: nowMs }] };
}

function windowsOf({
  behavior,
  downscaleStabilizationMs,
}: Pick<Limits, 'behavior' | 'downscaleStabilizationMs'>): { upMs: number; downMs: number } {
  const windowMs = (rules: ScalingRules | undefined, otherwise: number): number =>
    rules?.stabilizationWindowSeconds === undefined ? otherwise : rules.stabilizationWindowSeconds * MS;
  return {
    upMs: windowMs(behavior?.scaleUp, 0),
    downMs: windowMs(behavior?.scaleDown, downscaleStabilizationMs),
  };
}

/** The highest recommendation of the window. */
function stabilize(desired: number, memory: ScalingMemory, limits: Limits, nowMs: number): number {
  const recent = memory.recommendations.filter(({ atMs }) => nowMs - atMs <= limits.downscaleStabilizationMs);
  return Math.max(desired, ...recent.map(({ replicas }) => replicas));
}

/** The current number, brought between the lowest and the highest recent recommendation. */
function stabilizeBoth(desired: number, memory: ScalingMemory, limits: Limits, nowMs: number): number {
  const { upMs, downMs } = windowsOf(limits);
  const within = (windowMs: number): readonly number[] =>
    memory.recommendations.filter(({ atMs }) => nowMs - atMs < windowMs).map(({ replicas }) => replicas);
  const low = Math.min(desired, ...within(upMs));
  const high = Math.max(desired, ...within(downMs));
  return Math.min(high, Math.max(low, limits.currentReplicas));
}

function withinRange(desired: number, limits: Limits): readonly [number, Told] {
  const { currentReplicas, minReplicas, maxReplicas } = limits;
  const fastest = Math.max(SCALE_UP_FACTOR * currentReplicas, SCALE_UP_MINIMUM);
  if (desired < minReplicas) return [minReplicas, TOO_FEW];
  const highest = Math.min(maxReplicas, fastest);
  if (desired > highest) return [highest, maxReplicas > fastest ? TOO_FAST_UP : TOO_MANY];
  return [desired, IN_RANGE];
}

function withinRates(
  desired: number,
  memory: ScalingMemory,
  { behavior, currentReplicas, minReplicas, maxReplicas }: Limits,
  nowMs: number,
): readonly [number, Told] {
  if (desired > currentReplicas) {
    const fastest = Math.max(
      currentReplicas,
      rateLimit('up', behavior?.scaleUp, currentReplicas, memory, nowMs),
    );
    const highest = Math.min(maxReplicas, fastest);
    if (desired > highest) return [highest, maxReplicas > fastest ? TOO_FAST_UP : TOO_MANY];
  } else if (desired < currentReplicas) {
    const fastest = Math.min(
      currentReplicas,
      rateLimit('down', behavior?.scaleDown, currentReplicas, memory, nowMs),
    );
    const lowest = Math.max(minReplicas, fastest);
    if (desired < lowest) return [lowest, minReplicas < fastest ? TOO_FAST_DOWN : TOO_FEW];
  }
  return [desired, IN_RANGE];
}

/** The number of replicas that the policies allow now. */
function rateLimit(
  direction: 'up' | 'down',
  rules: ScalingRules | undefined,
  currentReplicas: number,
  { rescales }: ScalingMemory,
  nowMs: number,
): number {
  if (rules?.selectPolicy === 'Disabled') return currentReplicas;
  const proposals = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const changed = rescales
      .filter(({ atMs }) => nowMs - atMs < periodSeconds * MS)
      .reduce((total, { change }) => total + change, 0);
    const before = currentReplicas - changed;
    const sign = direction === 'up' ? 1 : -1;
    if (type === 'Pods') return before + sign * value;
    // Rounded up, so that a small share adds one pod at least; downwards it loses its fraction.
    const share = before * (1 + (sign * value) / 100);
    return direction === 'up' ? Math.ceil(share) : Math.trunc(share);
  });
  if (proposals.length === 0) return currentReplicas;
  // The smallest change of all: the lowest number when scaling up, the highest when scaling down.
  const picksLowest = (rules?.selectPolicy === 'Min') === (direction === 'up');
  return picksLowest ? Math.min(...proposals) : Math.max(...proposals);
}

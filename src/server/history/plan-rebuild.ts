/** Have the agents said what runs? Pure; asked again while the store is being rebuilt. */

export interface RebuildObservation {
  readonly nowMs: number;
  readonly startedAtMs: number;
  /** Nodes that were there before the history was lost; undefined where nobody remembers. */
  readonly expectedNodes: readonly string[] | undefined;
  readonly presentNodes: ReadonlySet<string>;
  /** When the last pod or node came back. */
  readonly lastChangeMs: number;
}

export interface RebuildLimits {
  /** Everybody is here and nothing more has come for this long. */
  readonly settleMs: number;
  /** Agents that nobody remembers appear in this time: several pauses between attempts. */
  readonly unknownMs: number;
  /** A node that does not come back must not hold up the others for ever. */
  readonly patienceMs: number;
}

/** Restarted agents reconnect within seconds; the rebuild takes at most a minute. */
export const DEFAULT_REBUILD_LIMITS: RebuildLimits = {
  settleMs: 1_500,
  unknownMs: 12_000,
  patienceMs: 25_000,
};

export interface RebuildVerdict {
  readonly done: boolean;
  readonly missing: readonly string[];
}

export function planRebuild(observed: RebuildObservation, limits = DEFAULT_REBUILD_LIMITS): RebuildVerdict {
  const { expectedNodes } = observed;
  const missing = (expectedNodes ?? []).filter((name) => !observed.presentNodes.has(name));
  const waitedMs = observed.nowMs - observed.startedAtMs;
  if (waitedMs >= limits.patienceMs) return { done: true, missing };
  if (!expectedNodes && waitedMs < limits.unknownMs) return { done: false, missing };
  const settled = observed.nowMs - Math.max(observed.lastChangeMs, observed.startedAtMs) >= limits.settleMs;
  return { done: missing.length === 0 && settled, missing };
}

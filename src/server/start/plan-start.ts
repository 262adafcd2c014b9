/**
 * Judges the data that a starting control plane finds: pure. "Rebuild before destroy"
 * (docs/INVARIANTS.md): data that is gone, or older than what was seen, is not the truth.
 */
import type { ClusterState } from '../../store/types.ts';

/** The last sight of the store before this control plane stopped, from its data directory. */
export interface RememberedHistory {
  readonly epoch: string;
  readonly version: string;
  /** Changes were seen to be missing: what is there now is not the truth, however new it is. */
  readonly lost?: boolean;
}

export interface FoundHistory {
  readonly state: ClusterState | undefined;
  /** False where no agent can have anything to restore, as nobody could join before now. */
  readonly agentsMayExist: boolean;
  /** The store's newest version. */
  readonly version: string;
}

export type StartPlan =
  | { readonly action: 'use'; readonly state: ClusterState }
  | { readonly action: 'create'; readonly state: ClusterState }
  | { readonly action: 'rebuild'; readonly state: ClusterState; readonly why: string };

export function planStart(
  found: FoundHistory,
  remembered: RememberedHistory | undefined,
  newEpoch: string,
): StartPlan {
  const rebuilding: ClusterState = { epoch: newEpoch, phase: 'rebuilding' };
  if (!found.state) {
    if (remembered || found.agentsMayExist) {
      const why = remembered
        ? 'the store is empty, but it was not when it was last seen'
        : 'the store is empty, but agents may run pods: this cluster has had its keys for longer';
      return { action: 'rebuild', state: rebuilding, why };
    }
    return { action: 'create', state: { epoch: newEpoch, phase: 'normal' } };
  }
  if (found.state.phase === 'rebuilding') {
    return { action: 'rebuild', state: found.state, why: 'an earlier rebuild was not finished' };
  }
  if (!remembered) return { action: 'use', state: found.state };
  if (remembered.epoch !== found.state.epoch) {
    return {
      action: 'rebuild',
      state: rebuilding,
      why: 'the store holds other data than when it was last seen',
    };
  }
  if (remembered.lost || BigInt(found.version) < BigInt(remembered.version)) {
    return { action: 'rebuild', state: rebuilding, why: 'the store went back to an older state' };
  }
  return { action: 'use', state: found.state };
}

/** Whether this control plane may act; the in-process side of the store's ClusterState. */
import type { ClusterState } from '../../store/types.ts';

export interface ClusterCondition {
  /** False while the store is rebuilt: nothing is created, stopped, evicted or collected. */
  mayAct(): boolean;
  onChange(listener: () => void): Disposable;
  set(phase: ClusterState['phase']): void;
}

export function createClusterCondition(initial: ClusterState['phase']): ClusterCondition {
  let phase = initial;
  const listeners = new Set<() => void>();
  return {
    mayAct: () => phase === 'normal',
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    set(next) {
      if (next === phase) return;
      phase = next;
      for (const listener of [...listeners]) listener();
    },
  };
}

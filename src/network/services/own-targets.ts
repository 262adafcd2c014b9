/** Endpoints that a host serves itself: they count instead of those that a Service's slices have. */
import type { Target } from './select-endpoints.ts';

export interface OwnTargets {
  /** By the Service's key. Undefined: its slices count. */
  of(service: string): readonly Target[] | undefined;
  set(service: string, targets: readonly Target[] | undefined): void;
  onChange(listener: (service: string) => void): void;
}

export function createOwnTargets(): OwnTargets {
  const targets = new Map<string, readonly Target[]>();
  const listeners: ((service: string) => void)[] = [];
  return {
    of: (service) => targets.get(service),
    set(service, own) {
      if (own) targets.set(service, own);
      else if (!targets.delete(service)) return;
      for (const listener of listeners) listener(service);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

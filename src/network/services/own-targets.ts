/**
 * Services that the host serves itself, as the cluster's DNS: the parts that serve them say where,
 * and the Services' part leads connections there instead of to endpoints.
 */
import type { Target } from './select-endpoints.ts';

export interface OwnTargets {
  /** Undefined: the Service has endpoints as any other. Empty: nobody serves it here now. */
  of(service: string): readonly Target[] | undefined;
  set(service: string, targets: readonly Target[]): void;
  /** Told the key of a Service, `namespace/name`, that is served elsewhere from now on. */
  onChange(listener: (service: string) => void): void;
}

export function createOwnTargets(): OwnTargets {
  const known = new Map<string, readonly Target[]>();
  const listeners: ((service: string) => void)[] = [];
  return {
    of: (service) => known.get(service),
    set(service, targets) {
      known.set(service, targets);
      for (const listener of listeners) listener(service);
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

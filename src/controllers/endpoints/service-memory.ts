/** The memory of Services between the reconciles of their endpoints. It ends with the process. */
import type { Clock } from '../../base/clock.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Pod, Service } from '../../schemas/types.ts';
import { createPace } from './pace.ts';
import { type Trigger, type TriggerTimes, triggerOf } from './trigger-times.ts';

export interface ServiceMemory {
  /** Milliseconds until the Service may be reconciled again. */
  delayMs(key: string): number;
  /** A plan of the Service is being carried out: changes of its endpoints are our own. */
  isWriting(key: string): boolean;
  begin(service: Service, pods: readonly Pod[]): Trigger;
  /** The plan was carried out. Without `seen` it changed nothing that has a trigger. */
  end(key: string, seen: TriggerTimes | undefined): void;
  forget(key: string): void;
}

export function createServiceMemory(clock: Pick<Clock, 'now'>): ServiceMemory {
  const pace = createPace(clock);
  const seen = new Map<string, TriggerTimes>();
  const writing = new Set<string>();
  return {
    delayMs: pace.delayMs,
    isWriting: (key) => writing.has(key),
    begin(service, pods) {
      const key = keyOf(service);
      pace.reconciled(key, pods.length);
      writing.add(key);
      return triggerOf(service, pods, seen.get(key));
    },
    end(key, times) {
      writing.delete(key);
      if (times) seen.set(key, times);
    },
    forget(key) {
      pace.forget(key);
      seen.delete(key);
      writing.delete(key);
    },
  };
}

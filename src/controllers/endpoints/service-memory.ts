/** The memory of Services between the reconciles of their endpoints. It ends with the process. */
import type { Clock } from '../../base/clock.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { type KnownPods, learnPods, type PodFact } from './known-pods.ts';
import { createPace } from './pace.ts';
import { triggerTime } from './trigger-times.ts';

/** What a reconcile sees of the pods of its Service. */
export interface ServiceView<F extends PodFact> {
  readonly known: KnownPods<F>;
  /** As the last reconcile knew them. */
  readonly last: KnownPods<F> | undefined;
  /** The earliest change since then. */
  readonly trigger: string | undefined;
}

export interface ServiceMemory<F extends PodFact> {
  /** Milliseconds until the Service may be reconciled again. */
  delayMs(key: string): number;
  /** A plan of the Service is being carried out: changes of its endpoints are our own. */
  isWriting(key: string): boolean;
  begin(now: Omit<KnownPods<F>, 'facts'>, factOf: (pod: Pod) => F | undefined): ServiceView<F>;
  /** The plan was carried out. Without `known` it changed nothing that has a trigger. */
  end(key: string, known: KnownPods<F> | undefined): void;
  forget(key: string): void;
}

export function createServiceMemory<F extends PodFact>(clock: Pick<Clock, 'now'>): ServiceMemory<F> {
  const pace = createPace(clock);
  const memory = new Map<string, KnownPods<F>>();
  const writing = new Set<string>();
  return {
    delayMs: pace.delayMs,
    isWriting: (key) => writing.has(key),
    begin(now, factOf) {
      const key = keyOf(now.service);
      pace.reconciled(key, now.candidates.length);
      writing.add(key);
      const last = memory.get(key);
      const { known, changes } = learnPods(now, factOf, last);
      return { known, last, trigger: triggerTime(now.service, changes, last?.service) };
    },
    end(key, known) {
      writing.delete(key);
      if (known) memory.set(key, known);
    },
    forget(key) {
      pace.forget(key);
      memory.delete(key);
      writing.delete(key);
    },
  };
}

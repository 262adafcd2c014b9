/**
 * The shape of all controllers. A controller is a value that opens caches, says which changes
 * concern which keys, observes a key, and plans. The executor (run-controller.ts) does the rest.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import type { Scope } from '../base/scope.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import type { CacheEvent, CacheSet, ResourceCache } from '../store/cache/cache.ts';
import type { BoundWriter, Check, Write } from '../resources/writing/write-plan.ts';
import type { Fence, Store } from '../store/types.ts';
import type { EventTexts, PlannedEvent } from './planned-event.ts';

/** The outcome of one reconcile, as data. The executor only carries it out. */
export interface Plan {
  /** Committed together, all or nothing, unless `commitSize` or `piecemeal` says otherwise. */
  readonly writes: readonly Write[];
  /** The objects that the plan was made from, its owner at least: part of each commit. */
  readonly checks?: readonly Check[];
  /** Recorded after the writes succeeded. */
  readonly events?: readonly PlannedEvent[];
  /** Reconcile again after this time even if nothing changes. */
  readonly requeueAfterMs?: number;
  /** Other keys to reconcile next. */
  readonly visit?: readonly string[];
  /** The writes are independent: this many share a commit, and a refused one stops no other. */
  readonly commitSize?: number;
  /** When the API refuses the plan, its creates are tried in smaller parts. */
  readonly piecemeal?: boolean;
  /** Pure: the plan that is carried out instead where the API refuses this one. */
  otherwise?(refusal: string): Plan;
}

/** The plan with these writes and events; undefined where there are none. */
export const planOf = (writes: readonly Write[], ...events: readonly PlannedEvent[]): Plan | undefined =>
  writes.length + events.length === 0 ? undefined : { writes, events };

/** Why the API refused a plan. */
export interface Refusal {
  readonly message: string;
  /** The namespace is being deleted: nothing is tried again, and no event is recorded. */
  readonly namespaceGoes: boolean;
}

/** An opened controller. `View` is the input of a plan; `P` adds what `after` needs. */
export interface Reconciler<View = unknown, P extends Plan = Plan> {
  /** Keys that are reconciled at a time, to hide the latency of the store. */
  readonly concurrency?: number;
  readonly resyncMs?: number;
  /** The words of the events that its plans name. */
  readonly events?: EventTexts;
  /** Nothing is observed or written while the store is being rebuilt. */
  readonly pausesForRebuild?: boolean;
  /** Every key there is: for the start, the periodic resync, and when `mayAct` changes. */
  keys(): Iterable<string> | Promise<Iterable<string>>;
  /** Reads caches, or the store where they cannot tell. Undefined: there is nothing to decide. */
  observe(key: string, signal: AbortSignal): View | undefined | Promise<View | undefined>;
  /** Pure. Undefined: there is nothing to do. */
  plan(view: View, nowMs: number): P | undefined;
  /** Pure: the plan after the API refused the creates of another. The key is tried again, too. */
  planRefused?(view: View, refusal: Refusal, nowMs: number): Plan | undefined;
  /** The same for a plan without creates. Absent: its refusal is logged only. */
  planUpdateRefused?(view: View, refusal: Refusal, nowMs: number): Plan | undefined;
  /** After the plan was carried out: for memory of this process, and effects that are no writes. */
  after?(plan: P, key: string, signal: AbortSignal): void | Promise<void>;
}

/** A controller's parts end with its scope. */
export interface ControllerScope extends Scope {
  /**
   * Reconciles the keys that a change concerns, after `delayMs` where many changes come at once. A
   * function is asked at each change.
   */
  on<T extends KubeObject>(
    cache: ResourceCache<T>,
    keysOf: (event: CacheEvent<T>) => Iterable<string>,
    delayMs?: number | ((key: string) => number),
  ): Disposable;
  enqueue(key: string): void;
}

export interface Controller {
  readonly name: string;
  open(context: ControllerContext, scope: ControllerScope): Promise<Reconciler>;
}

export interface ControllerContext {
  readonly caches: CacheSet;
  readonly writer: BoundWriter;
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly events: EventRecorder;
  /** The leader's right to write; undefined where there is one process only (tests). */
  readonly fence?: Fence;
  /** Aborts when this process stops leading. */
  readonly signal: AbortSignal;
  /** False while the store is rebuilt: nothing is stopped or collected (INVARIANTS 10). */
  mayAct(): boolean;
  /** Called when `mayAct` may have changed. */
  onConditionChange(listener: () => void): Disposable;
  /** Told when the fence was lost: this process must stop leading. */
  onFenceLost?(): void;
}

/** The commonest trigger: the object that changed. */
export const itself = ({ key }: { readonly key: string }): readonly string[] => [key];

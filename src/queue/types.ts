/**
 * Job queues. A job is a *hint* to reconcile something: it may be lost, doubled or late, and the
 * periodic resync still converges. BullMQ and the double of the simulation pass one contract suite.
 */
import type { JsonValue } from '../base/json.ts';

export interface JobOptions {
  /** Waiting jobs of one key collapse into one; while one is active, one more is kept. */
  readonly key?: string;
  readonly delayMs?: number;
}

export interface JobQueue<T extends JsonValue> {
  add(payload: T, options?: JobOptions): Promise<void>;
}

export interface JobWorkerOptions<T extends JsonValue> {
  readonly concurrency: number;
  process(payload: T, signal: AbortSignal): Promise<void>;
}

/** One named set of queues (`sync`, `placement`, `notify`). */
export interface Queues extends AsyncDisposable {
  queue<T extends JsonValue>(name: QueueName): JobQueue<T>;
  /** Starts a worker, which retries with back-off. Its dispose waits for running jobs. */
  work<T extends JsonValue>(name: QueueName, options: JobWorkerOptions<T>): AsyncDisposable;
  /** False while a worker has a backlog and makes no progress; `/readyz` reports it. */
  healthy(): boolean;
}

export type QueueName = 'sync' | 'placement' | 'notify';

/** One application to reconcile; `reason` is for the log. */
export type SyncJob = { readonly application: string; readonly reason: string };
/** Pods (keys) without a node. The worker places every unscheduled pod anyway. */
export type PlacementJob = { readonly pods: readonly string[] };
/** A commit status to post; see sync/forge. */
export type NotifyJob = { readonly application: string; readonly sha: string };

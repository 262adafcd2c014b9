/**
 * Job queues. A job is a *hint* to reconcile something: it may be lost, doubled or late, and the periodic resync still
 * converges. The adapter is BullMQ; it and the double of the simulation pass one contract suite
 * (test/contracts/job-queue.ts).
 */
import type { JsonValue } from '../base/json.ts';

export interface JobOptions {
  /** Jobs with the same key that are still waiting collapse into one; while one is active, one more is kept. */
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
  /** Starts a worker; a failed job is retried with back-off. Disposing it waits for what is running. */
  work<T extends JsonValue>(name: QueueName, options: JobWorkerOptions<T>): AsyncDisposable;
  /** False while some worker has a backlog and makes no progress (bullmq#4378); `/readyz` reports it. */
  healthy(): boolean;
}

export type QueueName = 'sync' | 'placement' | 'notify';

/** One application to reconcile; `reason` is for the log. */
export type SyncJob = { readonly application: string; readonly reason: string };
/** Pods (keys) without a node. The worker places every unscheduled pod anyway. */
export type PlacementJob = { readonly pods: readonly string[] };
/** A commit status to post; see sync/forge. */
export type NotifyJob = { readonly application: string; readonly sha: string };

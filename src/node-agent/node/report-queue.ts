/**
 * Tells the control plane many things of this node in one request. A request takes along all that
 * waits; while it is under way, more gathers. So a busy control plane gets fewer and larger
 * requests, and a state that is over before its turn is not sent at all.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { errorMessage, TransientError } from '../../base/errors.ts';
import { type ApiClient, MAX_REPORTED } from '../../client/types.ts';
import { isStatusError, type StatusError } from '../../schemas/errors/status.ts';
import type { KubeObject } from '../../schemas/object.ts';

export interface ReportQueue {
  /**
   * Resolves when the control plane has taken what `make` answers. It is called when the request is
   * made, at most `withinMs` and one request from now. Rejects with the refusal.
   */
  send(make: () => KubeObject, withinMs: number): Promise<void>;
}

interface Item {
  readonly make: () => KubeObject;
  readonly dueMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createReportQueue(options: {
  readonly client: Pick<ApiClient, 'report'>;
  readonly clock: Clock;
  readonly nodeName: string;
  /** Resolves when the control plane knows that this node is alive: else nothing is sent. */
  readonly confirm: () => Promise<void>;
  /** After it nothing is sent. */
  readonly signal: AbortSignal;
}): ReportQueue {
  const { client, clock, nodeName, confirm, signal } = options;
  const waiting: Item[] = [];
  let timer: (Timer & { readonly atMs: number }) | undefined;
  let isSending = false;

  /** Sends at the earliest time at which one of the waiting is due. */
  function plan(): void {
    if (isSending || waiting.length === 0) return;
    const atMs = Math.min(...waiting.map(({ dueMs }) => dueMs));
    if (timer && timer.atMs <= atMs) return;
    timer?.cancel();
    const { cancel } = clock.setTimer(() => void send(), Math.max(0, atMs - clock.now()));
    timer = { cancel, atMs };
  }

  async function send(): Promise<void> {
    timer = undefined;
    isSending = true;
    const failure = await confirm().then(() => undefined, unconfirmed);
    const items = waiting.splice(0, MAX_REPORTED);
    if (failure) for (const { reject } of items) reject(failure);
    else if (items.length > 0) await deliver(items.map((item) => ({ ...item, object: item.make() })));
    isSending = false;
    plan();
  }

  /** A report that one of its objects may have spoilt is halved: the others must get through. */
  async function deliver(items: readonly (Item & { readonly object: KubeObject })[]): Promise<void> {
    let refusals: readonly (StatusError | undefined)[];
    try {
      refusals = await client.report(
        nodeName,
        items.map(({ object }) => object),
      );
    } catch (error) {
      const mayBeOne = isStatusError(error) && CAUSED_BY_ONE.has(error.code);
      if (!mayBeOne || items.length === 1) return items.forEach(({ reject }) => reject(asWhole(error)));
      const half = Math.ceil(items.length / 2);
      await deliver(items.slice(0, half));
      return deliver(items.slice(half));
    }
    for (const [index, { resolve, reject }] of items.entries()) {
      const refusal = refusals[index];
      if (refusal) reject(refusal);
      else resolve();
    }
  }

  signal.addEventListener('abort', () => {
    timer?.cancel();
    for (const { reject } of waiting.splice(0)) reject(stopping());
  });
  return {
    send: (make, withinMs) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(stopping());
        waiting.push({ make, dueMs: clock.now() + withinMs, resolve, reject });
        plan();
      }),
  };
}

/** Unreadable, too large, invalid. */
const CAUSED_BY_ONE: ReadonlySet<number> = new Set([400, 413, 422]);

/** An older control plane knows no reports, which says nothing about their objects. */
const asWhole = (error: unknown): unknown =>
  isStatusError(error, 'NotFound')
    ? new TransientError(`Cannot report: ${errorMessage(error)}`, { cause: error })
    : error;

/** It says nothing about the objects either. */
const unconfirmed = (error: unknown): Error =>
  new TransientError(`Cannot renew the Lease of this node: ${errorMessage(error)}`, { cause: error });

const stopping = (): Error => new TransientError('The agent is stopping');

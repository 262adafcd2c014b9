/**
 * One forge host is asked one thing at a time, and not at all while it wants to be left alone. The wait is kept in the
 * store, so that it holds after a restart.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { UserError } from '../../base/errors.ts';
import { type Slots, createSlots } from '../../base/slots.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { keepRecord } from '../../store/records.ts';
import type { Store } from '../../store/types.ts';
import { ForgeRefusal } from './http.ts';
import { type RetryWait, planRetryWait } from './plan-retry-wait.ts';

export type Answer =
  | { readonly type: 'done' }
  /** Nothing was asked: the host waits. */
  | { readonly type: 'held'; readonly waitMs: number }
  | ({ readonly type: 'failed'; readonly error: unknown } & RetryWait);

export interface HostWaits {
  /** `failures` counts the earlier failures of this very status. */
  ask(host: string, failures: number, signal: AbortSignal, post: () => Promise<void>): Promise<Answer>;
}

interface Host {
  readonly turns: Slots;
  notBeforeMs: number;
  failures: number;
}

interface WaitRecord extends KubeObject {
  readonly notBeforeMs: number;
}

/** Shorter waits are not worth a write. */
const KEPT_MS = 2_000;

export function createHostWaits(store: Store, resource: string, clock: Clock): HostWaits {
  const hosts = new Map<string, Promise<Host>>();

  const keyOf = (host: string): string =>
    `wait-${createHash('sha256').update(host).digest('hex').slice(0, 16)}`;

  async function open(host: string): Promise<Host> {
    const record = (await store.get(resource, keyOf(host))) as WaitRecord | undefined;
    return { turns: createSlots(1), notBeforeMs: record?.notBeforeMs ?? 0, failures: 0 };
  }

  function hostOf(host: string): Promise<Host> {
    const known = hosts.get(host);
    if (known) return known;
    const opening = open(host);
    hosts.set(host, opening);
    opening.catch(() => hosts.delete(host));
    return opening;
  }

  async function keep(host: string, notBeforeMs: number): Promise<void> {
    const key = keyOf(host);
    const before = await store.get(resource, key);
    const object: WaitRecord = {
      apiVersion: 'symphony.dev/v1',
      kind: 'CommitStatus',
      metadata: { name: key },
      notBeforeMs,
    };
    // Where another process was faster, memory still holds it.
    await keepRecord(store, { resource, key }, before, object);
  }

  return {
    async ask(name, failures, signal, post) {
      const host = await hostOf(name);
      const leave = await host.turns.enter(signal);
      try {
        const heldMs = host.notBeforeMs - clock.now();
        if (heldMs > 0) return { type: 'held', waitMs: heldMs };
        try {
          await post();
          host.failures = 0;
          return { type: 'done' };
        } catch (error) {
          signal.throwIfAborted();
          // The repository has no name at the forge: nothing was asked.
          if (error instanceof UserError)
            return { type: 'failed', error, scope: 'status', waitMs: UNNAMED_MS };
          const response = error instanceof ForgeRefusal ? error.response : undefined;
          const now = clock.now();
          const aboutHost = planRetryWait(response, host.failures + 1, now);
          if (aboutHost.scope === 'status')
            return { type: 'failed', error, ...planRetryWait(response, failures + 1, now) };
          host.failures += 1;
          host.notBeforeMs = now + aboutHost.waitMs;
          if (aboutHost.waitMs >= KEPT_MS) await keep(name, host.notBeforeMs);
          return { type: 'failed', error, ...aboutHost };
        }
      } finally {
        leave();
      }
    },
  };
}

/** Only a change of the Application or of our configuration helps. */
const UNNAMED_MS = 900_000;

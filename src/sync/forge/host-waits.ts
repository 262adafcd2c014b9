/** A forge host gets one request at a time. It waits as asked, also after a restart. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { ConflictError, UserError } from '../../base/errors.ts';
import { type Slots, createSlots } from '../../base/slots.ts';
import { ForgeRefusal } from './http.ts';
import { type RetryWait, planRetryWait } from './plan-retry-wait.ts';
import type { Records } from './records.ts';

export type Answer =
  | { readonly type: 'done' }
  /** Nothing was asked: the host waits. */
  | { readonly type: 'held'; readonly waitMs: number }
  | ({ readonly type: 'failed'; readonly error: unknown } & RetryWait);

export type HostWaits = ReturnType<typeof createHostWaits>;

interface Host {
  readonly turns: Slots;
  notBeforeMs: number;
  failures: number;
}

/** Shorter waits are not worth a write. */
const KEPT_MS = 2_000;

export function createHostWaits(records: Records, clock: Clock) {
  const hosts = new Map<string, Promise<Host>>();

  const keyOf = (host: string): string =>
    `wait-${createHash('sha256').update(host).digest('hex').slice(0, 16)}`;

  async function open(host: string): Promise<Host> {
    const { notBeforeMs = 0 } = (await records.get(keyOf(host))) ?? {};
    return { turns: createSlots(1), notBeforeMs, failures: 0 };
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
    try {
      await records.save(key, await records.get(key), { notBeforeMs });
    } catch (error) {
      // Memory still holds it.
      if (!(error instanceof ConflictError)) throw error;
    }
  }

  async function waitAfter(name: string, host: Host, error: unknown, failures: number): Promise<RetryWait> {
    // The repository has no name at the forge: nothing was asked.
    if (error instanceof UserError) return { scope: 'status', waitMs: UNNAMED_MS };
    const response = error instanceof ForgeRefusal ? error.response : undefined;
    const nowMs = clock.now();
    const aboutHost = planRetryWait(response, host.failures + 1, nowMs);
    if (aboutHost.scope === 'status') return planRetryWait(response, failures + 1, nowMs);
    host.failures += 1;
    host.notBeforeMs = nowMs + aboutHost.waitMs;
    if (aboutHost.waitMs >= KEPT_MS) await keep(name, host.notBeforeMs);
    return aboutHost;
  }

  return {
    /** `failures` counts the earlier failures of this very status. */
    async ask(
      name: string,
      failures: number,
      signal: AbortSignal,
      post: () => Promise<void>,
    ): Promise<Answer> {
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
          return { type: 'failed', error, ...(await waitAfter(name, host, error, failures)) };
        }
      } finally {
        leave();
      }
    },
  };
}

/** Only a change of the Application or of our configuration helps. */
const UNNAMED_MS = 900_000;

/** Calls of the fake engine: each takes its time, and fails when a test has asked for it. */
import { type Clock, sleep } from '../../../base/clock.ts';
import type { Rng } from '../../../base/rng.ts';
import { RuntimeError, type RuntimeErrorCode } from '../types.ts';

export type FakeOperation =
  | 'info'
  | 'list'
  | 'inspect'
  | 'create'
  | 'start'
  | 'stop'
  | 'kill'
  | 'remove'
  | 'exec'
  | 'pullImage'
  | 'ensureNetwork';

export interface FakeLatencies {
  readonly createMs: number;
  readonly startMs: number;
  readonly removeMs: number;
  readonly pullMs: number;
  readonly lookMs: number;
}

export interface FakeCalls {
  /** Latency with ±50 % of noise, then the fault that was asked for, around the effect. */
  perform<T>(operation: FakeOperation, effect: () => T, signal?: AbortSignal): Promise<T>;
  /** The next call of this kind fails; with `afterEffect` only its reply is lost. */
  failNext(
    operation: FakeOperation,
    code: RuntimeErrorCode,
    options?: { readonly afterEffect?: boolean },
  ): void;
}

interface Fault {
  readonly code: RuntimeErrorCode;
  readonly afterEffect: boolean;
}

/** Operations that are not listed take no time. */
const LATENCY_OF: Readonly<Partial<Record<FakeOperation, keyof FakeLatencies>>> = {
  info: 'lookMs',
  list: 'lookMs',
  inspect: 'lookMs',
  exec: 'lookMs',
  create: 'createMs',
  start: 'startMs',
  remove: 'removeMs',
  pullImage: 'pullMs',
};

export function createFakeCalls(
  clock: Clock,
  rng: Rng,
  /** Aborted when the runtime is disposed: its calls take no time then. */
  disposed: AbortSignal,
  latencies: Partial<FakeLatencies> = {},
): FakeCalls {
  const faults = new Map<FakeOperation, Fault[]>();
  return {
    async perform(operation, effect, signal = disposed) {
      const name = LATENCY_OF[operation];
      const latencyMs = (name && latencies[name]) ?? 0;
      if (latencyMs > 0) await sleep(clock, latencyMs * (0.5 + rng.next()), signal);
      const fault = faults.get(operation)?.shift();
      const fail = (): never => {
        throw new RuntimeError(fault?.code ?? 'transient', `Cannot ${operation}: injected fault`);
      };
      if (fault && !fault.afterEffect) fail();
      const result = effect();
      if (fault) fail();
      return result;
    },
    failNext(operation, code, { afterEffect = false } = {}) {
      faults.set(operation, [...(faults.get(operation) ?? []), { code, afterEffect }]);
    },
  };
}

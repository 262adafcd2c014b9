/**
 * One probe of one container as data: its next run, and the meaning of its results. Pure. As in
 * kubelet, results count in a row, a startup probe holds back the others, readiness begins as
 * failure, and liveness as success. container-prober.ts has the state and the timers.
 */
import type { Probe } from '../../schemas/types.ts';

export type ProbeKind = 'Startup' | 'Readiness' | 'Liveness';

export interface ProbeSettings {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
  readonly terminationGraceSeconds: number | undefined;
}

export interface ProbeState {
  readonly kind: ProbeKind;
  readonly passing: boolean;
  readonly successes: number;
  readonly failures: number;
  readonly nextAtMs: number;
  /** A passed startup probe, or a probe that ends the container, does not run again. */
  readonly finished: boolean;
}

export function probeSettings(probe: Probe): ProbeSettings {
  const seconds = (value: number | null | undefined, fallback: number, least: number): number =>
    Math.max(value ?? fallback, least);
  return {
    initialDelayMs: seconds(probe.initialDelaySeconds, 0, 0) * 1_000,
    periodMs: seconds(probe.periodSeconds, 10, 1) * 1_000,
    timeoutMs: seconds(probe.timeoutSeconds, 1, 1) * 1_000,
    successThreshold: seconds(probe.successThreshold, 1, 1),
    failureThreshold: seconds(probe.failureThreshold, 3, 1),
    terminationGraceSeconds: probe.terminationGracePeriodSeconds ?? undefined,
  };
}

/** `wasPassing` carries over what was reported before the agent restarted. */
export function startProbe(
  kind: ProbeKind,
  settings: ProbeSettings,
  startedAtMs: number,
  nowMs: number,
  wasPassing = false,
): ProbeState {
  return {
    kind,
    passing: kind === 'Liveness' || wasPassing,
    successes: 0,
    failures: 0,
    nextAtMs: Math.max(nowMs, startedAtMs + settings.initialDelayMs),
    finished: kind === 'Startup' && wasPassing,
  };
}

/** `unknown`: the probe could not be run, which is no result (kubelet throws it away). */
type ProbeResult = 'success' | 'failure' | 'unknown';

/** The state after one run that ended at `nowMs`; the next begins a period after this one began. */
export function afterProbe(
  state: ProbeState,
  settings: ProbeSettings,
  result: ProbeResult,
  beganAtMs: number,
  nowMs: number,
): ProbeState {
  const nextAtMs = Math.max(nowMs, beganAtMs + settings.periodMs);
  if (result === 'unknown') return { ...state, nextAtMs };
  const success = result === 'success';
  const successes = success ? state.successes + 1 : 0;
  const failures = success ? 0 : state.failures + 1;
  const passes = success && successes >= settings.successThreshold;
  const fails = !success && failures >= settings.failureThreshold;
  const passing = passes ? true : fails ? false : state.passing;
  return {
    kind: state.kind,
    passing,
    successes,
    failures,
    nextAtMs,
    finished: (state.kind === 'Startup' && passes) || (state.kind !== 'Readiness' && fails),
  };
}

/** Whether a due probe may run: until the startup probe has passed, no other does. */
export function mayRun(state: ProbeState, startup: ProbeState | undefined): boolean {
  if (state.finished) return false;
  return state.kind === 'Startup' || startup === undefined || startup.passing;
}

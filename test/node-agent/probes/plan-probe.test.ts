import { describe, expect, it } from 'vitest';
import {
  type ProbeState,
  afterProbe,
  mayRun,
  probeSettings,
  startProbe,
} from '../../../src/node-agent/probes/plan-probe.ts';

const settings = probeSettings({
  initialDelaySeconds: 5,
  periodSeconds: 2,
  failureThreshold: 2,
  successThreshold: 2,
});
const run = (state: ProbeState, ...results: boolean[]): ProbeState =>
  results.reduce(
    (current, success) => afterProbe(current, settings, success ? 'success' : 'failure', 0, 0),
    state,
  );

describe('plan-probe', () => {
  it('waits for the initial delay, then keeps its period', () => {
    const state = startProbe('Readiness', settings, 10_000, 10_500);
    expect(state.nextAtMs).toBe(15_000);
    expect(afterProbe(state, settings, 'success', 15_000, 15_700).nextAtMs).toBe(17_000);
    expect(afterProbe(state, settings, 'success', 15_000, 19_000).nextAtMs).toBe(19_000);
  });

  it('counts results in a row only', () => {
    const state = startProbe('Readiness', settings, 0, 0);
    expect(run(state, true).passing).toBe(false);
    expect(run(state, true, false, true).passing).toBe(false);
    expect(run(state, true, true).passing).toBe(true);
    expect(run(state, true, true, false).passing).toBe(true);
    expect(run(state, true, true, false, false).passing).toBe(false);
  });

  it('begins readiness as failure, liveness as success, and carries over what was known', () => {
    expect(startProbe('Readiness', settings, 0, 0).passing).toBe(false);
    expect(startProbe('Liveness', settings, 0, 0).passing).toBe(true);
    expect(startProbe('Readiness', settings, 0, 0, true).passing).toBe(true);
    expect(startProbe('Startup', settings, 0, 0, true)).toMatchObject({ passing: true, finished: true });
  });

  it('ends with the first verdict of a startup probe, and with the failure of a liveness probe', () => {
    expect(run(startProbe('Startup', settings, 0, 0), true, true).finished).toBe(true);
    expect(run(startProbe('Startup', settings, 0, 0), false, false)).toMatchObject({
      finished: true,
      passing: false,
    });
    expect(run(startProbe('Liveness', settings, 0, 0), true, true).finished).toBe(false);
    expect(run(startProbe('Liveness', settings, 0, 0), false, false).finished).toBe(true);
    expect(run(startProbe('Readiness', settings, 0, 0), false, false).finished).toBe(false);
  });

  it('holds back the others while the startup probe has not passed', () => {
    const startup = startProbe('Startup', settings, 0, 0);
    const liveness = startProbe('Liveness', settings, 0, 0);
    expect(mayRun(liveness, startup)).toBe(false);
    expect(mayRun(liveness, run(startup, true, true))).toBe(true);
    expect(mayRun(liveness, undefined)).toBe(true);
    expect(mayRun(startup, startup)).toBe(true);
  });

  it("uses Kubernetes' defaults", () => {
    expect(probeSettings({})).toEqual({
      initialDelayMs: 0,
      periodMs: 10_000,
      timeoutMs: 1_000,
      successThreshold: 1,
      failureThreshold: 3,
      terminationGraceSeconds: undefined,
    });
  });
});

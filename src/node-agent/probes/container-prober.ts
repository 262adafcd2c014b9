/** Runs the probes of one container by the rules of plan-probe.ts, and reports changes. */
import type { Clock, Timer } from '../../base/clock.ts';
import type { Container } from '../../schemas/types.ts';
import type { ProbeOutcome } from '../ports.ts';
import type { ProbeVerdicts } from '../pod/pod-view.ts';
import {
  type ProbeKind,
  type ProbeSettings,
  type ProbeState,
  afterProbe,
  mayRun,
  probeSettings,
  startProbe,
} from './plan-probe.ts';

export interface ContainerProberOptions {
  readonly clock: Clock;
  readonly container: Container;
  readonly startedAtMs: number;
  /** The last reported state of this container. A restart of the agent does not make it unready. */
  readonly before: { readonly started: boolean; readonly ready: boolean } | undefined;
  /** Never fails. */
  run(kind: ProbeKind, timeoutMs: number): Promise<ProbeOutcome>;
  /** A failure, or a success with a warning. */
  onTrouble(kind: ProbeKind, outcome: ProbeOutcome): void;
  onChange(): void;
}

export interface ContainerProber {
  readonly verdicts: ProbeVerdicts;
  stop(): void;
}

interface Running {
  readonly settings: ProbeSettings;
  state: ProbeState;
  timer: Timer | undefined;
  inFlight: boolean;
}

export function createContainerProber(options: ContainerProberOptions): ContainerProber {
  const { clock, container } = options;
  const probes = new Map<ProbeKind, Running>();
  let stopped = false;
  const definitions = [
    ['Startup', container.startupProbe, options.before?.started],
    ['Readiness', container.readinessProbe, options.before?.ready],
    ['Liveness', container.livenessProbe, undefined],
  ] as const;
  for (const [kind, probe, before] of definitions) {
    if (!probe) continue;
    const settings = probeSettings(probe);
    const state = startProbe(kind, settings, options.startedAtMs, clock.now(), before);
    probes.set(kind, { settings, state, timer: undefined, inFlight: false });
  }

  function schedule(): void {
    const startup = probes.get('Startup')?.state;
    for (const [kind, probe] of probes) {
      probe.timer?.cancel();
      probe.timer = undefined;
      if (stopped || probe.inFlight || !mayRun(probe.state, startup)) continue;
      probe.timer = clock.setTimer(() => void runOnce(kind, probe), probe.state.nextAtMs - clock.now());
    }
  }

  async function runOnce(kind: ProbeKind, probe: Running): Promise<void> {
    if (stopped || probe.inFlight) return;
    probe.inFlight = true;
    const beganAtMs = clock.now();
    const outcome = await options.run(kind, probe.settings.timeoutMs);
    probe.inFlight = false;
    if (stopped) return;
    const before = probe.state;
    const result = outcome.isError === true ? 'unknown' : outcome.success ? 'success' : 'failure';
    probe.state = afterProbe(before, probe.settings, result, beganAtMs, clock.now());
    if (!outcome.success || outcome.isWarning === true) options.onTrouble(kind, outcome);
    schedule();
    if (before.passing !== probe.state.passing || before.finished !== probe.state.finished) {
      options.onChange();
    }
  }

  function failure(): ProbeVerdicts['failed'] {
    for (const kind of ['Startup', 'Liveness'] as const) {
      const probe = probes.get(kind);
      if (!probe?.state.finished || probe.state.passing) continue;
      return { kind, graceSeconds: probe.settings.terminationGraceSeconds };
    }
    return undefined;
  }

  schedule();
  return {
    get verdicts() {
      const failed = failure();
      return {
        started: probes.get('Startup')?.state.passing ?? true,
        ready: probes.get('Readiness')?.state.passing ?? true,
        ...(failed ? { failed } : {}),
      };
    },
    stop() {
      stopped = true;
      for (const probe of probes.values()) probe.timer?.cancel();
    },
  };
}

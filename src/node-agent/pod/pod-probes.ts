/** The probers of a pod's containers. Each starts after the postStart hook of its container. */
import type { Clock } from '../../base/clock.ts';
import type { ContainerStatus } from '../../schemas/types.ts';
import type { ProbeOutcome } from '../ports.ts';
import { type ContainerProber, createContainerProber } from '../probes/container-prober.ts';
import type { ProbeKind } from '../probes/plan-probe.ts';
import type { ContainerRecord } from '../runtime/types.ts';
import { type HookState, nameOf, type PlannedContainer, type ProbeVerdicts } from './pod-view.ts';

export interface PodProbesOptions {
  readonly clock: Clock;
  run(item: PlannedContainer, containerId: string, kind: ProbeKind, timeoutMs: number): Promise<ProbeOutcome>;
  onTrouble(item: PlannedContainer, kind: ProbeKind, outcome: ProbeOutcome): void;
  onChange(): void;
  reported(name: string): ContainerStatus | undefined;
}

export interface PodProbes {
  follow(
    planned: readonly PlannedContainer[],
    records: readonly ContainerRecord[],
    postStart: ReadonlyMap<string, HookState>,
  ): void;
  verdicts(): ReadonlyMap<string, ProbeVerdicts>;
  stop(): void;
}

/** While its postStart hook runs, a container with probes is neither started nor ready. */
const NOT_YET: ProbeVerdicts = { started: false, ready: false };

export function createPodProbes(options: PodProbesOptions): PodProbes {
  const probers = new Map<string, ContainerProber>();
  const held = new Set<string>();
  return {
    follow(planned, records, postStart) {
      const running = new Map(
        records.filter((record) => record.phase === 'running').map((record) => [record.id, record]),
      );
      for (const [id, prober] of probers) {
        if (running.has(id)) continue;
        prober.stop();
        probers.delete(id);
      }
      held.clear();
      for (const record of running.values()) {
        const item = planned.find(({ container }) => container.name === nameOf(record));
        if (!item || item.role === 'init' || probers.has(record.id)) continue;
        if ((postStart.get(record.id) ?? 'done') !== 'done') {
          held.add(record.id);
          continue;
        }
        const reported = options.reported(item.container.name);
        const same = reported?.containerID === `docker://${record.id}`;
        probers.set(
          record.id,
          createContainerProber({
            clock: options.clock,
            container: item.container,
            startedAtMs: record.startedAtMs ?? record.createdAtMs,
            before: same ? { started: reported.started === true, ready: reported.ready } : undefined,
            run: (kind, timeoutMs) => options.run(item, record.id, kind, timeoutMs),
            onTrouble: (kind, outcome) => options.onTrouble(item, kind, outcome),
            onChange: options.onChange,
          }),
        );
      }
    },
    verdicts: () =>
      new Map<string, ProbeVerdicts>([
        ...[...held].map((id) => [id, NOT_YET] as const),
        ...[...probers].map(([id, prober]) => [id, prober.verdicts] as const),
      ]),
    stop() {
      for (const prober of probers.values()) prober.stop();
      probers.clear();
    },
  };
}

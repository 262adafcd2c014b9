/**
 * Containers that are being stopped: preStop hook, SIGTERM, grace, SIGKILL. Runs beside the pod's loop, so that all
 * containers of a pod end together and a shorter grace that comes later still counts.
 */
import { createAbort, uninterrupted } from '../../base/abort.ts';
import { backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { failureWords } from './failure-words.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import type { PodStep, StopReason } from './plan-pod-step.ts';
import type { PlannedContainer, Stopping, TellPodEvent } from './pod-view.ts';

export interface PodStopsOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  preStop(item: PlannedContainer, containerId: string, timeoutMs: number): Promise<void>;
  readonly event: TellPodEvent;
  /** The pod's policy wants the container again after a failure. */
  willRestart(item: PlannedContainer): boolean;
  /** Looks at the container again. */
  refresh(containerId: string): Promise<unknown>;
  /** The stop has come to its end, one way or the other. */
  wake(): void;
}

export interface PodStops {
  begin(step: Extract<PodStep, { type: 'stop-container' }>): void;
  current(): ReadonlyMap<string, Stopping>;
}

/** What a container gets in any case: a late start or a hook may have used up the grace. Kubelet's minimum. */
const MINIMUM_GRACE_SECONDS = 2;
const RETRY = { initialMs: 1_000, maxMs: 30_000, factor: 2 };
/** After so many failures the plan looks at the container afresh. */
const MAX_ATTEMPTS = 5;

export function createPodStops(options: PodStopsOptions): PodStops {
  const { runtime, clock } = options;
  const stopping = new Map<string, { deadlineMs: number }>();
  /** Failures to stop, by container, so that looking at it afresh does not begin the back-off anew. */
  const failed = new Map<string, number>();

  async function run(
    step: Extract<PodStep, { type: 'stop-container' }>,
    entry: { deadlineMs: number },
  ): Promise<void> {
    const { record, container: item } = step;
    if (step.runPreStop && item?.container.lifecycle?.preStop && entry.deadlineMs > clock.now()) {
      await preStop(item, record.id, entry.deadlineMs - clock.now());
    }
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const grace = Math.max(Math.ceil((entry.deadlineMs - clock.now()) / 1_000), MINIMUM_GRACE_SECONDS);
      try {
        await runtime.stop(record.id, grace);
        failed.delete(record.id);
        return;
      } catch (error) {
        const failures = (failed.get(record.id) ?? 0) + 1;
        failed.set(record.id, failures);
        options.logger.warn(
          { container: record.id, error: failureWords(error), failures },
          'Cannot stop the container',
        );
        tellFailure(record.id, item, error);
        await sleep(clock, backoffDelayMs(RETRY, failures), uninterrupted);
      }
    }
  }

  /** kubelet's words. */
  function tellFailure(id: string, item: PlannedContainer | undefined, error: unknown): void {
    const name = item?.container.name ?? id;
    const why = `failed to "KillContainer" for "${name}" with KillContainerError: ${JSON.stringify(failureWords(error))}`;
    options.event(undefined, 'Warning', 'FailedKillPod', `error killing pod: ${why}`);
  }

  async function preStop(item: PlannedContainer, containerId: string, timeoutMs: number): Promise<void> {
    const finished = createAbort();
    const hook = options
      .preStop(item, containerId, timeoutMs)
      .catch((error: unknown) =>
        options.event(item, 'Warning', 'FailedPreStopHook', `PreStopHook failed: ${failureWords(error)}`),
      );
    await Promise.race([hook, sleep(clock, timeoutMs, finished.signal)]);
    finished.abort();
  }

  return {
    begin(step) {
      const { record, container: item } = step;
      const existing = stopping.get(record.id);
      if (existing) {
        existing.deadlineMs = step.deadlineMs;
        clock.setTimer(
          () => {
            if (!stopping.has(record.id)) return;
            runtime.kill(record.id, 'SIGKILL').catch((error: unknown) => {
              options.logger.warn(
                { container: record.id, error: failureWords(error) },
                'Cannot kill the container',
              );
              tellFailure(record.id, item, error);
            });
          },
          Math.max(0, step.deadlineMs - clock.now()),
        );
        return;
      }
      const entry = { deadlineMs: step.deadlineMs };
      stopping.set(record.id, entry);
      if (item)
        options.event(
          item,
          'Normal',
          'Killing',
          killingMessage(item, step.reason, options.willRestart(item)),
        );
      void run(step, entry)
        .then(() => options.refresh(record.id))
        .catch((error: unknown) =>
          options.logger.warn({ error: failureWords(error) }, 'Cannot look at a stopped container'),
        )
        .finally(() => {
          stopping.delete(record.id);
          options.wake();
        });
    },
    current: () => stopping,
  };
}

/** kubelet's words: it promises a restart where the policy wants one, and of sidecars takes it for granted. */
function killingMessage(
  { container: { name }, role }: PlannedContainer,
  reason: StopReason,
  willRestart: boolean,
): string {
  const what = role === 'main' ? 'Container' : 'Init container';
  const then = role === 'main' && (willRestart || reason === 'spec-changed') ? ', will be restarted' : '';
  switch (reason) {
    case 'liveness-probe':
      return `${what} ${name} failed liveness probe${then}`;
    case 'startup-probe':
      return `${what} ${name} failed startup probe${then}`;
    case 'spec-changed':
      return `${what} ${name} definition changed${then}`;
    case 'post-start-hook':
      return 'FailedPostStartHook';
    case 'sandbox-changed':
    case 'pod-ended':
    case 'duplicate':
      return `Stopping container ${name}`;
  }
}

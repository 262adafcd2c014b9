/**
 * When a container that has ended starts again. Pure. The ended container's labels carry the level
 * of the back-off, which thus survives a restart of the agent.
 *
 * As kubelet does it: the first restart is immediate, then 10 s, 20 s … 300 s after the end of the
 * last attempt. An attempt that ran for ten minutes resets the back-off.
 */
import { backoffDelayMs } from '../../base/backoff.ts';
import { goDuration } from '../../base/go-words.ts';
import type { Container, Pod } from '../../schemas/types.ts';
import type { Attempt, PlannedContainer } from './pod-view.ts';

export const RESTART_BACKOFF = { initialMs: 10_000, maxMs: 300_000, factor: 2 };
/** Running this long is taken as health; kubelet forgets an entry after twice the maximum. */
const HEALTHY_AFTER_MS = 600_000;

export interface Restart {
  readonly level: number;
  readonly delayMs: number;
  readonly atMs: number;
}

export function planRestart(ended: Attempt): Restart {
  const { record } = ended;
  const endedAtMs = record.finishedAtMs ?? record.createdAtMs;
  const ranMs = record.startedAtMs === undefined ? 0 : endedAtMs - record.startedAtMs;
  const level = ranMs >= HEALTHY_AFTER_MS ? 1 : ended.backoffLevel + 1;
  const delayMs = level <= 1 ? 0 : backoffDelayMs(RESTART_BACKOFF, level - 1);
  return { level, delayMs, atMs: endedAtMs + delayMs };
}

/** The container's own policy goes before the pod's. */
export function restartPolicyOf(pod: Pod, { container }: PlannedContainer): string {
  return container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always';
}

/** Whether the policy wants another attempt after one that ended with `exitCode`. */
export function wantsRestart(pod: Pod, item: PlannedContainer, exitCode: number): boolean {
  const { role } = item;
  if (role === 'sidecar') return true;
  const policy = restartPolicyOf(pod, item);
  // An init container's success is what it is for; `Always` only repeats its failures.
  if (role === 'init') return exitCode !== 0 && policy !== 'Never';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** kubelet's words for the waiting container, as `kubectl describe` shows them. */
export function backOffMessage(pod: Pod, container: Container, delayMs: number): string {
  return `back-off ${goDuration(delayMs)} restarting failed container=${container.name} pod=${shown(pod)}`;
}

/** The event's; it names no time, so that all of a container's are one event that is counted. */
export const backOffEvent = (pod: Pod, container: Container): string =>
  `Back-off restarting failed container ${container.name} in pod ${shown(pod)}`;

const shown = ({ metadata: { name, namespace, uid } }: Pod): string =>
  `${name}_${namespace ?? 'default'}(${uid ?? ''})`;

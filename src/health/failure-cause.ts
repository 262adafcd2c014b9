/**
 * Why a workload is not healthy, found in its pods: what a person would read off `kubectl describe pod`, in one line
 * with the most telling fact first: `container api exited 137 (OOMKilled)`.
 */
import { isRecord } from '../base/json.ts';
import type { KubeObject } from '../schemas/object.ts';
import { conditionOf, listAt, numberAt, recordAt, textAt } from './fields.ts';
import { isStuck } from './pod.ts';

export interface Cause {
  /** `failing`: it will not get better by waiting; `waiting`: it may. */
  readonly severity: 'failing' | 'waiting';
  readonly text: string;
}

/** Enough of a log line or a runtime's message to recognise it; the whole status has 140 characters. */
const MAX_DETAIL = 100;

/** The worst cause among the pods, the first by name among equals; undefined when every pod is fine. */
export function findCause(pods: readonly KubeObject[]): Cause | undefined {
  const sorted = [...pods].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const causes = sorted.map(causeOfPod).filter((cause) => cause !== undefined);
  return causes.find(({ severity }) => severity === 'failing') ?? causes[0];
}

function causeOfPod(pod: KubeObject): Cause | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  const status = recordAt(pod, 'status');
  if (conditionOf(status, 'Ready')?.['status'] === 'True') return undefined;
  const init = listAt(status, 'initContainerStatuses').filter(isRecord);
  const main = listAt(status, 'containerStatuses').filter(isRecord);
  for (const [containers, what] of [
    [init, 'init container'],
    [main, 'container'],
  ] as const) {
    for (const container of containers) {
      const cause = causeOfContainer(container, `${what} ${textAt(container, 'name')}`);
      if (cause) return cause;
    }
  }
  if (textAt(status, 'phase') === 'Failed') {
    const text = [textAt(status, 'reason'), lastLine(textAt(status, 'message'))]
      .filter((part) => part !== '')
      .join(': ');
    return { severity: 'failing', text: text === '' ? 'pod failed' : text };
  }
  const scheduled = conditionOf(status, 'PodScheduled');
  if (scheduled?.['status'] === 'False') {
    return {
      severity: 'waiting',
      text: lastLine(textAt(scheduled, 'message')) || textAt(scheduled, 'reason'),
    };
  }
  const unready = main.find(
    (container) => container['ready'] !== true && recordAt(recordAt(container, 'state'), 'running'),
  );
  return unready
    ? { severity: 'waiting', text: `container ${textAt(unready, 'name')} is not ready` }
    : undefined;
}

function causeOfContainer(container: Record<string, unknown>, name: string): Cause | undefined {
  const state = recordAt(container, 'state');
  const last = recordAt(recordAt(container, 'lastState'), 'terminated');
  const waiting = recordAt(state, 'waiting');
  const reason = textAt(waiting, 'reason');
  const current = recordAt(state, 'terminated');
  if (current && numberAt(current, 'exitCode') !== 0)
    return { severity: 'failing', text: `${name} ${exit(current)}` };
  if (
    last &&
    (reason === 'CrashLoopBackOff' || (numberAt(last, 'exitCode') !== 0 && container['ready'] !== true))
  ) {
    return { severity: 'failing', text: `${name} ${exit(last)}` };
  }
  if (!isStuck(reason)) return undefined;
  const message = lastLine(textAt(waiting, 'message'));
  return {
    severity: 'failing',
    text: `${name} cannot start: ${reason}${message === '' ? '' : `: ${message}`}`,
  };
}

/** `exited 137 (OOMKilled)`, with the last line the container said where the agent recorded it. */
function exit(terminated: Record<string, unknown>): string {
  const reason = textAt(terminated, 'reason');
  const named = reason === '' || reason === 'Error' || reason === 'Completed' ? '' : ` (${reason})`;
  const message = lastLine(textAt(terminated, 'message'));
  return `exited ${numberAt(terminated, 'exitCode')}${named}${message === '' ? '' : `: ${message}`}`;
}

function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1)?.trim() ?? '';

  const points = Array.from(line.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' '));
  return points.length <= MAX_DETAIL ? points.join('') : `${points.slice(0, MAX_DETAIL - 1).join('')}…`;
}

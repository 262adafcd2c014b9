/** A Pod is Degraded if it waits for a reason that lasts, or crashed and is not ready. */
import { type Health, type Assessor, degraded, progressing } from './types.ts';
import { conditionOf, numberAt, recordAt, recordsAt, textAt } from './fields.ts';

export const assessPod: Assessor = (object): Health => {
  const status = recordAt(object, 'status');
  const restarts = textAt(recordAt(object, 'spec'), 'restartPolicy') || 'Always';
  const containers = recordsAt(status, 'containerStatuses');
  if (restarts === 'Always') {
    const stuck = containers
      .map((container) => recordAt(recordAt(container, 'state'), 'waiting'))
      .filter((waiting) => isStuck(textAt(waiting, 'reason')))
      .map((waiting) => textAt(waiting, 'message') || textAt(waiting, 'reason'));
    if (stuck.length > 0) return degraded(stuck.join(', '));
  }
  switch (textAt(status, 'phase')) {
    case 'Pending':
    case '':
      return progressing(textAt(status, 'message') || textAt(conditionOf(status, 'PodScheduled'), 'message'));
    case 'Succeeded':
      return { status: 'Healthy', message: textAt(status, 'message') };
    case 'Failed':
      return degraded(textAt(status, 'message') || textAt(status, 'reason') || exitText(containers));
    case 'Running':
      return assessRunning(restarts, status, containers);
    default:
      return { status: 'Unknown', message: textAt(status, 'message') };
  }
};

function assessRunning(
  restarts: string,
  status: unknown,
  containers: readonly Record<string, unknown>[],
): Health {
  // A pod that is to end (a hook, a one-off task) is not done while it runs.
  if (restarts !== 'Always') return progressing(textAt(status, 'message'));
  if (conditionOf(status, 'Ready')?.['status'] === 'True')
    return { status: 'Healthy', message: textAt(status, 'message') };
  const crashed = containers.some((container) => recordAt(recordAt(container, 'lastState'), 'terminated'));
  return crashed
    ? degraded(textAt(status, 'message') || exitText(containers))
    : progressing(textAt(status, 'message'));
}

/** Waiting reasons that mean trouble: `ErrImagePull`, `CreateContainerError`, `…BackOff`. */
export function isStuck(reason: string): boolean {
  return (
    reason.startsWith('Err') ||
    reason.endsWith('Error') ||
    reason.endsWith('BackOff') ||
    reason === 'InvalidImageName'
  );
}

function exitText(containers: readonly Record<string, unknown>[]): string {
  for (const container of containers) {
    for (const when of ['state', 'lastState']) {
      const terminated = recordAt(recordAt(container, when), 'terminated');
      if (!terminated || (numberAt(terminated, 'exitCode') === 0 && when === 'state')) continue;
      const reason = textAt(terminated, 'reason');
      const suffix = reason === '' || reason === 'Error' ? '' : ` (${reason})`;
      return `container ${textAt(container, 'name')} exited ${numberAt(terminated, 'exitCode')}${suffix}`;
    }
  }
  return '';
}

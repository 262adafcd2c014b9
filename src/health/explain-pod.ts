/** Explains why a pod is not ready. Pure; undefined if it is ready or being deleted. */
import type { KubeObject } from '../schemas/object.ts';
import { explainContainer, explainUnready } from './explain-container.ts';
import { conditionOf, recordAt, recordsAt, textAt } from './fields.ts';
import { AWAITS_POD, explainClaim } from './persistent-volume-claim.ts';
import { lastLine, messageLine } from './message-line.ts';
import type { Cause, Surroundings, Warning } from './types.ts';

export function explainPod(pod: KubeObject, around: Surroundings): Cause | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  const { status } = pod;
  if (conditionOf(status, 'Ready')?.['status'] === 'True') return undefined;
  const phase = textAt(status, 'phase');
  if (phase === 'Succeeded') return undefined;
  const warnings = around.warningsAbout(pod);
  return (
    (phase === 'Failed' ? undefined : lostNode(pod, around)) ??
    failedContainer(status, warnings) ??
    (phase === 'Failed' ? failedPod(status) : undefined) ??
    unscheduled(pod, around) ??
    blocked(status, warnings) ??
    uninitialized(pod) ??
    unready(pod, warnings) ??
    closedGate(status)
  );
}

/** The last report of a lost node's agent may no longer be true. */
export function lostNode({ spec }: KubeObject, { nodeOf }: Surroundings): Cause | undefined {
  const name = textAt(spec, 'nodeName');
  if (name === '') return undefined;
  const node = nodeOf(name);
  if (!node) return { severity: 'waiting', text: `node ${name} does not exist` };
  const ready = conditionOf(node.status, 'Ready');
  const state = textAt(ready, 'status');
  if (state === '' || state === 'True') return undefined;
  const what = state === 'Unknown' ? 'is lost (NotReady)' : 'is NotReady';
  const why = messageLine(textAt(ready, 'message') || textAt(ready, 'reason'));
  return { severity: 'waiting', text: `node ${name} ${what}${why === '' ? '' : `: ${why}`}` };
}

function failedContainer(status: unknown, warnings: readonly Warning[]): Cause | undefined {
  for (const [list, what] of [
    ['initContainerStatuses', 'init container'],
    ['containerStatuses', 'container'],
  ] as const) {
    for (const container of recordsAt(status, list)) {
      const cause = explainContainer(container, what, warnings);
      if (cause) return cause;
    }
  }
  return undefined;
}

function failedPod(status: unknown): Cause {
  const parts = [textAt(status, 'reason'), lastLine(textAt(status, 'message'))];
  return { severity: 'failing', text: parts.filter((part) => part !== '').join(': ') || 'pod failed' };
}

/** The scheduler's words on preemption come after the problem, and are longer. */
const PREEMPTION = /\. (?:not found|(?:no new claims to deallocate, )?preemption: .*)$/s;
/** The scheduler does not say which claim, nor why. */
const UNBOUND = 'pod has unbound immediate PersistentVolumeClaims';

function unscheduled(pod: KubeObject, around: Surroundings): Cause | undefined {
  const scheduled = conditionOf(pod.status, 'PodScheduled');
  if (scheduled?.['status'] === 'True') return undefined;
  const message = textAt(scheduled, 'message').replace(PREEMPTION, '');
  const isUntold = scheduled === undefined || message.includes(UNBOUND);
  const claim = isUntold ? unboundClaim(pod, around) : undefined;
  if (claim === undefined && !scheduled) return undefined;
  return {
    severity: 'waiting',
    text: claim ?? (messageLine(message) || textAt(scheduled, 'reason') || 'not scheduled'),
  };
}

function unboundClaim(pod: KubeObject, { claimsOf, warningsAbout }: Surroundings): string | undefined {
  for (const claim of claimsOf(pod)) {
    const why = explainClaim(claim, warningsAbout(claim)[0]);
    if (why !== undefined && why !== AWAITS_POD)
      return messageLine(`claim ${claim.metadata.name} is not bound: ${why}`);
  }
  return undefined;
}

/**
 * Reports volumes that cannot be mounted and sandboxes that cannot be made. kubelet reports them in
 * events only, while the containers wait to be created.
 */
function blocked(status: unknown, warnings: readonly Warning[]): Cause | undefined {
  const waits = [...recordsAt(status, 'initContainerStatuses'), ...recordsAt(status, 'containerStatuses')]
    .map((container) => recordAt(recordAt(container, 'state'), 'waiting'))
    .filter((waiting) => waiting !== undefined);
  if (waits.length === 0) return undefined;
  const warning = warnings.find(({ container, reason }) => container === undefined && BLOCKING.test(reason));
  if (warning) return { severity: 'failing', text: `${warning.reason}: ${messageLine(warning.message)}` };
  const told = waits.find((waiting) => textAt(waiting, 'message') !== '');
  if (!told) return undefined;
  const text = `${textAt(told, 'reason')}: ${messageLine(textAt(told, 'message'))}`;
  return { severity: BLOCKING.test(textAt(told, 'reason')) ? 'failing' : 'waiting', text };
}

/** A missing pull secret stops nothing by itself, and a bound pod has been scheduled. */
const BLOCKING = /^(?:Failed(?!Scheduling|ToRetrieveImagePullSecret)|NetworkNotReady|NetworkFailed)/;

/** Init containers that run beside the others, and are as ready as these. */
function isSidecar({ spec }: KubeObject, name: string): boolean {
  return recordsAt(spec, 'initContainers').some(
    (container) => textAt(container, 'name') === name && container['restartPolicy'] === 'Always',
  );
}

function uninitialized(pod: KubeObject): Cause | undefined {
  const running = recordsAt(pod.status, 'initContainerStatuses')
    .filter((container) => !isSidecar(pod, textAt(container, 'name')))
    .find((container) => container['ready'] !== true && recordAt(recordAt(container, 'state'), 'running'));
  if (!running) return undefined;
  const text = `init container ${textAt(running, 'name')} has not finished`;
  return { severity: 'waiting', text, vague: true };
}

function unready(pod: KubeObject, warnings: readonly Warning[]): Cause | undefined {
  const sidecars = recordsAt(pod.status, 'initContainerStatuses').filter((container) =>
    isSidecar(pod, textAt(container, 'name')),
  );
  const causes = [...sidecars, ...recordsAt(pod.status, 'containerStatuses')].flatMap(
    (container) => explainUnready(container, warnings) ?? [],
  );
  return causes.find(({ vague }) => vague !== true) ?? causes[0];
}

function closedGate(status: unknown): Cause | undefined {
  const ready = conditionOf(status, 'Ready');
  if (textAt(ready, 'reason') !== 'ReadinessGatesNotReady') return undefined;
  return { severity: 'waiting', text: messageLine(textAt(ready, 'message')) };
}

/**
 * Explains in one line why an object is not healthy: the facts of `kubectl describe` of it, its
 * pods and their nodes, with the most telling one first: `container api exited 137 (OOMKilled)`.
 * Only this place decides it; `symphony status`, the Application's status and the commit status
 * show it.
 *
 * The objects' present state decides what is wrong. Events only add the reason: they outlive their
 * problem.
 */
import type { KubeObject } from '../schemas/object.ts';
import { explainPod } from './explain-pod.ts';
import { conditionOf, numberAt, recordsAt, textAt, timeAt } from './fields.ts';
import { explainStatefulSet } from './explain-stateful-set.ts';
import { explainClaim } from './persistent-volume-claim.ts';
import { messageLine } from './message-line.ts';
import type { Cause, Health, Surroundings } from './types.ts';

export function explain(object: KubeObject, health: Health, around: Surroundings): Cause {
  if (object.metadata.deletionTimestamp !== undefined)
    return { severity: 'waiting', text: messageLine(deletionText(object, health)) };
  const found =
    object.kind === 'StatefulSet' ? explainStatefulSet(object, around) : explainWorkload(object, around);
  const severity = health.status === 'Degraded' ? 'failing' : (found?.severity ?? 'waiting');
  if (found) return { ...found, severity, text: withVerdict(object, health, found.text) };
  const [warning] = around.warningsAbout(object);
  const text =
    object.kind === 'PersistentVolumeClaim'
      ? explainClaim(object, warning)
      : health.message || (warning && `${warning.reason}: ${warning.message}`);
  // A whole, such as an Application, names its most telling part on the first line.
  return text
    ? { severity, text: messageLine(text.split('\n')[0] ?? '') }
    : { severity, text: health.status, vague: true };
}

/** A failed Job is explained by its rule and by the end of its pods. */
const withVerdict = ({ kind }: KubeObject, { status, message }: Health, text: string): string =>
  kind === 'Job' && status === 'Degraded' ? messageLine(`${message}: ${text}`) : text;

/** Adds the cause that holds up the deletion, from finalizers or a namespace's conditions. */
function deletionText({ kind, metadata, status }: KubeObject, { message }: Health): string {
  const told = recordsAt(kind === 'Namespace' ? status : undefined, 'conditions')
    .filter((condition) => condition['status'] === 'True')
    .map((condition) => textAt(condition, 'message'));
  const { finalizers = [] } = metadata;
  const finalizing = finalizers.length === 0 ? [] : [`finalizers: ${finalizers.join(', ')}`];
  const why = told.length > 0 ? told : finalizing;
  return [message, ...why].join(': ');
}

/** Returns the worst cause; of equal ones the first. */
export function worstCause(causes: readonly Cause[]): Cause | undefined {
  return [...causes].sort((a, b) => weightOf(a) - weightOf(b))[0];
}

export const weightOf = ({ severity, vague }: Cause): number =>
  severity === 'failing' ? 0 : vague === true ? 2 : 1;

function explainWorkload(object: KubeObject, around: Surroundings): Cause | undefined {
  const pods = [...around.podsOf(object)].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  // A pod that has ended is replaced: the living ones show the present state of the workload.
  const living = pods.filter((pod) => object.kind === 'Pod' || !hasFailed(pod));
  const ofLiving = worstCause([...refusalOf(object, around), ...causesOf(living, around)]);
  if (ofLiving && ofLiving.vague !== true) return ofLiving;
  return worstCause(causesOf(pods.filter(hasFailed), around)) ?? ofLiving;
}

const causesOf = (pods: readonly KubeObject[], around: Surroundings): readonly Cause[] =>
  pods.flatMap((pod) => explainPod(pod, around) ?? []);

const hasFailed = ({ status }: KubeObject): boolean => textAt(status, 'phase') === 'Failed';

/** Refusals of pods, or of a ReplicaSet, by admission or a quota. */
function refusalOf(workload: KubeObject, around: Surroundings): readonly Cause[] {
  const creator = around.creatorOf(workload);
  const failure = conditionOf(creator?.status, 'ReplicaFailure');
  if (creator && failure?.['status'] === 'True') {
    // The condition keeps the first message while its reason stays; the event has the newest.
    const newest = around
      .warningsAbout(creator)
      .find(
        ({ reason, lastMs }) =>
          reason === failure['reason'] && lastMs >= timeAt(failure, 'lastTransitionTime'),
      );
    const message = (newest?.message ?? textAt(failure, 'message')).replace(/^Error creating: /, '');
    const text = failure['reason'] === 'FailedDelete' ? messageLine(message) : refusalText(message);
    return [{ severity: 'failing', text }];
  }
  if (workload.kind === 'DaemonSet') return refusalOfDaemon(workload, around);
  if (workload.kind === 'Job') {
    const refused = around.warningsAbout(workload).find(({ reason }) => reason === 'FailedCreate');
    const message = refused?.message.replace(/^Error creating: /, '');
    return message === undefined ? [] : [{ severity: 'failing', text: refusalText(message) }];
  }
  const progress = conditionOf(workload.status, 'Progressing');
  if (textAt(progress, 'reason') !== 'ReplicaSetCreateError') return [];
  return [{ severity: 'failing', text: messageLine(textAt(progress, 'message')) }];
}

/** It has no conditions: while nodes lack their pods, the newest refusal is the reason. */
function refusalOfDaemon(daemonSet: KubeObject, around: Surroundings): readonly Cause[] {
  const { status } = daemonSet;
  if (numberAt(status, 'currentNumberScheduled') >= numberAt(status, 'desiredNumberScheduled')) return [];
  const refusal = around.warningsAbout(daemonSet).find(({ reason }) => reason === 'FailedCreate');
  if (!refusal) return [];
  return [{ severity: 'failing', text: refusalText(refusal.message.replace(/^Error creating: /, '')) }];
}

/** `pods "web-5d9f-x7k2p" is forbidden: …`: each try has another name, which is left out. */
function refusalText(message: string): string {
  const refused = /^(?:Pod|pods) "[^"]*" is (forbidden|invalid): /.exec(message);
  const why = refused ? message.slice(refused[0].length) : message;
  return messageLine(`pods cannot be created${refused ? ` (${refused[1]})` : ''}: ${why}`);
}

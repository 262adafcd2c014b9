/**
 * Explains why a StatefulSet does not progress: the pod that the others wait for, by ordinal, or
 * the pod that cannot be made. A terminating pod holds up its successor for as long as its object
 * exists.
 */
import type { KubeObject } from '../schemas/object.ts';
import { explainPod, lostNode } from './explain-pod.ts';
import { numberAt, textAt } from './fields.ts';
import { messageLine } from './message-line.ts';
import type { Cause, Surroundings } from './types.ts';

export function explainStatefulSet(set: KubeObject, around: Surroundings): Cause | undefined {
  const pods = [...around.podsOf(set)].sort((a, b) => ordinalOf(a) - ordinalOf(b));
  const causes = pods.flatMap((pod) => {
    const cause = goingCause(pod, around) ?? explainPod(pod, around);
    return cause ? [{ ...cause, text: messageLine(`pod ${pod.metadata.name}: ${cause.text}`) }] : [];
  });
  const isOrdered = textAt(set.spec, 'podManagementPolicy') !== 'Parallel';
  const failing = causes.find(({ severity }) => severity === 'failing');
  const [first] = causes;
  // In order, the first pod that is not ready holds up those after it.
  return (isOrdered ? first : (failing ?? first)) ?? missingCause(set, pods, around);
}

const ordinalOf = ({ metadata }: KubeObject): number => Number(/\d+$/.exec(metadata.name)?.[0] ?? 0);

function goingCause(pod: KubeObject, around: Surroundings): Cause | undefined {
  if (pod.metadata.deletionTimestamp === undefined) return undefined;
  const lost = lostNode(pod, around);
  const text = lost
    ? `terminating, and ${lost.text}; its successor waits until the node returns or is deleted`
    : 'terminating; its successor waits until it is gone';
  return { severity: 'waiting', text };
}

/** Pods that admission, a quota or a claim keeps from being created. */
function missingCause(
  set: KubeObject,
  pods: readonly KubeObject[],
  { warningsAbout }: Surroundings,
): Cause | undefined {
  const wanted = numberAt(set.spec, 'replicas', 1);
  if (pods.length >= wanted) return undefined;
  const refusal = warningsAbout(set).find(({ reason }) => reason === 'FailedCreate');
  if (refusal) return { severity: 'failing', text: messageLine(refusal.message) };
  return { severity: 'waiting', text: `${pods.length} of ${wanted} pods exist`, vague: true };
}

/**
 * The effect of Kubernetes' default admission plugins on a new pod: a service account, the priority
 * of a built-in class, and five minutes of toleration for a lost node. Templates get none of it.
 * The volume with the account's token depends on the account: an admission rule adds it.
 */
import { toRfc3339 } from '../../../base/clock.ts';
import { asList, asRecord, asRecords, asString, type Fields, getPath } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { qosClass } from '../../pods/pod-resources.ts';
import { withAwayTolerations } from '../../pods/tolerations.ts';
import type { Toleration } from '../../types.ts';
import { systemPriorities } from '../../pods/priorities.ts';
import { isMirrorPod } from '../../validation/pod-annotations.ts';

/** The spec after admission; the caller adds the `priority` of a class that is not built in. */
export function admitPod(pod: KubeObject): Record<string, unknown> {
  const spec = asRecord(pod['spec']);
  const className = asString(spec['priorityClassName']);
  const priority = className === '' ? 0 : systemPriorities.get(className);
  return {
    ...spec,
    ...(isMirrorPod(pod) ? {} : accountOf(spec)),
    tolerations: withLostNodeTolerations(spec['tolerations']),
    ...(priority === undefined ? {} : { priority: spec['priority'] ?? priority }),
    preemptionPolicy: spec['preemptionPolicy'] ?? 'PreemptLowerPriority',
  };
}

/** A mirror pod has no account: its node could ask for the account's token. */
function accountOf(spec: Fields): Record<string, unknown> {
  const account = asString(spec['serviceAccountName']) || 'default';
  return { serviceAccountName: account, serviceAccount: account };
}

/** An update that omits the tolerations gets them back. */
export const admitPodUpdate = (spec: Fields): Record<string, unknown> => ({
  ...spec,
  ...(spec['tolerations'] === undefined || Array.isArray(spec['tolerations'])
    ? { tolerations: withLostNodeTolerations(spec['tolerations']) }
    : {}),
});

/** The status to store: the QoS class never changes; `podIP` is the first of `podIPs`. */
export function preparePodStatus(next: KubeObject, current: KubeObject): unknown {
  const status = asRecord(next['status']);
  const qos = getPath(current, 'status', 'qosClass');
  return {
    ...status,
    ...(qos === undefined ? {} : { qosClass: qos }),
    ...podAddresses(status),
    ...containerStates(status),
  };
}

/** The states of a container are written even when they are empty. */
function containerStates(status: Fields): Record<string, unknown> {
  const lists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'];
  const complete: Record<string, unknown> = {};
  for (const list of lists)
    if (Array.isArray(status[list]))
      complete[list] = asRecords(status[list]).map((one) => ({ state: {}, lastState: {}, ...one }));
  return complete;
}

function podAddresses({ podIP, podIPs }: Fields): Record<string, unknown> {
  const first = asRecords(podIPs)[0]?.['ip'];
  const single = asString(podIP);
  if (single === '') return first === undefined ? {} : { podIP: first };
  return first === single ? {} : { podIPs: [{ ip: single }] };
}

function withLostNodeTolerations(value: unknown): unknown {
  if (value !== undefined && !Array.isArray(value)) return value;
  const given = asRecords(value) as unknown as readonly Toleration[];
  return [...asList(value), ...withAwayTolerations(given).slice(given.length)];
}

/** A new pod is Pending; one with scheduling gates has a condition that it is not scheduled. */
export function initialPodStatus(pod: KubeObject): unknown {
  const gated = asList(getPath(pod, 'spec', 'schedulingGates')).length > 0;
  const created = asString(getPath(pod, 'metadata', 'creationTimestamp')) || toRfc3339(0);
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    lastProbeTime: null,
    lastTransitionTime: created,
    reason: 'SchedulingGated',
    message: 'Scheduling is blocked due to non-empty scheduling gates',
  };
  return { phase: 'Pending', ...(gated ? { conditions: [condition] } : {}), qosClass: qosClass(pod['spec']) };
}

/**
 * 2. Binding. Requests fit, host ports are unique, taints and selectors hold at the moment of
 *    binding, and it is final.
 */
import { podRequests } from '../../../src/schemas/pods/pod-resources.ts';
import type { Node, Pod } from '../../../src/schemas/types.ts';
import { isFinished } from './facts.ts';
import type { Checker } from './types.ts';

type Taint = NonNullable<Node['spec']['taints']>[number];
const CORDON: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const KIBI = /^(\d+)Ki$/;

export const binding: Checker = {
  invariant: 2,
  attach({ world, report }) {
    const { ledger } = world;

    ledger.onEvent(({ type, resource, key, object, previous }) => {
      if (resource !== 'pods' || type === 'DELETED') return;
      const pod = object as Pod;
      const { nodeName } = pod.spec;
      const before = (previous as Pod | undefined)?.spec.nodeName;
      if (previous && previous.metadata.uid === pod.metadata.uid && before && before !== nodeName) {
        report(2, `pod ${key} moved from ${before} to ${nodeName}`);
      }
      if (!nodeName || before === nodeName || type === 'ADDED') return;
      const node = ledger.objects<Node>('nodes').get(nodeName);
      const states = ledger.recent<Node>(node?.metadata.uid ?? '');
      // A taint that the scheduler cannot have overlooked: it was there all the time.
      const always = (taint: Taint): boolean =>
        states.every((state) => (state.spec.taints ?? []).some((other) => sameTaint(other, taint)));
      const refused = (states[0]?.spec.taints ?? []).filter(
        (taint) => taint.effect !== 'PreferNoSchedule' && always(taint) && !tolerated(pod, taint),
      );
      if (refused.length > 0)
        report(2, `pod ${key} was bound to ${nodeName} against the taint ${refused[0]?.key}`);
      const isCordoned = states.length > 0 && states.every((state) => state.spec.unschedulable === true);
      if (isCordoned && !tolerated(pod, CORDON)) {
        report(2, `pod ${key} was bound to the cordoned node ${nodeName}`);
      }
      const labels = node?.metadata.labels ?? {};
      for (const [name, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
        if (node && labels[name] !== value)
          report(2, `pod ${key} was bound to ${nodeName}, which lacks ${name}`);
      }
    });

    return () => {
      for (const node of ledger.objects<Node>('nodes').values()) {
        const { name } = node.metadata;
        const allocatable = (node.status?.allocatable ?? {}) as Record<string, string>;
        if (allocatable['cpu'] === undefined) continue;
        const sums = new Map<string, number>();
        const ports = new Map<string, string>();
        for (const [key, pod] of ledger.objects<Pod>('pods')) {
          if (pod.spec.nodeName !== name || isFinished(pod)) continue;
          for (const [resource, amount] of podRequests(pod.spec)) {
            sums.set(resource, (sums.get(resource) ?? 0) + amount);
          }
          for (const { hostPort, protocol = 'TCP', hostIP = '' } of pod.spec.containers.flatMap(
            (c) => c.ports ?? [],
          )) {
            if (hostPort === undefined) continue;
            const port = `${hostIP}/${protocol}/${hostPort}`;
            const other = ports.get(port);
            if (other !== undefined) report(2, `pods ${key} and ${other} share port ${port} of ${name}`);
            ports.set(port, key);
          }
        }
        const cpuMillis = Number(allocatable['cpu']) * 1000;
        const memoryBytes = Number(KIBI.exec(allocatable['memory'] ?? '')?.[1]) * 1024;
        if ((sums.get('cpu') ?? 0) > cpuMillis)
          report(2, `node ${name}: ${sums.get('cpu')}m CPU of ${cpuMillis}m`);
        if ((sums.get('memory') ?? 0) > memoryBytes)
          report(2, `node ${name}: more memory requested than there is`);
      }
    };
  },
};

function sameTaint(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.value === b.value && a.effect === b.effect;
}

function tolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec.tolerations ?? []).some(
    ({ key, operator = 'Equal', value, effect }) =>
      (effect === undefined || effect === taint.effect) &&
      (key === undefined || key === taint.key) &&
      (operator === 'Exists' || (value ?? '') === (taint.value ?? '')),
  );
}

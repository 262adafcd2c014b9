/**
 * Decides on which nodes the pods of a DaemonSet belong: upstream's NodeShouldRunDaemonPod, pure.
 */
import { requiredNodePredicate } from '../../schemas/pods/node-selector.ts';
import { toleratesTaint } from '../../schemas/pods/tolerations.ts';
import type { DaemonSet, Node, PodSpec, Toleration } from '../../schemas/types.ts';

/** `run`: a pod belongs there. `stay`: one that is there may stay. `leave`: it has to go. */
export type Fit = 'run' | 'stay' | 'leave';

const toleration = (name: string, effect: 'NoExecute' | 'NoSchedule'): Toleration => ({
  key: `node.kubernetes.io/${name}`,
  operator: 'Exists',
  effect,
});

/** Pods of DaemonSets live through what makes a node unfit for others. */
const TOLERATIONS: readonly Toleration[] = [
  toleration('not-ready', 'NoExecute'),
  toleration('unreachable', 'NoExecute'),
  toleration('disk-pressure', 'NoSchedule'),
  toleration('memory-pressure', 'NoSchedule'),
  toleration('pid-pressure', 'NoSchedule'),
  toleration('unschedulable', 'NoSchedule'),
];
const HOST_NETWORK_TOLERATION = toleration('network-unavailable', 'NoSchedule');

/** Tolerations that match in everything but their seconds are replaced, as upstream does. */
export function daemonTolerations({ tolerations = [], hostNetwork }: Partial<PodSpec>): Toleration[] {
  const added = hostNetwork ? [...TOLERATIONS, HOST_NETWORK_TOLERATION] : TOLERATIONS;
  return [
    ...tolerations.map((own) => added.find((one) => isSame(one, own)) ?? own),
    ...added.filter((one) => !tolerations.some((own) => isSame(one, own))),
  ];
}

const isSame = (a: Toleration, b: Toleration): boolean =>
  a.key === b.key && a.effect === b.effect && a.operator === b.operator && (b.value ?? '') === '';

/** DaemonSets are never changed, and each node that changes asks all of them. */
const fits = new WeakMap<DaemonSet, (node: Node) => Fit>();

export function fitOf(daemonSet: DaemonSet): (node: Node) => Fit {
  let fit = fits.get(daemonSet);
  if (!fit) {
    fit = compileFit(daemonSet.spec.template.spec ?? { containers: [] });
    fits.set(daemonSet, fit);
  }
  return fit;
}

function compileFit(spec: PodSpec): (node: Node) => Fit {
  const tolerations = daemonTolerations(spec);
  const matches = requiredNodePredicate({ spec });
  return ({ metadata: { name, labels = {} }, spec: { taints = [] } }) => {
    if (spec.nodeName && spec.nodeName !== name) return 'leave';
    if (matches && !matches({ name, labels })) return 'leave';
    const untolerated = taints.filter((taint) => !toleratesTaint(tolerations, taint));
    const has = (effect: string): boolean => untolerated.some((taint) => taint.effect === effect);
    if (has('NoExecute')) return 'leave';
    return has('NoSchedule') ? 'stay' : 'run';
  };
}

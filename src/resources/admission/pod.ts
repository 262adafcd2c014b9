/**
 * The server adds to each pod the tolerance for a node that is away. Source: the admission plug-in
 * DefaultTolerationSeconds.
 */
import { isPod } from '../../schemas/pods/pod-marks.ts';
import type { Pod, PodSpec, Toleration } from '../../schemas/types.ts';
import type { AdmissionPolicy, AdmissionRule } from './types.ts';

/** kube-apiserver's --default-not-ready-toleration-seconds and its sibling. */
const UPSTREAM_SECONDS = { notReady: 300, unreachable: 300 };

export const podDefaults: AdmissionRule = {
  name: 'PodDefaults',
  applies: ({ kind, subresource }) => isPod(kind) && subresource === undefined,
  async admit({ object, operation }, { policy }) {
    const pod = object as Pod;
    const tolerations = withAwayTolerations(pod.spec.tolerations ?? [], policy.tolerationSeconds);
    const enableServiceLinks = pod.spec.enableServiceLinks ?? true;
    // A client that replaces a pod may leave out what the server gave it.
    const added = operation === 'create' ? { tolerations, enableServiceLinks } : { tolerations };
    return { ...pod, spec: { ...pod.spec, ...added } satisfies PodSpec };
  },
};

function withAwayTolerations(
  tolerations: readonly Toleration[],
  { notReady, unreachable } = UPSTREAM_SECONDS as NonNullable<AdmissionPolicy['tolerationSeconds']>,
): Toleration[] {
  const away = [
    ['node.kubernetes.io/not-ready', notReady],
    ['node.kubernetes.io/unreachable', unreachable],
  ] as const;
  const missing = away.filter(([taint]) => !tolerations.some((toleration) => covers(toleration, taint)));
  return [
    ...tolerations,
    ...missing.map(
      ([key, tolerationSeconds]): Toleration => ({
        key,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds,
      }),
    ),
  ];
}

function covers({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute');
}

/**
 * The server adds to each pod the usual five minutes of tolerance for a node that is away. Source:
 * the admission plug-in DefaultTolerationSeconds.
 */
import { isPod } from '../../schemas/pods/pod-marks.ts';
import type { Pod, PodSpec, Toleration } from '../../schemas/types.ts';
import type { AdmissionRule } from './types.ts';

const AWAY_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;
/** How long a pod stays bound to a node that is not ready or unreachable. */
const AWAY_SECONDS = 300;

export const podDefaults: AdmissionRule = {
  name: 'PodDefaults',
  applies: ({ kind, subresource }) => isPod(kind) && subresource === undefined,
  async admit({ object, operation }) {
    const pod = object as Pod;
    const tolerations = withAwayTolerations(pod.spec.tolerations ?? []);
    const enableServiceLinks = pod.spec.enableServiceLinks ?? true;
    // A client that replaces a pod may leave out what the server gave it.
    const added = operation === 'create' ? { tolerations, enableServiceLinks } : { tolerations };
    return { ...pod, spec: { ...pod.spec, ...added } satisfies PodSpec };
  },
};

function withAwayTolerations(tolerations: readonly Toleration[]): Toleration[] {
  const missing = AWAY_TAINTS.filter((taint) => !tolerations.some((toleration) => covers(toleration, taint)));
  return [
    ...tolerations,
    ...missing.map(
      (key): Toleration => ({
        key,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: AWAY_SECONDS,
      }),
    ),
  ];
}

function covers({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute');
}

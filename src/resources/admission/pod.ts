/**
 * The server adds to each pod the tolerance for a node that is away. Source: the admission plug-in
 * DefaultTolerationSeconds.
 */
import { isPod } from '../../schemas/pods/pod-marks.ts';
import { withAwayTolerations } from '../../schemas/pods/tolerations.ts';
import type { Pod, PodSpec } from '../../schemas/types.ts';
import type { AdmissionRule } from './types.ts';

export const podDefaults: AdmissionRule = {
  name: 'PodDefaults',
  applies: ({ kind, subresource }) => isPod(kind) && subresource === undefined,
  async admit({ object, operation }, { policy }) {
    const pod = object as Pod;
    const given = pod.spec.tolerations ?? [];
    const away = withAwayTolerations(given, policy.tolerationSeconds);
    if (operation === 'update' && away === given) return object;
    const tolerations = [...away];
    const enableServiceLinks = pod.spec.enableServiceLinks ?? true;
    // A client that replaces a pod may leave out what the server gave it.
    const added = operation === 'create' ? { tolerations, enableServiceLinks } : { tolerations };
    return { ...pod, spec: { ...pod.spec, ...added } satisfies PodSpec };
  },
};

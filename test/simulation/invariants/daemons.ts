/** 19. Daemons. A DaemonSet makes at most one pod for a node, and one more where it may surge. */
import { controllerOf } from '../../../src/schemas/object.ts';
import type { DaemonSet, Pod } from '../../../src/schemas/types.ts';
import { isActive } from './facts.ts';
import type { Checker } from './types.ts';

export const daemons: Checker = {
  invariant: 19,
  attach({ world, report }) {
    const { ledger } = world;
    ledger.onEvent(({ type, resource, key, object }) => {
      const owner = resource === 'pods' && type === 'ADDED' ? controllerOf(object) : undefined;
      if (owner?.kind !== 'DaemonSet') return;
      const node = nodeOf(object as Pod);
      const pods = [...ledger.objects<Pod>('pods').values()].filter(
        (pod) => controllerOf(pod)?.uid === owner.uid && nodeOf(pod) === node && isActive(pod),
      );
      const surges = ledger
        .recent<DaemonSet>(owner.uid)
        .some(({ spec }) => Number(spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0) > 0);
      if (pods.length > (surges ? 2 : 1))
        report(19, `pod ${key} is number ${pods.length} of DaemonSet ${owner.name} on node ${node}`);
    });
  },
};

/** The node that the pod is meant for, bound or not. */
function nodeOf({ spec }: Pod): string | undefined {
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return spec.nodeName ?? terms.flatMap(({ matchFields = [] }) => matchFields)[0]?.values?.[0];
}

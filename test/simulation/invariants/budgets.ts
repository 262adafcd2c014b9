/**
 * 22. Budgets. A pod that is evicted through the API leaves at least as many healthy pods as the
 *     budget says. Another pod counts while it was ready within the last seconds: that it failed may
 *     not be known to the budget yet. A pod that was evicted itself never counts.
 */
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { minAvailableOf } from '../workloads.ts';
import { isTerminating } from './facts.ts';
import type { Checker } from './types.ts';
import { isReady } from './workload-facts.ts';

interface Budget extends KubeObject {
  readonly spec: {
    readonly selector: { readonly matchLabels: { readonly app: string } };
  };
}

const EVICTED = 'EvictionByEvictionAPI';
const isEvicted = (pod: Pod): boolean =>
  isTerminating(pod) && pod.status?.conditions?.some(({ reason }) => reason === EVICTED) === true;

export const budgets: Checker = {
  invariant: 22,
  attach({ world, report }) {
    const { ledger } = world;
    const evicted = new Set<string>();
    ledger.onEvent(({ resource, key, object, previous }) => {
      if (resource !== 'pods' || !previous || isTerminating(previous) || !isEvicted(object as Pod)) return;
      evicted.add(object.metadata.uid ?? '');
      // A pod that is not ready takes nothing from the budget.
      if (!isReady(previous as Pod)) return;
      const app = object.metadata.labels?.['app'];
      for (const { metadata, spec } of ledger.objects<Budget>('poddisruptionbudgets.policy').values()) {
        if (spec.selector.matchLabels.app !== app) continue;
        const healthy = [...ledger.objects<Pod>('pods').values()].filter(
          ({ metadata: { labels, uid = '' } }) =>
            labels?.['app'] === app &&
            !evicted.has(uid) &&
            ledger.recent<Pod>(uid).some((state) => isReady(state) && !isTerminating(state)),
        ).length;
        const wanted = minAvailableOf(metadata.name);
        if (healthy < wanted)
          report(22, `${key} is evicted, and ${metadata.name} keeps ${healthy} of ${wanted} pods`);
      }
    });
  },
};

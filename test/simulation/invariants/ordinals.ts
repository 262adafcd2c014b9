/**
 * 5. One ordinal. At most one pod of a StatefulSet's ordinal has running containers, on all engines
 *    together, reachable or not. A pod that a person forced away, or left on a deleted node, is the
 *    exception that docs/INVARIANTS.md names.
 */
import { followOwners, runningContainers } from './workload-facts.ts';
import type { Checker } from './types.ts';

export const oneOrdinal: Checker = {
  invariant: 5,
  attach({ world, report, forced }) {
    const sets = followOwners(world, 'StatefulSet');
    const check = (): void => {
      const pods = new Map<string, string>();
      for (const { node, podUid, podName } of runningContainers(world)) {
        if (!sets.has(podUid) || forced.has(podUid)) continue;
        const here = `${podUid} on ${node}`;
        // The name stands for the set and its ordinal; it outlives the set's uid.
        const other = pods.get(podName);
        if (other !== undefined && other !== here)
          report(5, `pod ${podName} of a StatefulSet runs twice: ${other}, ${here}`);
        pods.set(podName, here);
      }
    };
    world.onEngine(({ call }) => {
      if (call === 'start') check();
    });
    return check;
  },
};

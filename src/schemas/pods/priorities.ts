/** The two priority classes that every cluster has, and the room for others. */
import type { KubeObject } from '../object.ts';

/** Users' values end here; what lies above is the system's. */
export const HIGHEST_USER_PRIORITY = 1_000_000_000;

const systemClass = (name: string, value: number, description: string): KubeObject => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  description,
});

export const systemPriorityClasses: readonly KubeObject[] = [
  systemClass(
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ),
  systemClass(
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ),
];

export const systemPriorities: ReadonlyMap<string, number> = new Map(
  systemPriorityClasses.map((object) => [object.metadata.name, object['value'] as number]),
);

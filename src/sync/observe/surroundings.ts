/** The objects around another one that explain its health: its creator, its pods, its node. */
import { type KubeObject, controllerOf } from '../../schemas/object.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import type { Surroundings } from '../../health/index.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import { claimKeysOf } from '../../schemas/volumes/pod-claims.ts';
import type { Pod } from '../../schemas/types.ts';
import type { OpenedKind } from './report-changes.ts';

const BY_OWNER = 'controller-uid';
const REVISION = 'deployment.kubernetes.io/revision';

export function indexByOwner(cache: ResourceCache): void {
  cache.addIndex(BY_OWNER, (object) => {
    const owner = controllerOf(object);
    return owner ? [owner.uid] : [];
  });
}

/** The caches need {@link indexByOwner}. */
export function createSurroundings(
  opened: ReadonlyMap<ResourceId, OpenedKind>,
): Omit<Surroundings, 'warningsAbout'> {
  const owned = (resource: ResourceId, owner: KubeObject): readonly KubeObject[] =>
    opened.get(resource)?.cache.byIndex(BY_OWNER, owner.metadata.uid ?? '') ?? [];

  function creatorOf(workload: KubeObject): KubeObject | undefined {
    switch (workload.kind) {
      case 'Deployment':
        return [...owned('replicasets.apps', workload)].sort((a, b) =>
          revisionOf(a) < revisionOf(b) ? 1 : -1,
        )[0];
      case 'CronJob':
        return [...owned('jobs.batch', workload)].sort((a, b) => createdMs(b) - createdMs(a))[0];
      default:
        return workload;
    }
  }

  return {
    creatorOf,
    podsOf(workload) {
      if (workload.kind === 'Pod') return [workload];
      const creator = creatorOf(workload);
      return creator ? owned('pods', creator) : [];
    },
    nodeOf: (name) => opened.get('nodes')?.cache.get(name),
    claimsOf: (pod) =>
      claimKeysOf(pod as Pod).flatMap((key) => opened.get('persistentvolumeclaims')?.cache.get(key) ?? []),
  };
}

/** An int64. */
function revisionOf({ metadata }: KubeObject): bigint {
  const text = metadata.annotations?.[REVISION] ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}

const createdMs = ({ metadata }: KubeObject): number => Date.parse(metadata.creationTimestamp ?? '') || 0;

/**
 * Counts what namespaces use into their ResourceQuotas. The API claims from the same status when
 * objects are created; this gives back when objects go, and corrects. A count never undoes a claim:
 * the quota is read before the objects, and the write fails if anybody claimed in between.
 */
import { asRecord } from '../../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { type ResourceId, resourceIdOf } from '../../schemas/resource-kind.ts';
import { resourceCountedBy } from '../../schemas/quota/usage.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { isDeleting, statusUpdate } from '../ownership.ts';
import { type Counted, planQuotaStatus } from './plan-quota-status.ts';

/** An overdue pod frees its quota without a change of it; upstream counts as often. */
const RECOUNT_MS = 300_000;
/** Many objects of a namespace come and go together: one count for all of them. */
const SETTLE_MS = 100;

interface QuotaView {
  readonly quota: KubeObject;
  readonly counted: readonly Counted[];
}

export const resourceQuotaController: Controller = {
  name: 'resource-quota',
  async open({ caches, registry }, scope): Promise<Reconciler<QuotaView>> {
    const quotas = await caches.open('resourcequotas');
    const watched = new Set<ResourceId>(['resourcequotas']);
    const quotasBeside = ({ metadata }: KubeObject): readonly string[] =>
      quotas.list(metadata.namespace).map(keyOf);
    // A quota may limit how many quotas there are.
    scope.on(quotas, ({ key, object }) => [key, ...quotasBeside(object)]);

    /** From its first quota on, changes of a resource concern the quotas of the namespace. */
    function watch(resource: ResourceId, cache: ResourceCache): void {
      if (watched.has(resource)) return;
      watched.add(resource);
      const concerned = ({ type, object, previous }: CacheEvent): readonly string[] =>
        type === 'MODIFIED' && previous && !mayMatter(resource, object, previous) ? [] : quotasBeside(object);
      scope.on(cache, concerned, SETTLE_MS);
    }

    /** The objects under the limit, with everything that was committed until now. */
    async function count(resource: ResourceId, namespace: string, signal: AbortSignal): Promise<Counted> {
      const kind = registry.byId(resource);
      if (!kind) return { kind: { group: '', plural: resource }, objects: [] };
      const cache = await caches.open(resource);
      watch(resource, cache);
      await cache.refresh(signal);
      return { kind, objects: cache.list(namespace) };
    }

    return {
      resyncMs: RECOUNT_MS,
      keys: () => quotas.list().map(keyOf),
      async observe(key, signal) {
        const quota = quotas.get(key);
        if (!quota || isDeleting(quota)) return undefined;
        const names = Object.keys(asRecord(asRecord(quota['spec'])['hard']));
        const resources = [...new Set(names.map(resourceCountedBy))].sort();
        const { namespace = '' } = quota.metadata;
        const counted = resources.map((resource) => count(resource, namespace, signal));
        return { quota, counted: await Promise.all(counted) };
      },
      plan({ quota, counted }, nowMs) {
        const next = planQuotaStatus(quota, counted, nowMs);
        return next && { writes: [statusUpdate(next)] };
      },
    };
  },
};

/** Most changes of a pod are of its status; only its end counts. */
function mayMatter(resource: ResourceId, object: KubeObject, previous: KubeObject): boolean {
  if (resource === 'pods') {
    const phase = (pod: KubeObject): unknown => asRecord(pod['status'])['phase'];
    return (
      phase(object) !== phase(previous) ||
      object.metadata.generation !== previous.metadata.generation ||
      object.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp
    );
  }
  return (
    resource === resourceIdOf({ group: '', plural: 'services' }) || resource === 'persistentvolumeclaims'
  );
}

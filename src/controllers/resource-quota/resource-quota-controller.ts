/**
 * Counts what namespaces use and writes it into their ResourceQuotas. The API claims from the same status when objects are
 * created; here it is given back when they go, and corrected.
 *
 * A count never undoes a claim: the quota is read first, the objects after that (as of a later version), and the write
 * fails if anybody claimed in between.
 */
import { asRecord } from '../../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import { resourceCountedBy } from '../../schemas/quota/usage.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { type Counted, planQuotaStatus } from './plan-quota-status.ts';

/** A pod that should be gone frees its quota without anything happening to it; upstream counts as often. */
const RECOUNT_MS = 300_000;
/** Many objects of a namespace come and go together: one count for all of them. */
const SETTLE_MS = 100;

export async function startResourceQuotaController(context: ControllerContext): Promise<Loop> {
  const { caches, clock, registry } = context;
  const quotas = await caches.open('resourcequotas');
  const watched = new Map<string, Disposable>();

  const loop = startLoop({
    name: 'resource-quota',
    context,
    resyncMs: RECOUNT_MS,
    keys: () => quotas.list().map(keyOf),
    async reconcile(key, signal) {
      const quota = quotas.get(key);
      if (!quota || quota.metadata.deletionTimestamp !== undefined) return;
      const counted = await count(quota, signal);
      const next = planQuotaStatus(quota, counted, clock.now());
      if (next)
        await applyAndWait(context, [{ verb: 'update', object: next, subresource: 'status' }], signal);
    },
  });

  /** The objects of the quota's namespace that its limits are about, everything committed until now among them. */
  async function count(quota: KubeObject, signal: AbortSignal): Promise<readonly Counted[]> {
    const names = Object.keys(asRecord(asRecord(quota['spec'])['hard']));
    const resources = [...new Set(names.map(resourceCountedBy))].sort();
    return Promise.all(
      resources.map(async (resource): Promise<Counted> => {
        const kind = registry.byId(resource);
        if (!kind) return { kind: { group: '', plural: resource }, objects: [] };
        const cache = await caches.open(resource);
        watch(resource, cache);
        await cache.refresh(signal);
        return { kind, objects: cache.list(quota.metadata.namespace) };
      }),
    );
  }

  /** From the first quota on a resource, its comings and goings wake the quotas of their namespace. */
  function watch(resource: string, cache: Awaited<ReturnType<typeof caches.open>>): void {
    if (watched.has(resource) || resource === 'resourcequotas') return;
    const subscription = cache.subscribe(({ type, object, previous }) => {
      if (type === 'MODIFIED' && previous && !mayMatter(resource, object, previous)) return;
      for (const quota of quotas.list(object.metadata.namespace))
        loop.queue.addAfter(keyOf(quota), SETTLE_MS);
    });
    watched.set(resource, subscription);
  }

  const own = quotas.subscribe(({ type, key, object }) => {
    if (type !== 'DELETED') loop.queue.add(key);
    // A quota may limit how many quotas there are.
    for (const quota of quotas.list(object.metadata.namespace)) loop.queue.add(keyOf(quota));
  });
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      own[Symbol.dispose]();
      for (const subscription of watched.values()) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

/** Most changes of a pod are of its status; only its end counts. */
function mayMatter(resource: string, object: KubeObject, previous: KubeObject): boolean {
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

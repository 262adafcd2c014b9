/** Keeps the protection of volumes and claims, and ends it; see plan-volume-protection.ts. */
import { type KubeObject, keyOf, objectKey } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { claimsOf, planVolumeProtection } from './plan-volume-protection.ts';

export async function startVolumeProtection(context: ControllerContext): Promise<Loop> {
  const { caches } = context;
  const [claims, volumes, pods] = await Promise.all([
    caches.open('persistentvolumeclaims'),
    caches.open('persistentvolumes'),
    caches.open<Pod>('pods'),
  ]);
  /** A claim's key has a namespace, a volume's has none. */
  const found = (key: string): KubeObject | undefined => claims.get(key) ?? volumes.get(key);

  const loop = startLoop({
    name: 'volume-protection',
    context,
    keys: () => [...claims.list(), ...volumes.list()].map(keyOf),
    async reconcile(key, signal) {
      const seen = found(key);
      // While the store is rebuilt, the pods that use it may not be there yet.
      if (!seen || !context.mayAct()) return;
      const { namespace } = seen.metadata;
      const plan = (): ReturnType<typeof planVolumeProtection> =>
        planVolumeProtection(seen, namespace === undefined ? [] : pods.list(namespace));
      if (!plan()) return;
      if (namespace !== undefined) await pods.refresh(signal);
      const write = plan();
      if (write && context.mayAct()) await applyAndWait(context, [write], signal);
    },
  });
  const subscriptions = [
    claims.subscribe(({ type, key }) => type !== 'DELETED' && loop.queue.add(key)),
    volumes.subscribe(({ type, key }) => type !== 'DELETED' && loop.queue.add(key)),
    pods.subscribe(({ type, object }) => {
      if (type !== 'DELETED') return;
      for (const name of claimsOf(object.spec)) loop.queue.add(objectKey(object.metadata.namespace, name));
    }),
  ];
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

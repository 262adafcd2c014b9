/** Keeps the system's namespaces there, and empties those that are being deleted. */
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import { isStatusError } from '../../schemas/status.ts';
import type { Namespace } from '../../schemas/types.ts';
import type { ResourceCache } from '../../store/cache.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { planNamespaceDeletion, SYSTEM_NAMESPACES } from './plan-namespace.ts';

export async function startNamespaceController(context: ControllerContext): Promise<Loop> {
  const { clock, registry } = context;
  const namespaces = await context.caches.open<Namespace>('namespaces');
  const contents: ResourceCache[] = [];
  for (const kind of registry.kinds) {
    if (kind.namespaced) contents.push(await context.caches.open(resourceIdOf(kind)));
  }

  const loop = startLoop({
    name: 'namespace',
    context,
    keys: () => new Set([...SYSTEM_NAMESPACES, ...namespaces.list().map(({ metadata }) => metadata.name)]),
    async reconcile(name, signal) {
      const namespace = namespaces.get(name);
      if (!namespace) return ensureSystemNamespace(name, signal);
      if (!isDeleting(namespace) || !context.mayAct()) return;
      // What was created before the namespace began to go must be seen before it is called empty.
      await Promise.all(contents.map((cache) => cache.refresh(signal)));
      const content = contents.map((cache) => ({ resource: cache.resource, objects: cache.list(name) }));
      const plan = planNamespaceDeletion(namespace, content, clock.now());
      if (plan.writes.length > 0) await applyAndWait(context, plan.writes, signal);
      return plan.again ? { requeueAfterMs: 0 } : undefined;
    },
  });

  async function ensureSystemNamespace(name: string, signal: AbortSignal): Promise<void> {
    if (!SYSTEM_NAMESPACES.some((known) => known === name)) return;
    const object: Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    try {
      await applyAndWait(context, [{ verb: 'create', object }], signal);
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }

  const subscriptions = [
    namespaces.subscribe(({ key }) => loop.queue.add(key)),
    ...contents.map((cache) =>
      cache.subscribe(({ object }) => {
        const name = object.metadata.namespace ?? '';
        const namespace = namespaces.get(name);
        if (namespace && isDeleting(namespace)) loop.queue.add(name);
      }),
    ),
  ];
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

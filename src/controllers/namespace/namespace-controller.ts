/** Keeps the system's namespaces there, and empties those that are being deleted. */
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Namespace } from '../../schemas/types.ts';
import { followCaches } from '../../store/cache/follow-caches.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { planNamespaceDeletion, SYSTEM_NAMESPACES } from './plan-namespace.ts';

export async function startNamespaceController(context: ControllerContext): Promise<Loop> {
  const { clock, registry } = context;
  const namespaces = await context.caches.open<Namespace>('namespaces');
  const held: { loop?: Loop } = {};
  const followed = await followCaches({
    caches: context.caches,
    registry,
    accepts: (kind) => kind.namespaced,
    opened: (_kind, cache) =>
      cache.subscribe(({ object }) => {
        const name = object.metadata.namespace ?? '';
        const namespace = namespaces.get(name);
        if (namespace && isDeleting(namespace)) held.loop?.queue.add(name);
      }),
  });

  const loop = startLoop({
    name: 'namespace',
    context,
    keys: () => new Set([...SYSTEM_NAMESPACES, ...namespaces.list().map(({ metadata }) => metadata.name)]),
    async reconcile(name, signal) {
      const namespace = namespaces.get(name);
      if (!namespace) return ensureSystemNamespace(name, signal);
      if (!isDeleting(namespace) || !context.mayAct()) return;
      // What was created before the namespace began to go must be seen before it is called empty.
      await followed.ready();
      const contents = [...followed.opened.values()];
      await Promise.all(contents.map(async (cache) => cache.refresh(signal)));
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

  held.loop = loop;
  const subscription = namespaces.subscribe(({ key }) => loop.queue.add(key));
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      followed[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

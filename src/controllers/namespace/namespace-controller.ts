/** Keeps the system's namespaces there, and empties those that are being deleted. */
import type { Namespace } from '../../schemas/types.ts';
import { followCaches } from '../../store/cache/follow-caches.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { type NamespaceView, planNamespace, SYSTEM_NAMESPACES } from './plan-namespace.ts';

export const namespaceController: Controller = {
  name: 'namespace',
  async open({ caches, registry, mayAct }, scope): Promise<Reconciler<NamespaceView>> {
    const namespaces = await caches.open<Namespace>('namespaces');
    scope.on(namespaces, itself);
    const followed = scope.use(
      await followCaches({
        caches,
        registry,
        accepts: (kind) => kind.namespaced,
        opened: (_kind, cache) =>
          scope.on(cache, ({ object }) => {
            const { namespace: name = '' } = object.metadata;
            const namespace = namespaces.get(name);
            return namespace && isDeleting(namespace) ? [name] : [];
          }),
      }),
    );
    return {
      keys: () => new Set([...SYSTEM_NAMESPACES, ...namespaces.list().map(({ metadata }) => metadata.name)]),
      async observe(name, signal) {
        const namespace = namespaces.get(name);
        if (!namespace) return { name, namespace, content: [] };
        if (!isDeleting(namespace) || !mayAct()) return undefined;
        // Objects created before the namespace began to go must be seen before it is empty.
        await followed.ready();
        const contents = [...followed.opened.values()];
        await Promise.all(contents.map(async (cache) => cache.refresh(signal)));
        const content = contents.map((cache) => ({ resource: cache.resource, objects: cache.list(name) }));
        return { name, namespace, content };
      },
      plan: planNamespace,
    };
  },
};

/** Runs {@link planNamespaceDefaults} for each namespace. */
import { objectKey } from '../../schemas/object.ts';
import type { ConfigMap, Namespace } from '../../schemas/types.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { CA_CONFIG_MAP, DEFAULT_SERVICE_ACCOUNT, planNamespaceDefaults } from './plan-namespace-defaults.ts';

export async function startServiceAccountController(
  context: ControllerContext,
  caBundle: string | undefined,
): Promise<Loop> {
  const namespaces = await context.caches.open<Namespace>('namespaces');
  const serviceAccounts = await context.caches.open('serviceaccounts');
  const configMaps = await context.caches.open<ConfigMap>('configmaps');

  const loop = startLoop({
    name: 'serviceaccount',
    context,
    keys: () => namespaces.list().map(({ metadata }) => metadata.name),
    async reconcile(name, signal) {
      const namespace = namespaces.get(name);
      if (!namespace) return;
      const writes = planNamespaceDefaults(namespace, {
        serviceAccount: serviceAccounts.get(objectKey(name, DEFAULT_SERVICE_ACCOUNT)),
        caConfigMap: configMaps.get(objectKey(name, CA_CONFIG_MAP)),
        caBundle,
      });
      if (writes.length > 0) await applyAndWait(context, writes, signal, [unchanged(namespace)]);
    },
  });

  const wake =
    (name: string) =>
    ({ object }: { readonly object: Namespace | ConfigMap }): void => {
      if (object.metadata.name === name) loop.queue.add(object.metadata.namespace ?? '');
    };
  const subscriptions = [
    namespaces.subscribe(({ key }) => loop.queue.add(key)),
    serviceAccounts.subscribe(wake(DEFAULT_SERVICE_ACCOUNT)),
    configMaps.subscribe(wake(CA_CONFIG_MAP)),
  ];
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

/** Runs {@link planNamespaceDefaults} for each namespace. */
import { objectKey } from '../../schemas/object.ts';
import type { ConfigMap, Namespace } from '../../schemas/types.ts';
import type { CacheEvent } from '../../store/cache/cache.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import {
  CA_CONFIG_MAP,
  DEFAULT_SERVICE_ACCOUNT,
  type NamespaceDefaults,
  planNamespaceDefaults,
} from './plan-namespace-defaults.ts';

export const serviceAccountController = (caBundle: string | undefined): Controller => ({
  name: 'serviceaccount',
  async open({ caches }, scope): Promise<Reconciler<NamespaceDefaults>> {
    const namespaces = await caches.open<Namespace>('namespaces');
    const serviceAccounts = await caches.open('serviceaccounts');
    const configMaps = await caches.open<ConfigMap>('configmaps');
    const namespaceOf =
      (name: string) =>
      ({ object: { metadata } }: CacheEvent): readonly string[] =>
        metadata.name === name ? [metadata.namespace ?? ''] : [];
    scope.on(namespaces, itself);
    scope.on(serviceAccounts, namespaceOf(DEFAULT_SERVICE_ACCOUNT));
    scope.on(configMaps, namespaceOf(CA_CONFIG_MAP));
    return {
      keys: () => namespaces.list().map(({ metadata }) => metadata.name),
      observe(name) {
        const namespace = namespaces.get(name);
        return (
          namespace && {
            namespace,
            serviceAccount: serviceAccounts.get(objectKey(name, DEFAULT_SERVICE_ACCOUNT)),
            caConfigMap: configMaps.get(objectKey(name, CA_CONFIG_MAP)),
            caBundle,
          }
        );
      },
      plan: planNamespaceDefaults,
    };
  },
});

/**
 * Keeps a registry in step with the stored CustomResourceDefinitions, in every process by its own
 * cache.
 */
import { DEFINITION_RESOURCE } from '../../schemas/custom/index.ts';
import type { DynamicRegistry } from '../../schemas/registry.ts';
import type { CacheSet } from './cache.ts';

/** Resolves once the registry knows what is there now. */
export async function followDefinitions(caches: CacheSet, registry: DynamicRegistry): Promise<Disposable> {
  const cache = await caches.open(DEFINITION_RESOURCE);
  const update = (): void => registry.setDefinitions(cache.list());
  const subscription = cache.subscribe(update);
  update();
  return subscription;
}

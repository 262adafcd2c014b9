/**
 * The objects that a credential depends on, read for every request, so that deleting one revokes
 * the credential. The cache answers first. The store is asked only before the cache would refuse,
 * since the cache may lag behind another server's write.
 */
import type { KubeObject } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';

export type LiveResource = 'serviceaccounts' | 'secrets' | 'pods' | 'nodes';

export interface LiveObjects {
  /** The object that `accepts` holds for. Fails when the store is asked and does not answer. */
  find(
    resource: LiveResource,
    namespace: string | undefined,
    name: string,
    accepts?: (object: KubeObject) => boolean,
  ): Promise<KubeObject | undefined>;
}

export function createLiveObjects(core: Pick<ResourceCore, 'registry' | 'get'>): LiveObjects {
  async function read(
    resource: LiveResource,
    namespace: string | undefined,
    name: string,
    resourceVersion?: string,
  ): Promise<KubeObject | undefined> {
    const kind = core.registry.byResource('', 'v1', resource);
    if (!kind) throw new Error(`The registry has no ${resource}`);
    try {
      return await core.get({ kind, namespace, name }, resourceVersion);
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
  return {
    async find(resource, namespace, name, accepts = () => true) {
      const cached = await read(resource, namespace, name, '0');
      if (cached && accepts(cached)) return cached;
      const current = await read(resource, namespace, name);
      return current && accepts(current) ? current : undefined;
    },
  };
}

/** The kinds of the command's cluster: the system's, and those of its CustomResourceDefinitions. */
import type { ApiClient } from '../../client/types.ts';
import { DEFINITION_RESOURCE } from '../../schemas/custom/index.ts';
import { builtinRegistry, createDynamicRegistry } from '../../schemas/registry.ts';
import type { Registry, ResourceKind } from '../../schemas/resource-kind.ts';

export async function clusterKinds(client: ApiClient): Promise<Registry> {
  const definitions = builtinRegistry.byId(DEFINITION_RESOURCE);
  if (!definitions) return builtinRegistry;
  const registry = createDynamicRegistry();
  const { items } = await client.list(definitions);
  registry.setDefinitions(items);
  return registry;
}

/** One kind for each resource that the cluster keeps, in a version that it serves. */
export function listableKinds(registry: Registry): readonly ResourceKind[] {
  return registry.stored.flatMap((kind) => {
    if (registry.byResource(kind.group, kind.version, kind.plural)) return [kind];
    const served = registry.kinds.find(({ group, plural }) => group === kind.group && plural === kind.plural);
    return served ? [served] : [];
  });
}

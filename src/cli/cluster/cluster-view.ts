/** Reads from a cluster, once, all that the checks of a render need. The checks are pure. */
import type { ApiClient, ResourcePath } from '../../client/types.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import {
  type ClusterView,
  missingTargets,
  type RenderObject,
  type Target,
} from '../../schemas/render-checks/index.ts';
import { builtinRegistry } from '../../schemas/registry.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import { isStatusError } from '../../schemas/errors/status.ts';

/** Requests that one command makes; what is beyond counts as unknown. */
const MAX_REQUESTS = 2_000;

export async function readClusterView(
  client: ApiClient,
  render: { readonly objects: readonly RenderObject[]; readonly refused: readonly KubeObject[] },
): Promise<ClusterView> {
  const { objects: items, refused } = render;
  const namespaces = [...new Set(items.map(({ object }) => object.metadata.namespace ?? ''))];
  const named = namespaces
    .filter((name) => name !== '')
    .map((name) => ({ resource: 'namespaces', namespace: undefined, name }));
  const found = new Map<string, KubeObject | 'unknown' | undefined>();
  for (const target of [...named, ...missingTargets(items, refused)].slice(0, MAX_REQUESTS))
    found.set(idOf(target), await findLive(client, target));
  const withServices = items.flatMap(({ object }) =>
    object.kind === 'Service' ? [object.metadata.namespace ?? ''] : [],
  );
  const pods = new Map<string, readonly KubeObject[] | 'unknown'>();
  for (const namespace of [...new Set(withServices)].slice(0, MAX_REQUESTS))
    pods.set(namespace, await podsIn(client, namespace));
  return {
    find: (target) => (found.has(idOf(target)) ? found.get(idOf(target)) : 'unknown'),
    podsIn: (namespace) => pods.get(namespace) ?? 'unknown',
  };
}

const idOf = ({ resource, namespace, name }: Target): string => `${resource}|${objectKey(namespace, name)}`;

function pathOf(resource: ResourceId): ResourcePath {
  const kind = builtinRegistry.byId(resource);
  if (!kind) throw new Error(`no kind has the resource "${resource}"`);
  return kind;
}

async function findLive(
  client: ApiClient,
  { resource, namespace, name }: Target,
): Promise<KubeObject | 'unknown' | undefined> {
  try {
    return await client.get(pathOf(resource), namespace, name);
  } catch (error) {
    return unlessForbidden(error, undefined);
  }
}

async function podsIn(client: ApiClient, namespace: string): Promise<readonly KubeObject[] | 'unknown'> {
  try {
    return (await client.list(pathOf('pods'), { namespace })).items;
  } catch (error) {
    return unlessForbidden(error, []);
  }
}

/** Not everybody may read Secrets. */
function unlessForbidden<T>(error: unknown, absent: T): T | 'unknown' {
  if (isStatusError(error, 'NotFound')) return absent;
  if (isStatusError(error, 'Forbidden')) return 'unknown';
  throw error;
}

/** Reads the objects that a check of the network is planned from. */
import { UserError } from '../../base/errors.ts';
import { listAll } from '../../client/list-all.ts';
import { type ApiClient, type ListOptions, type ResourcePath, resources } from '../../client/types.ts';
import type { Policy } from '../../network/check/judge-policies.ts';
import type { ClusterView, NamedPod } from '../../network/check/plan-hops.ts';
import type { NamedService } from '../../network/check/service-hops.ts';
import type { IngressObject } from '../../network/check/plan-ingress-hops.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { EndpointSlice, Namespace, Node, Pod, Service } from '../../schemas/types.ts';

const NETWORKING = { group: 'networking.k8s.io', version: 'v1' } as const;
const SLICES = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' } as const;
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces' } as const;

const allOf = async <T extends KubeObject>(
  client: ApiClient,
  resource: ResourcePath,
  selection?: ListOptions,
): Promise<readonly T[]> => (await listAll<T>(client, resource, selection)).items;

export async function readClusterView(client: ApiClient): Promise<ClusterView> {
  const [nodes, policies, namespaces, dns] = await Promise.all([
    allOf<Node>(client, resources.nodes),
    allOf<Policy>(client, { ...NETWORKING, plural: 'networkpolicies' }),
    allOf<Namespace>(client, NAMESPACES),
    find<Service>(client, resources.services, 'kube-system', 'kube-dns'),
  ]);
  return {
    nodes,
    policies,
    namespaces: new Map(namespaces.map(({ metadata: { name, labels = {} } }) => [name, labels])),
    dns,
  };
}

export const readIngresses = (client: ApiClient): Promise<readonly IngressObject[]> =>
  allOf<IngressObject>(client, { ...NETWORKING, plural: 'ingresses' });

/** One end of the way, as the user names it. */
export interface End {
  /** Undefined: a pod, or else a Service. */
  readonly kind: 'pod' | 'service' | undefined;
  readonly namespace: string;
  readonly name: string;
}

const KINDS: Readonly<Record<string, End['kind']>> = {
  ...{ pod: 'pod', pods: 'pod', po: 'pod' },
  ...{ service: 'service', services: 'service', svc: 'service' },
};

/** `web`, `shop/web`, `service/web` or `service/shop/web`. */
export function parseEnd(text: string): End {
  const [first = '', ...more] = text.split('/');
  const kind = more.length > 0 && Object.hasOwn(KINDS, first) ? KINDS[first] : undefined;
  const [one, other, ...beyond] = kind ? more : [first, ...more];
  const [namespace, name] = other === undefined ? ['default', one] : [one, other];
  if (beyond.length > 0 || !namespace || !name)
    throw new UserError(`Cannot use "${text}": give a pod or a Service as NAME or NAMESPACE/NAME`);
  return { kind, namespace, name };
}

export const readPod = async (client: ApiClient, { namespace, name }: End): Promise<NamedPod> => ({
  name: `${namespace}/${name}`,
  pod: await find<Pod>(client, resources.pods, namespace, name),
});

export async function readService(
  client: ApiClient,
  namespace: string,
  name: string,
): Promise<NamedService | undefined> {
  const service = await find<Service>(client, resources.services, namespace, name);
  if (!service) return undefined;
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const [slices, pods] = await Promise.all([
    allOf<EndpointSlice>(client, SLICES, { namespace, labelSelector }),
    allOf<Pod>(client, resources.pods, { namespace }),
  ]);
  return { namespace, service, slices, pods };
}

async function find<T extends KubeObject>(
  client: ApiClient,
  resource: ResourcePath,
  namespace: string,
  name: string,
): Promise<T | undefined> {
  try {
    return await client.get<T>(resource, namespace, name);
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

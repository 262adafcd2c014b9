/**
 * The objects of the cluster that the host's network is made from, kept up to date by watches. A
 * feed keeps what it has while the API cannot be reached, or is rebuilding a store that was lost: the
 * network goes on with it.
 */
import type { Clock } from '../base/clock.ts';
import { TransientError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { createReflector, type Reflector } from '../client/reflector.ts';
import type { ApiClient, ResourcePath } from '../client/types.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { Gateway, ReferenceGrant, Route } from '../schemas/gateway/types.ts';
import { GROUP as GATEWAY_GROUP } from '../schemas/kinds/gateway-api/parts.ts';
import type { AddressGroup } from '../schemas/address-groups.ts';
import type {
  EndpointSlice,
  Ingress,
  IngressClass,
  Namespace,
  NetworkPolicy,
  Node,
  Service,
} from '../schemas/types.ts';

export interface Feed<T extends KubeObject> {
  /** By `namespace/name`, or by name where the kind has no namespaces. */
  readonly items: ReadonlyMap<string, T>;
  /** A complete list was read since the start. */
  readonly isSynced: boolean;
  /** Told the key of each object that came, changed or went; `undefined` after a complete list. */
  onChange(listener: FeedListener): void;
}

export type FeedListener = (key: string | undefined) => void;

/** The kinds that parts of the network follow, and where the API has them. */
const RESOURCES = {
  services: { group: '', version: 'v1', plural: 'services' },
  endpointSlices: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' },
  nodes: { group: '', version: 'v1', plural: 'nodes' },
  namespaces: { group: '', version: 'v1', plural: 'namespaces' },
  ingresses: { group: 'networking.k8s.io', version: 'v1', plural: 'ingresses' },
  ingressClasses: { group: 'networking.k8s.io', version: 'v1', plural: 'ingressclasses' },
  gatewayClasses: { group: GATEWAY_GROUP, version: 'v1', plural: 'gatewayclasses' },
  gateways: { group: GATEWAY_GROUP, version: 'v1', plural: 'gateways' },
  httpRoutes: { group: GATEWAY_GROUP, version: 'v1', plural: 'httproutes' },
  grpcRoutes: { group: GATEWAY_GROUP, version: 'v1', plural: 'grpcroutes' },
  referenceGrants: { group: GATEWAY_GROUP, version: 'v1beta1', plural: 'referencegrants' },
  networkPolicies: { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies' },
  addressGroups: { group: 'symphony.dev', version: 'v1alpha1', plural: 'addressgroups' },
} as const satisfies Record<string, ResourcePath>;

interface FeedKinds {
  readonly services: Service;
  readonly endpointSlices: EndpointSlice;
  readonly nodes: Node;
  readonly namespaces: Namespace;
  readonly ingresses: Ingress;
  readonly ingressClasses: IngressClass;
  readonly gatewayClasses: KubeObject;
  readonly gateways: Gateway;
  readonly httpRoutes: Route;
  readonly grpcRoutes: Route;
  readonly referenceGrants: ReferenceGrant;
  readonly networkPolicies: NetworkPolicy;
  readonly addressGroups: AddressGroup;
}

export interface Feeds extends AsyncDisposable {
  /** The one feed of a kind; it starts when somebody first asks for it. */
  of<K extends keyof FeedKinds>(kind: K): Feed<FeedKinds[K]>;
}

export interface FeedsOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

export const keyOf = ({ metadata: { namespace, name } }: KubeObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

export function createFeeds(options: FeedsOptions): Feeds {
  const running = new Map<string, { readonly feed: Feed<KubeObject>; readonly reflector: Reflector }>();
  return {
    of<K extends keyof FeedKinds>(kind: K): Feed<FeedKinds[K]> {
      let found = running.get(kind);
      if (!found) {
        found = startFeed(options, RESOURCES[kind]);
        running.set(kind, found);
      }
      // Each kind's resource has objects of its type.
      return found.feed as unknown as Feed<FeedKinds[K]>;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running.values()].map(({ reflector }) => reflector[Symbol.asyncDispose]()));
    },
  };
}

function startFeed(options: FeedsOptions, resource: ResourcePath) {
  const items = new Map<string, KubeObject>();
  const listeners: FeedListener[] = [];
  let isSynced = false;
  const tell = (key: string | undefined): void => listeners.forEach((listener) => listener(key));

  async function onList(list: readonly KubeObject[]): Promise<void> {
    const gone = new Set(items.keys());
    const changed: string[] = [];
    for (const object of list) {
      const key = keyOf(object);
      gone.delete(key);
      if (items.get(key)?.metadata.resourceVersion !== object.metadata.resourceVersion) changed.push(key);
      items.set(key, withoutOwnership(object));
    }
    for (const key of changed) tell(key);
    if (gone.size > 0 || !isSynced) await checkTrust();
    for (const key of gone) {
      items.delete(key);
      tell(key);
    }
    isSynced = true;
    tell(undefined);
  }

  /**
   * Asked after the list was read: a store that has lost its history lists nothing, until it is
   * rebuilt from Git. An error makes the reflector list again.
   */
  async function checkTrust(): Promise<void> {
    const { phase } = await options.client.clusterState();
    if (phase === 'rebuilding') throw new TransientError('The control plane is rebuilding its state');
  }

  const reflector = createReflector<KubeObject>({
    ...options,
    resource,
    onList,
    onChange({ type, object }) {
      const key = keyOf(object);
      if (type === 'DELETED') items.delete(key);
      else items.set(key, withoutOwnership(object));
      tell(key);
    },
  });
  reflector.start();
  const feed: Feed<KubeObject> = {
    items,
    get isSynced() {
      return isSynced;
    },
    onChange: (listener) => void listeners.push(listener),
  };
  return { feed, reflector };
}

/** Half of an object's size, and nothing that the network needs. */
function withoutOwnership(object: KubeObject): KubeObject {
  const { managedFields, ...metadata } = object.metadata;
  return managedFields === undefined ? object : { ...object, metadata };
}

/** The kinds that the system serves. A new one is a folder under kinds/ and its name here. */
import { addressGroupKind } from './kinds/address-group/kind.ts';
import { applicationKind } from './kinds/application/kind.ts';
import { clusterRoleKind } from './kinds/cluster-role.ts';
import { clusterRoleBindingKind } from './kinds/cluster-role-binding.ts';
import { certificateSigningRequestKind } from './kinds/certificate-signing-request/kind.ts';
import { configMapKind } from './kinds/config-map.ts';
import { customResourceDefinitionKind } from './kinds/custom-resource-definition.ts';
import { daemonSetKind } from './kinds/daemon-set/kind.ts';
import { controllerRevisionKind } from './kinds/controller-revision.ts';
import { cronJobKind } from './kinds/cron-job/kind.ts';
import { deploymentKind } from './kinds/deployment.ts';
import { endpointSliceKind } from './kinds/endpoint-slice.ts';
import { endpointsKind } from './kinds/endpoints.ts';
import { gatewayResourceKinds } from './kinds/gateway-api/gateway.ts';
import { gatewayClassKinds } from './kinds/gateway-api/gateway-class.ts';
import { grpcRouteKinds } from './kinds/gateway-api/grpc-route.ts';
import { httpRouteKinds } from './kinds/gateway-api/http-route.ts';
import { referenceGrantKinds } from './kinds/gateway-api/reference-grant.ts';
import { horizontalPodAutoscalerKind } from './kinds/horizontal-pod-autoscaler/kind.ts';
import { horizontalPodAutoscalerV1Kind } from './kinds/horizontal-pod-autoscaler/kind-v1.ts';
import { ingressKind } from './kinds/ingress.ts';
import { ingressClassKind } from './kinds/ingress-class.ts';
import { ipAddressKind } from './kinds/ip-address.ts';
import { limitRangeKind } from './kinds/limit-range/kind.ts';
import { networkPolicyKind } from './kinds/network-policy/kind.ts';
import { persistentVolumeKind } from './kinds/persistent-volume/kind.ts';
import { persistentVolumeClaimKind } from './kinds/persistent-volume-claim/kind.ts';
import { podDisruptionBudgetKind } from './kinds/pod-disruption-budget/kind.ts';
import { priorityClassKind } from './kinds/priority-class.ts';
import { resourceQuotaKind } from './kinds/resource-quota/kind.ts';
import { runtimeClassKind } from './kinds/runtime-class.ts';
import { statefulSetKind } from './kinds/stateful-set/kind.ts';
import { storageClassKind } from './kinds/storage-class.ts';
import { csiDriverKind } from './kinds/csi-driver.ts';
import { csiNodeKind } from './kinds/csi-node.ts';
import { csiStorageCapacityKind } from './kinds/csi-storage-capacity.ts';
import { volumeAttachmentKind } from './kinds/volume-attachment.ts';
import { volumeAttributesClassKind } from './kinds/volume-attributes-class.ts';
import { eventKind } from './kinds/event/kind.ts';
import { eventV1Kind } from './kinds/event/kind-v1.ts';
import { jobKind } from './kinds/job/kind.ts';
import { leaseKind } from './kinds/lease.ts';
import { namespaceKind } from './kinds/namespace.ts';
import { nodeKind } from './kinds/node/kind.ts';
import { podKind } from './kinds/pod/kind.ts';
import { podTemplateKind } from './kinds/pod-template.ts';
import { replicaSetKind } from './kinds/replica-set.ts';
import { replicationControllerKind } from './kinds/replication-controller.ts';
import { roleKind } from './kinds/role.ts';
import { roleBindingKind } from './kinds/role-binding.ts';
import { secretKind } from './kinds/secret.ts';
import { serviceAccountKind } from './kinds/service-account.ts';
import { serviceCidrKind } from './kinds/service-cidr.ts';
import { serviceKind } from './kinds/service/kind.ts';
import { jsonEqual } from '../base/json.ts';
import {
  compareVersions,
  type CustomKinds,
  establishedKinds,
  isTrue,
  requestedKinds,
} from './custom/index.ts';
import { asRecord } from './json-access.ts';
import { formatApiVersion, type KubeObject } from './object.ts';
import { isBuiltin, type Registry, type ResourceKind, resourceIdOf, storageIdOf } from './resource-kind.ts';
import { createStorageFormat } from './strategy/index.ts';

export const builtinKinds: readonly ResourceKind[] = [
  namespaceKind,
  nodeKind,
  serviceAccountKind,
  secretKind,
  configMapKind,
  leaseKind,
  certificateSigningRequestKind,
  serviceKind,
  podKind,
  replicaSetKind,
  replicationControllerKind,
  podTemplateKind,
  controllerRevisionKind,
  deploymentKind,
  daemonSetKind,
  statefulSetKind,
  cronJobKind,
  jobKind,
  applicationKind,
  eventKind,
  eventV1Kind,
  endpointSliceKind,
  endpointsKind,
  horizontalPodAutoscalerKind,
  horizontalPodAutoscalerV1Kind,
  ingressKind,
  ingressClassKind,
  serviceCidrKind,
  ipAddressKind,
  ...gatewayClassKinds,
  ...gatewayResourceKinds,
  ...httpRouteKinds,
  ...grpcRouteKinds,
  ...referenceGrantKinds,
  limitRangeKind,
  networkPolicyKind,
  addressGroupKind,
  persistentVolumeKind,
  persistentVolumeClaimKind,
  podDisruptionBudgetKind,
  priorityClassKind,
  resourceQuotaKind,
  runtimeClassKind,
  storageClassKind,
  csiDriverKind,
  csiNodeKind,
  csiStorageCapacityKind,
  volumeAttachmentKind,
  volumeAttributesClassKind,
  customResourceDefinitionKind,
  clusterRoleKind,
  clusterRoleBindingKind,
  roleKind,
  roleBindingKind,
];

type Index = Omit<Registry, 'version' | 'subscribe'>;

/** Later kinds of a resource and version replace earlier ones. `unserved`: by kind only. */
function indexOf(kinds: readonly ResourceKind[], unserved: readonly ResourceKind[] = []): Index {
  const byKind = new Map<string, ResourceKind>();
  const byResource = new Map<string, ResourceKind>();
  const byId = new Map<string, ResourceKind>();
  const stored = new Map<string, ResourceKind>();
  for (const kind of [...kinds, ...unserved]) {
    byKind.set(`${formatApiVersion(kind.group, kind.version)} ${kind.kind}`, kind);
    if (kind.storage && !kind.storage.isMain) continue;
    byId.set(resourceIdOf(kind), kind);
    stored.set(storageIdOf(kind), kind);
  }
  for (const kind of kinds) {
    byResource.set(`${formatApiVersion(kind.group, kind.version)} ${kind.plural}`, kind);
    if (!byId.has(resourceIdOf(kind))) byId.set(resourceIdOf(kind), kind);
  }
  return {
    kinds: [...byResource.values()],
    stored: [...stored.values()],
    byKind: (apiVersion, kind) => byKind.get(`${apiVersion} ${kind}`),
    byResource: (group, version, plural) => byResource.get(`${formatApiVersion(group, version)} ${plural}`),
    byId: (id) => byId.get(id),
  };
}

/** A registry that never changes. */
export function createRegistry(kinds: readonly ResourceKind[]): Registry {
  return { ...indexOf(kinds), version: 0, subscribe: () => ({ [Symbol.dispose]: () => undefined }) };
}

export const builtinRegistry: Registry = createRegistry(builtinKinds);

/** How the store keeps the system's kinds. */
export const builtinFormat = createStorageFormat(builtinRegistry);

/** A registry whose custom kinds come and go. */
export interface DynamicRegistry extends Registry {
  /** The definitions that there are now; those that are not established make no kinds. */
  setDefinitions(definitions: readonly KubeObject[]): void;
}

export function createDynamicRegistry(builtin: readonly ResourceKind[] = builtinKinds): DynamicRegistry {
  const listeners = new Set<() => void>();
  /** By the definition; a kind stays the same object while its definition is the same. */
  let made: ReadonlyMap<KubeObject, CustomKinds | undefined> = new Map();
  let index = indexOf(builtin);
  let version = 0;
  return {
    get kinds() {
      return index.kinds;
    },
    get stored() {
      return index.stored;
    },
    get version() {
      return version;
    },
    byKind: (apiVersion, kind) => index.byKind(apiVersion, kind),
    byResource: (group, served, plural) => index.byResource(group, served, plural),
    byId: (id) => index.byId(id),
    subscribe(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    setDefinitions(definitions) {
      const before = made;
      const byName = new Map([...before.keys()].map((object) => [object.metadata.name, object]));
      made = new Map(
        definitions.map((object) => {
          const known = byName.get(object.metadata.name);
          return [
            object,
            known && makesTheSame(known, object) ? before.get(known) : establishedKinds(object),
          ];
        }),
      );
      const kinds = new Set(before.values());
      const same = made.size === before.size && [...made.values()].every((item) => kinds.has(item));
      if (same) return;
      index = extended(builtin, [...made.values()]);
      version += 1;
      for (const listener of [...listeners]) listener();
    },
  };
}

/** Whether both make the same kinds. Most news of a definition is not about what it defines. */
function makesTheSame(before: KubeObject, after: KubeObject): boolean {
  if (before === after) return true;
  const parts = ({ metadata, spec, status }: KubeObject): readonly unknown[] => [
    metadata.uid,
    metadata.deletionTimestamp === undefined,
    asRecord(status)['acceptedNames'],
    spec,
  ];
  return (
    isTrue(before, 'Established') === isTrue(after, 'Established') && jsonEqual(parts(before), parts(after))
  );
}

/** The registry with the kinds of these definitions, too, as they ask for them. */
export function withDefinitions(registry: Registry, definitions: readonly KubeObject[]): Registry {
  const added = extended([], definitions.map(requestedKinds));
  return {
    ...createRegistry([...registry.kinds, ...added.kinds]),
    byKind(apiVersion, kind) {
      const known = registry.byKind(apiVersion, kind);
      return known && isBuiltin(known) ? known : (added.byKind(apiVersion, kind) ?? known);
    },
  };
}

/** A definition never replaces a resource that the system serves itself. */
function extended(builtin: readonly ResourceKind[], custom: readonly (CustomKinds | undefined)[]): Index {
  const own = new Set(builtin.map(resourceIdOf));
  const served: ResourceKind[] = [];
  const unserved: ResourceKind[] = [];
  for (const kinds of custom) {
    for (const kind of kinds?.all ?? []) {
      if (own.has(resourceIdOf(kind))) continue;
      (kinds?.served.includes(kind) ? served : unserved).push(kind);
    }
  }
  const place = (kind: ResourceKind): string => `${kind.group} ${kind.plural}`;
  served.sort((a, b) => compareVersionsIn(a, b) || (place(a) < place(b) ? -1 : 1));
  return indexOf([...builtin, ...served], unserved);
}

/** Groups by name; within one the most important version first. */
function compareVersionsIn(a: ResourceKind, b: ResourceKind): number {
  if (a.group !== b.group) return a.group < b.group ? -1 : 1;
  return compareVersions(a.version, b.version);
}

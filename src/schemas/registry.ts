/** The kinds that the system serves. Adding one: a file under kinds/, a line here. */
import { applicationKind } from './kinds/application.ts';
import { clusterRoleKind } from './kinds/cluster-role.ts';
import { clusterRoleBindingKind } from './kinds/cluster-role-binding.ts';
import { configMapKind } from './kinds/config-map.ts';
import { deploymentKind } from './kinds/deployment.ts';
import { endpointSliceKind } from './kinds/endpoint-slice.ts';
import { endpointsKind } from './kinds/endpoints.ts';
import { ingressKind } from './kinds/ingress.ts';
import { ingressClassKind } from './kinds/ingress-class.ts';
import { limitRangeKind } from './kinds/limit-range.ts';
import { networkPolicyKind } from './kinds/network-policy.ts';
import { persistentVolumeKind } from './kinds/persistent-volume.ts';
import { persistentVolumeClaimKind } from './kinds/persistent-volume-claim.ts';
import { podDisruptionBudgetKind } from './kinds/pod-disruption-budget.ts';
import { priorityClassKind } from './kinds/priority-class.ts';
import { resourceQuotaKind } from './kinds/resource-quota.ts';
import { runtimeClassKind } from './kinds/runtime-class.ts';
import { storageClassKind } from './kinds/storage-class.ts';
import { eventKind } from './kinds/event.ts';
import { leaseKind } from './kinds/lease.ts';
import { namespaceKind } from './kinds/namespace.ts';
import { nodeKind } from './kinds/node.ts';
import { podKind } from './kinds/pod.ts';
import { replicaSetKind } from './kinds/replica-set.ts';
import { roleKind } from './kinds/role.ts';
import { roleBindingKind } from './kinds/role-binding.ts';
import { secretKind } from './kinds/secret.ts';
import { serviceAccountKind } from './kinds/service-account.ts';
import { serviceKind } from './kinds/service.ts';
import { formatApiVersion } from './object.ts';
import { type Registry, type ResourceKind, resourceIdOf } from './resource-kind.ts';

export const builtinKinds: readonly ResourceKind[] = [
  namespaceKind,
  nodeKind,
  serviceAccountKind,
  secretKind,
  configMapKind,
  leaseKind,
  serviceKind,
  podKind,
  replicaSetKind,
  deploymentKind,
  applicationKind,
  eventKind,
  endpointSliceKind,
  endpointsKind,
  ingressKind,
  ingressClassKind,
  limitRangeKind,
  networkPolicyKind,
  persistentVolumeKind,
  persistentVolumeClaimKind,
  podDisruptionBudgetKind,
  priorityClassKind,
  resourceQuotaKind,
  runtimeClassKind,
  storageClassKind,
  clusterRoleKind,
  clusterRoleBindingKind,
  roleKind,
  roleBindingKind,
];

/** Later kinds of the same resource replace earlier ones. */
export function createRegistry(kinds: readonly ResourceKind[]): Registry {
  const byKind = new Map<string, ResourceKind>();
  const byResource = new Map<string, ResourceKind>();
  const byId = new Map<string, ResourceKind>();
  for (const kind of kinds) {
    const apiVersion = formatApiVersion(kind.group, kind.version);
    byKind.set(`${apiVersion} ${kind.kind}`, kind);
    byResource.set(`${apiVersion} ${kind.plural}`, kind);
    byId.set(resourceIdOf(kind), kind);
  }
  return {
    kinds: [...byId.values()],
    byKind: (apiVersion, kind) => byKind.get(`${apiVersion} ${kind}`),
    byResource: (group, version, plural) => byResource.get(`${formatApiVersion(group, version)} ${plural}`),
    byId: (id) => byId.get(id),
  };
}

export const builtinRegistry: Registry = createRegistry(builtinKinds);

/** The kinds that the system serves. Adding one: a file under kinds/, a line here. */
import { applicationKind } from './kinds/application.ts';
import { configMapKind } from './kinds/config-map.ts';
import { deploymentKind } from './kinds/deployment.ts';
import { eventKind } from './kinds/event.ts';
import { leaseKind } from './kinds/lease.ts';
import { namespaceKind } from './kinds/namespace.ts';
import { nodeKind } from './kinds/node.ts';
import { podKind } from './kinds/pod.ts';
import { replicaSetKind } from './kinds/replica-set.ts';
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

/** Roles and bindings of ours beyond Kubernetes' own. */
import { type Binding, type ClusterRole, type PolicyRule, RBAC_API_VERSION } from '../../schemas/rbac.ts';
import { builtinKinds } from '../../schemas/registry.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import { AGGREGATE_TO, parseBindings, READ, WRITE } from './default-policy.ts';

function aggregatedRole(name: string, parts: readonly string[], rules: readonly PolicyRule[]): ClusterRole {
  const labels = Object.fromEntries(parts.map((part) => [AGGREGATE_TO + part, 'true']));
  return { apiVersion: RBAC_API_VERSION, kind: 'ClusterRole', metadata: { name, labels }, rules };
}

/** As metrics-server does: every user who may view sees the usage of nodes and pods. */
const metricsReader = aggregatedRole(
  'system:aggregated-metrics-reader',
  ['admin', 'edit', 'view'],
  [{ verbs: READ, apiGroups: ['metrics.k8s.io'], resources: ['nodes', 'pods'] }],
);

/** The rows of kinds that Kubernetes' own roles do not name, as each kind asks for them. */
export function rolesOfKinds(kinds: readonly ResourceKind[]): readonly ClusterRole[] {
  const rules = (verbs: readonly string[], wanted: readonly ResourceKind[]): readonly PolicyRule[] =>
    wanted.map(({ group, plural }) => ({ verbs, apiGroups: [group], resources: [plural] }));
  const roles = [
    aggregatedRole(
      'symphony:aggregate-to-view',
      ['view'],
      rules(
        READ,
        kinds.filter((kind) => kind.defaultRoles),
      ),
    ),
    aggregatedRole(
      'symphony:aggregate-to-edit',
      ['edit'],
      rules(
        WRITE,
        kinds.filter((kind) => kind.defaultRoles === 'edit'),
      ),
    ),
  ];
  return roles.filter((role) => (role.rules ?? []).length > 0);
}

/** As kubeadm does: a bootstrap token may request a node certificate, a node may renew its own. */
const nodeBindings = `
symphony:node-bootstrapper -> system:node-bootstrapper: group system:bootstrappers
symphony:node-autoapprove-bootstrap -> system:certificates.k8s.io:certificatesigningrequests:nodeclient: group system:bootstrappers
symphony:node-autoapprove-rotation -> system:certificates.k8s.io:certificatesigningrequests:selfnodeclient: group system:nodes
`;

export const ownPolicy: readonly (ClusterRole | Binding)[] = [
  metricsReader,
  ...rolesOfKinds(builtinKinds),
  ...parseBindings(nodeBindings),
];

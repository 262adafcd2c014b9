/** Roles and bindings of ours beyond Kubernetes' own. */
import { type Binding, type ClusterRole, RBAC_API_VERSION } from '../../schemas/rbac.ts';
import { parseBindings } from './default-policy.ts';

/** The role that metrics-server brings to a cluster: a viewer may see usage. */
const metricsReader: ClusterRole = {
  apiVersion: RBAC_API_VERSION,
  kind: 'ClusterRole',
  metadata: {
    name: 'system:aggregated-metrics-reader',
    labels: {
      'rbac.authorization.k8s.io/aggregate-to-admin': 'true',
      'rbac.authorization.k8s.io/aggregate-to-edit': 'true',
      'rbac.authorization.k8s.io/aggregate-to-view': 'true',
    },
  },
  rules: [{ verbs: ['get', 'list', 'watch'], apiGroups: ['metrics.k8s.io'], resources: ['nodes', 'pods'] }],
};

/**
 * Bindings as kubeadm makes them. A bootstrap token may request a node certificate. A node may
 * renew its own.
 */
const nodeBindings = `
symphony:node-bootstrapper -> system:node-bootstrapper: group system:bootstrappers
symphony:node-autoapprove-bootstrap -> system:certificates.k8s.io:certificatesigningrequests:nodeclient: group system:bootstrappers
symphony:node-autoapprove-rotation -> system:certificates.k8s.io:certificatesigningrequests:selfnodeclient: group system:nodes
`;

export const ownPolicy: readonly (ClusterRole | Binding)[] = [metricsReader, ...parseBindings(nodeBindings)];

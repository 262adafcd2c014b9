/** Roles of ours beyond Kubernetes' own. */
import { type ClusterRole, RBAC_API_VERSION } from '../../schemas/rbac.ts';

/** What metrics-server brings to a cluster: whoever may view may see what is used. */
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

export const ownPolicy: readonly ClusterRole[] = [metricsReader];

/** One valid object of each kind of authorisation. */
import type { KubeObject } from '../../src/schemas/object.ts';

const object = (apiVersion: string, kind: string, rest: object, namespaced = true): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'a', ...(namespaced ? { namespace: 'testns' } : {}) },
  ...rest,
});

export const rbacSamples: readonly KubeObject[] = [
  object('rbac.authorization.k8s.io/v1', 'Role', {
    rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods', 'pods/log'], resourceNames: ['web'] }],
  }),
  object(
    'rbac.authorization.k8s.io/v1',
    'ClusterRole',
    {
      rules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }],
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
    },
    false,
  ),
  object('rbac.authorization.k8s.io/v1', 'RoleBinding', {
    roleRef: { kind: 'Role', name: 'a' },
    subjects: [
      { kind: 'User', name: 'u' },
      { kind: 'ServiceAccount', name: 's' },
    ],
  }),
  object(
    'rbac.authorization.k8s.io/v1',
    'ClusterRoleBinding',
    { roleRef: { kind: 'ClusterRole', name: 'a' }, subjects: [{ kind: 'Group', name: 'g' }] },
    false,
  ),
];

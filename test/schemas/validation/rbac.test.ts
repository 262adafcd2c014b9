import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { RBAC_API_VERSION, RBAC_GROUP } from '../../../src/schemas/rbac.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { ResourceKind } from '../../../src/schemas/resource-kind.ts';
import { fieldErrorText } from '../../../src/schemas/errors/status.ts';

function kindOf(kind: string): ResourceKind {
  const found = builtinRegistry.byKind(RBAC_API_VERSION, kind);
  if (!found) throw new Error(`no kind ${kind}`);
  return found;
}

const complaints = (kind: string, rest: object, name = 'a'): readonly string[] => {
  const { namespaced, withDefaults, validate } = kindOf(kind);
  const metadata = { name, ...(namespaced ? { namespace: 'shop' } : {}) };
  return validate(withDefaults({ apiVersion: RBAC_API_VERSION, kind, metadata, ...rest })).map(
    fieldErrorText,
  );
};

const roleRef = { kind: 'ClusterRole', name: 'view' };

describe('roles', () => {
  it.each(['system:node', 'Any Thing', 'a_b'])('may be called %s', (name) =>
    expect(complaints('ClusterRole', {}, name)).toEqual([]),
  );

  it.each([
    ['a/b', `metadata.name: Invalid value: "a/b": may not contain '/'`],
    ['..', `metadata.name: Invalid value: "..": may not be '..'`],
    ['a%', `metadata.name: Invalid value: "a%": may not contain '%'`],
  ])('may not be called %s', (name, text) => expect(complaints('Role', {}, name)).toEqual([text]));

  it('speak of resources or of paths', () => {
    const both = { verbs: ['get'], apiGroups: [''], resources: ['pods'], nonResourceURLs: ['/a'] };
    expect(complaints('ClusterRole', { rules: [both] })).toEqual([
      'rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs',
    ]);
    expect(complaints('ClusterRole', { rules: [{ verbs: [] }] })).toEqual([
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ]);
  });

  it('are made of others by selectors that can be read', () => {
    expect(complaints('ClusterRole', { aggregationRule: {} })).toEqual([
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ]);
    const selector = { matchExpressions: [{ key: 'a', operator: 'Is' }] };
    expect(complaints('ClusterRole', { aggregationRule: { clusterRoleSelectors: [selector] } })).toHaveLength(
      1,
    );
  });
});

describe('bindings', () => {
  it('refer to a role', () => {
    expect(complaints('ClusterRoleBinding', { roleRef: { kind: 'Role', name: 'a' } })).toEqual([
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    ]);
    expect(complaints('RoleBinding', { roleRef: { apiGroup: 'x', kind: 'Role', name: '' } })).toEqual([
      'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'roleRef.name: Required value',
    ]);
  });

  it('name users, groups and service accounts', () => {
    const subjects = [
      { kind: 'User', name: 'u' },
      { kind: 'ServiceAccount', name: 'NO', apiGroup: 'x' },
      { kind: 'Robot', name: 'r' },
    ];
    expect(complaints('ClusterRoleBinding', { roleRef, subjects })).toEqual([
      expect.stringContaining('subjects[1].name: Invalid value: "NO": a lowercase RFC 1123 subdomain'),
      'subjects[1].apiGroup: Unsupported value: "x": supported values: ""',
      'subjects[1].namespace: Required value',
      'subjects[2].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ]);
  });

  it('never change their role', () => {
    const { withDefaults, validateUpdate } = kindOf('RoleBinding');
    const binding = (name: string): KubeObject =>
      withDefaults({
        apiVersion: RBAC_API_VERSION,
        kind: 'RoleBinding',
        metadata: { name: 'b', namespace: 'shop', resourceVersion: '1' },
        roleRef: { kind: 'Role', name },
      });
    expect(validateUpdate(binding('a'), binding('a'))).toEqual([]);
    expect(validateUpdate(binding('b'), binding('a')).map(fieldErrorText)).toEqual([
      `roleRef: Invalid value: {"APIGroup":"${RBAC_GROUP}","Kind":"Role","Name":"b"}: cannot change roleRef`,
    ]);
  });
});

import { bindingTable } from '../tables/binding-table.ts';
import { fillBindingDefaults } from '../defaults/rbac.ts';
import { RBAC_GROUP } from '../rbac.ts';
import { pathSegment } from '../validation/names.ts';
import { validateBindingUpdate, validateClusterRoleBinding } from '../validation/rbac.ts';
import { defineKind } from './define-kind.ts';

export const clusterRoleBindingKind = defineKind({
  group: RBAC_GROUP,
  kind: 'ClusterRoleBinding',
  namespaced: false,
  applyOrder: 82,
  nameRule: pathSegment,
  table: bindingTable,
  fillDefaults: fillBindingDefaults,
  validate: validateClusterRoleBinding,
  validateUpdate: validateBindingUpdate,
});

import { bindingTable } from '../tables/binding-table.ts';
import { fillBindingDefaults } from '../defaults/rbac.ts';
import { RBAC_GROUP } from '../rbac.ts';
import { pathSegment } from '../validation/names.ts';
import { validateBindingUpdate, validateRoleBinding } from '../validation/rbac.ts';
import { defineKind } from './define-kind.ts';

export const roleBindingKind = defineKind({
  group: RBAC_GROUP,
  kind: 'RoleBinding',
  applyOrder: 86,
  nameRule: pathSegment,
  table: bindingTable,
  fillDefaults: fillBindingDefaults,
  validate: validateRoleBinding,
  validateUpdate: validateBindingUpdate,
});

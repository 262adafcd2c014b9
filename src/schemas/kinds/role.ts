import { fillRoleDefaults } from '../defaults/rbac.ts';
import { RBAC_GROUP } from '../rbac.ts';
import { pathSegmentName, validateRole } from '../validation/rbac.ts';
import { defineKind } from './define-kind.ts';

export const roleKind = defineKind({
  group: RBAC_GROUP,
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  applyOrder: 84,
  nameRule: pathSegmentName,
  fillDefaults: fillRoleDefaults,
  validate: validateRole,
});

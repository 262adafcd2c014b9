import { CREATED_AT, NAME, tableOf } from '../tables/columns.ts';
import { fillRoleDefaults } from '../defaults/rbac.ts';
import { RBAC_GROUP } from '../rbac.ts';
import { pathSegment } from '../validation/names.ts';
import { validateRole } from '../validation/rbac.ts';
import { defineKind } from './define-kind.ts';

export const roleKind = defineKind({
  group: RBAC_GROUP,
  kind: 'Role',
  applyOrder: 84,
  nameRule: pathSegment,
  table: tableOf(NAME, CREATED_AT),
  fillDefaults: fillRoleDefaults,
  validate: validateRole,
});

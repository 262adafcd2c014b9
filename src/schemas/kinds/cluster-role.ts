import { CREATED_AT, NAME, tableOf } from '../tables/columns.ts';
import { fillRoleDefaults } from '../defaults/rbac.ts';
import { RBAC_GROUP } from '../rbac.ts';
import { pathSegment } from '../validation/names.ts';
import { validateClusterRole } from '../validation/rbac.ts';
import { defineKind } from './define-kind.ts';

export const clusterRoleKind = defineKind({
  group: RBAC_GROUP,
  kind: 'ClusterRole',
  namespaced: false,
  applyOrder: 80,
  nameRule: pathSegment,
  table: tableOf(NAME, CREATED_AT),
  fillDefaults: fillRoleDefaults,
  validate: validateClusterRole,
});

/** Runs {@link planAggregation} for each role that is made of others, when any role changes. */
import { type ClusterRole, RBAC_GROUP } from '../../schemas/rbac.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { type AggregationInput, planAggregation } from './plan-aggregation.ts';

export const clusterRoleAggregation: Controller = {
  name: 'cluster-role-aggregation',
  async open({ caches }, scope): Promise<Reconciler<AggregationInput>> {
    const roles = await caches.open<ClusterRole>(`clusterroles.${RBAC_GROUP}`);
    const keys = (): readonly string[] =>
      roles
        .list()
        .filter(({ aggregationRule }) => aggregationRule)
        .map(({ metadata }) => metadata.name);
    scope.on(roles, keys);
    return {
      keys,
      observe(name) {
        const role = roles.get(name);
        return role && { role, all: roles.list() };
      },
      plan({ role, all }) {
        const object = planAggregation(role, all);
        return object && { writes: [{ verb: 'update', object }] };
      },
    };
  },
};

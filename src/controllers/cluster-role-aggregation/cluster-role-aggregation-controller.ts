/** Runs {@link planAggregation} for each cluster role that is made of others; whenever any changes, all of these may. */
import { RBAC_GROUP, type ClusterRole } from '../../schemas/rbac.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { planAggregation } from './plan-aggregation.ts';

export async function startClusterRoleAggregation(context: ControllerContext): Promise<Loop> {
  const roles = await context.caches.open<ClusterRole>(`clusterroles.${RBAC_GROUP}`);
  const aggregating = (): readonly string[] =>
    roles
      .list()
      .filter(({ aggregationRule }) => aggregationRule)
      .map(({ metadata }) => metadata.name);

  const loop = startLoop({
    name: 'clusterrole-aggregation',
    context,
    keys: aggregating,
    async reconcile(name, signal) {
      const role = roles.get(name);
      const next = role && planAggregation(role, roles.list());
      if (next) await applyAndWait(context, [{ verb: 'update', object: next }], signal);
    },
  });
  const subscription = roles.subscribe(() => {
    for (const name of aggregating()) loop.queue.add(name);
  });
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

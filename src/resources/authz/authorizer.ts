/**
 * Decides whether a user may do something. The first that allows decides: administrators
 * (`system:masters`) may do everything, a node's agent what its node needs, and every user what
 * roles say. Nothing is allowed by default.
 */
import { andThen } from '../../base/eventually.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import { createNodeAuthorizer, nodeNameOf } from './node-authorizer.ts';
import { createNodeLookup } from './node-lookup.ts';
import { rbacPolicyOf } from './rbac-policy.ts';
import { MASTERS } from './subjects.ts';
import type { Authorizer, Decision } from './types.ts';

export function createAuthorizer(snapshots: Snapshots): Authorizer {
  const rbac = rbacPolicyOf(snapshots);
  const nodes = createNodeAuthorizer(createNodeLookup(snapshots));
  const allow: Decision = { allowed: true };
  return {
    authorize(user, attributes) {
      if (user.groups.includes(MASTERS)) return allow;
      return andThen(nodes.authorize(user, attributes), (asNode) =>
        asNode?.allowed
          ? asNode
          : andThen(rbac.authorize(user, attributes), (byRole) => either(asNode, byRole)),
      );
    },
    authorizePath: (user, verb, path) =>
      user.groups.includes(MASTERS) ? allow : rbac.authorizePath(user, verb, path),
    async rulesFor(user, namespace) {
      const { rules, errors } = await rbac.rulesFor(user, namespace);
      if (nodeNameOf(user) === undefined) return { rules, errors };
      return { rules, errors: ['node authorizer does not support user rule resolution', ...errors] };
    },
  };
}

/** A node's agent is told both reasons. */
function either(asNode: Decision | undefined, byRole: Decision): Decision {
  if (byRole.allowed) return byRole;
  const reasons = [asNode?.reason, byRole.reason].filter((reason) => reason !== undefined);
  return { allowed: false, ...(reasons.length > 0 ? { reason: reasons.join('\n') } : {}) };
}

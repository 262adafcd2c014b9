/**
 * RBAC by the roles and bindings in the caches, without waiting for them: what it allows, and which
 * rules a user holds. Bindings are indexed by their subjects, so that a request costs what its
 * caller's own bindings cost.
 */
import { andThen, type Eventually } from '../../base/eventually.ts';
import { objectKey } from '../../schemas/object.ts';
import { type Binding, type PolicyRule, RBAC_GROUP, type Role, type RoleRef } from '../../schemas/rbac.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import type { UserInfo } from '../types.ts';
import { rulesAllow, rulesAllowPath } from './rules.ts';
import { describeSubject, keyOfSubject, keysOfBinding, keysOfUser } from './subjects.ts';
import type { Decision, GrantedRules, ResourceAttributes } from './types.ts';

export interface RbacPolicy {
  authorize(user: UserInfo, attributes: ResourceAttributes): Eventually<Decision>;
  authorizePath(user: UserInfo, verb: string, path: string): Eventually<Decision>;
  /** Without a namespace: what is granted everywhere. */
  rulesFor(user: UserInfo, namespace: string | undefined): Promise<GrantedRules>;
}

const BY_SUBJECT = 'authz/subject';

interface Caches {
  readonly roles: ResourceCache;
  readonly clusterRoles: ResourceCache;
  readonly bindings: ResourceCache;
  readonly clusterBindings: ResourceCache;
}

/** A binding that speaks of the user, by one of the user's keys. */
interface Grant {
  readonly binding: Binding;
  readonly key: string;
  /** Undefined where the role is missing. */
  readonly rules: readonly PolicyRule[] | undefined;
}

const policies = new WeakMap<Snapshots, RbacPolicy>();

/** One policy for one set of caches. */
export function rbacPolicyOf(snapshots: Snapshots): RbacPolicy {
  let policy = policies.get(snapshots);
  if (!policy) {
    policy = createRbacPolicy(snapshots);
    policies.set(snapshots, policy);
  }
  return policy;
}

function createRbacPolicy(snapshots: Snapshots): RbacPolicy {
  let opened: Eventually<Caches> | undefined;

  async function open(): Promise<Caches> {
    const cacheOf = async (plural: string): Promise<ResourceCache> =>
      snapshots.open({ group: RBAC_GROUP, plural });
    const [roles, clusterRoles, bindings, clusterBindings] = await Promise.all([
      cacheOf('roles'),
      cacheOf('clusterroles'),
      cacheOf('rolebindings'),
      cacheOf('clusterrolebindings'),
    ]);
    clusterBindings.addIndex(BY_SUBJECT, (binding) => keysOfBinding(binding as Binding));
    bindings.addIndex(BY_SUBJECT, (binding) =>
      keysOfBinding(binding as Binding).map((key) => inNamespace(binding.metadata.namespace, key)),
    );
    return { roles, clusterRoles, bindings, clusterBindings };
  }

  function caches(): Eventually<Caches> {
    if (opened) return opened;
    const opening = open();
    opened = opening;
    opening.then(
      (at) => {
        opened = at;
      },
      () => {
        opened = undefined;
      },
    );
    return opening;
  }

  function rulesAt(at: Caches, { kind, name }: RoleRef, namespace: string | undefined): Grant['rules'] {
    const role = (
      kind === 'ClusterRole' ? at.clusterRoles.get(name) : at.roles.get(objectKey(namespace, name))
    ) as Role | undefined;
    return role ? (role.rules ?? NO_RULES) : undefined;
  }

  /** Cluster-wide bindings first, then those of the namespace; until `visit` has seen enough. */
  function visitGrants(
    at: Caches,
    user: UserInfo,
    namespace: string | undefined,
    visit: (grant: Grant) => boolean,
  ): void {
    const keys = keysOfUser(user);
    const all = (cache: ResourceCache, place: string | undefined): boolean =>
      keys.some((key) =>
        cache.byIndex(BY_SUBJECT, place === undefined ? key : inNamespace(place, key)).some((found) => {
          const binding = found as Binding;
          return visit({ binding, key, rules: rulesAt(at, binding.roleRef, place) });
        }),
      );
    if (!all(at.clusterBindings, undefined) && namespace) all(at.bindings, namespace);
  }

  function decide(
    at: Caches,
    user: UserInfo,
    namespace: string | undefined,
    allows: (rules: readonly PolicyRule[]) => boolean,
  ): Decision {
    let decision: Decision | undefined;
    const missing = new Set<string>();
    visitGrants(at, user, namespace, ({ binding, key, rules }) => {
      if (!rules) missing.add(noRole(binding.roleRef));
      else if (allows(rules)) decision = allowedBy(binding, key);
      return decision !== undefined;
    });
    if (decision) return decision;
    if (missing.size === 0) return REFUSED;
    return { allowed: false, reason: `RBAC: ${aggregate([...missing])}` };
  }

  return {
    authorize: (user, attributes) =>
      andThen(caches(), (at) =>
        decide(at, user, attributes.namespace, (rules) => rulesAllow(rules, attributes)),
      ),
    authorizePath: (user, verb, path) =>
      andThen(caches(), (at) => decide(at, user, undefined, (rules) => rulesAllowPath(rules, verb, path))),
    async rulesFor(user, namespace) {
      const found = new Set<PolicyRule>();
      const errors = new Set<string>();
      visitGrants(await caches(), user, namespace, ({ binding, rules }) => {
        if (!rules) errors.add(noRole(binding.roleRef));
        else for (const rule of rules) found.add(rule);
        return false;
      });
      return { rules: [...found], errors: [...errors] };
    },
  };
}

const NO_RULES: readonly PolicyRule[] = [];

/** Names of subjects may hold anything; namespaces hold no blank. */
const inNamespace = (namespace: string | undefined, key: string): string => `${namespace ?? ''} ${key}`;

export const noRole = ({ kind, name }: RoleRef): string =>
  `${kind.toLowerCase()}.${RBAC_GROUP} ${JSON.stringify(name)} not found`;

export const aggregate = (errors: readonly string[]): string =>
  errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]`;

const REFUSED: Decision = { allowed: false };
/** By binding and key of the subject. Made once: most requests are allowed by one of a few. */
const decisions = new WeakMap<Binding, Map<string, Decision>>();

function allowedBy(binding: Binding, key: string): Decision {
  const known = decisions.get(binding) ?? new Map<string, Decision>();
  const decision = known.get(key) ?? { allowed: true, reason: allowedText(binding, key) };
  decisions.set(binding, known.set(key, decision));
  return decision;
}

function allowedText({ kind, metadata, roleRef, subjects = [] }: Binding, key: string): string {
  const { name, namespace } = metadata;
  const subject = subjects.find((candidate) => keyOfSubject(candidate, namespace) === key);
  const shown = namespace === undefined ? name : `${name}/${namespace}`;
  const who = subject ? describeSubject(subject, namespace ?? '') : '';
  return `RBAC: allowed by ${kind} ${JSON.stringify(shown)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${who}`;
}

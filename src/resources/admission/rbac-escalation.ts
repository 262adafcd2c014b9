/**
 * A user grants only rights that the user holds. The writer of a role holds its rules, or may
 * `escalate` it; the writer of a binding holds the rules of its role, or may `bind` it.
 * Administrators may do everything. Writes of the control plane are not checked here. Source:
 * upstream's policy-based storage of the rbac kinds.
 */
import { jsonEqual } from '../../base/json.ts';
import { asList, omit } from '../../schemas/json-access.ts';
import { type KubeObject, objectKey } from '../../schemas/object.ts';
import { type Binding, type ClusterRole, RBAC_GROUP } from '../../schemas/rbac.ts';
import { failure } from '../../schemas/errors/status.ts';
import { aggregate, noRole, type RbacPolicy, rbacPolicyOf } from '../authz/rbac-policy.ts';
import {
  type AskedRule,
  describeRules,
  fullAuthority,
  isTooLarge,
  missingFrom,
  quoteList,
} from '../authz/rule-cover.ts';
import { MASTERS } from '../authz/subjects.ts';
import { forbidden } from '../refusals.ts';
import type { UserInfo } from '../types.ts';
import type { AdmissionDependencies, AdmissionRequest, AdmissionRule } from './types.ts';

const ROLES: ReadonlySet<string> = new Set(['Role', 'ClusterRole']);
const BINDINGS: ReadonlySet<string> = new Set(['RoleBinding', 'ClusterRoleBinding']);

export const rbacEscalation: AdmissionRule = {
  name: 'RbacEscalation',
  guardsRights: true,
  applies: ({ kind, internal, subresource, context }) =>
    kind.group === RBAC_GROUP &&
    !internal &&
    subresource === undefined &&
    (ROLES.has(kind.kind) || BINDINGS.has(kind.kind)) &&
    !context.user.groups.includes(MASTERS),
  async admit(request, dependencies) {
    const { kind, object } = request;
    if (onlyForCollection(request)) return object;
    const policy = rbacPolicyOf(dependencies.snapshots);
    if (ROLES.has(kind.kind)) await mayWriteRole(request, policy);
    else await mayWriteBinding(request, policy, dependencies);
    return object;
  },
};

/** The garbage collector must be able to let go of anything. */
function onlyForCollection({ object, current }: AdmissionRequest): boolean {
  if (!current) return false;
  const rest = (of: KubeObject): unknown => ({
    ...of,
    metadata: omit(of.metadata, 'ownerReferences', 'finalizers', 'managedFields', 'resourceVersion'),
  });
  const collected = (of: KubeObject): unknown => [of.metadata.ownerReferences, of.metadata.finalizers];
  return jsonEqual(rest(object), rest(current)) && !jsonEqual(collected(object), collected(current));
}

async function mayWriteRole(request: AdmissionRequest, policy: RbacPolicy): Promise<void> {
  const { kind, operation, object, current, context } = request;
  const { name, namespace } = object.metadata;
  const escalates = await policy.authorize(context.user, {
    verb: 'escalate',
    group: RBAC_GROUP,
    resource: kind.plural,
    subresource: undefined,
    namespace,
    name: operation === 'update' ? name : undefined,
    fieldSelector: undefined,
  });
  if (escalates.allowed) return;
  await confirm(request, policy, rulesOf(object));
  if (!aggregates(object) && !aggregates(current)) return;
  // It can come to anything.
  const why = 'must have cluster-admin privileges to use the aggregationRule';
  if ((await complaint(context.user, namespace, policy, fullAuthority)) !== undefined)
    throw forbidden(kind, name ?? '', why);
}

const rulesOf = (object: KubeObject): readonly AskedRule[] => asList(object['rules']) as readonly AskedRule[];

const aggregates = (object: KubeObject | undefined): boolean =>
  (object as ClusterRole | undefined)?.aggregationRule !== undefined;

async function mayWriteBinding(
  request: AdmissionRequest,
  policy: RbacPolicy,
  { find }: Pick<AdmissionDependencies, 'find'>,
): Promise<void> {
  const { object, context } = request;
  const { namespace } = object.metadata;
  const { roleRef } = object as Binding;
  const ofCluster = roleRef.kind === 'ClusterRole';
  const binds = await policy.authorize(context.user, {
    verb: 'bind',
    group: RBAC_GROUP,
    resource: ofCluster ? 'clusterroles' : 'roles',
    subresource: undefined,
    namespace,
    name: roleRef.name,
    fieldSelector: undefined,
  });
  if (binds.allowed) return;
  // A role of the same commit counts as stored: its own rules are confirmed by themselves.
  const plural = ofCluster ? 'clusterroles' : 'roles';
  const role = await find(
    { group: RBAC_GROUP, plural },
    objectKey(ofCluster ? undefined : namespace, roleRef.name),
  );
  if (!role)
    throw failure(404, 'NotFound', noRole(roleRef), {
      name: roleRef.name,
      group: RBAC_GROUP,
      kind: roleRef.kind.toLowerCase(),
    });
  await confirm(request, policy, rulesOf(role));
}

async function confirm(
  { kind, object, context }: AdmissionRequest,
  policy: RbacPolicy,
  rules: readonly AskedRule[],
): Promise<void> {
  const why = await complaint(context.user, object.metadata.namespace, policy, rules);
  if (why !== undefined) throw forbidden(kind, object.metadata.name, why);
}

async function complaint(
  user: UserInfo,
  namespace: string | undefined,
  policy: RbacPolicy,
  wanted: readonly AskedRule[],
): Promise<string | undefined> {
  if (isTooLarge(wanted)) return 'the rules hold too many permissions to be compared with those held';
  const { rules: held, errors } = await policy.rulesFor(user, namespace);
  const missing = missingFrom(held, wanted);
  if (missing.length === 0) return undefined;
  const who = `user ${JSON.stringify(user.name)} (groups=${quoteList(user.groups)})`;
  const unresolved = errors.length > 0 ? `; resolution errors: [${aggregate(errors)}]` : '';
  return `${who} is attempting to grant RBAC permissions not currently held:\n${describeRules(missing)}${unresolved}`;
}

/** Reads the notation of default-roles.ts into the objects that every cluster has. Pure. */
import { append } from '../../base/append.ts';
import { words } from '../../base/words.ts';
import {
  type Binding,
  type ClusterRole,
  type PolicyRule,
  RBAC_API_VERSION,
  RBAC_GROUP,
  type Role,
  type Subject,
} from '../../schemas/rbac.ts';
import { clusterRoleBindings, clusterRoles, controllerRoles, roleBindings, roles } from './default-roles.ts';

/** `false` on a stored role or binding keeps it as it is. */
export const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const BOOTSTRAPPING = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
export const AGGREGATE_TO = 'rbac.authorization.k8s.io/aggregate-to-';
const CONTROLLER_PREFIX = 'system:controller:';

export const READ = ['get', 'list', 'watch'];
export const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const VERBS: Readonly<Record<string, readonly string[]>> = {
  read: READ,
  write: WRITE,
  'read+write': [...READ, ...WRITE].sort(),
};

/** The rule `events`. */
const EVENTS = 'create,patch,update core,events.k8s.io: events';

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');

function parseRule(text: string): PolicyRule {
  const [first = '', ...rest] = words(text.trim() === 'events' ? EVENTS : text);
  const verbs = VERBS[first] ?? first.split(',');
  const [second = ''] = rest;
  if (!second.endsWith(':')) return { verbs, nonResourceURLs: rest };
  const apiGroups = second
    .slice(0, -1)
    .split(',')
    .map((group) => (group === 'core' ? '' : group));
  const equals = rest.indexOf('=');
  const resources = rest.slice(1, equals < 0 ? undefined : equals);
  return { verbs, apiGroups, resources, ...(equals < 0 ? {} : { resourceNames: rest.slice(equals + 1) }) };
}

function placed(path: string): { readonly name: string; readonly namespace?: string } {
  const slash = path.indexOf('/');
  return slash < 0 ? { name: path } : { namespace: path.slice(0, slash), name: path.slice(slash + 1) };
}

const metadataOf = (path: string, labels: Readonly<Record<string, string>> = {}): Role['metadata'] => ({
  ...placed(path),
  labels: { ...BOOTSTRAPPING, ...labels },
  annotations: { [AUTO_UPDATE]: 'true' },
});

function parseRoles(text: string): readonly ClusterRole[] {
  const made: { readonly head: string; readonly rules: PolicyRule[] }[] = [];
  for (const line of linesOf(text)) {
    if (line.startsWith('  ')) append(made.at(-1)?.rules ?? [], line.split(';').map(parseRule));
    else made.push({ head: line, rules: [] });
  }
  return made.map(({ head, rules }) => {
    const [path = '', ...marks] = words(head);
    const metadata = metadataOf(path, marks[0] === '>' ? { [`${AGGREGATE_TO}${marks[1]}`]: 'true' } : {});
    const kind = metadata.namespace === undefined ? 'ClusterRole' : 'Role';
    const base = { apiVersion: RBAC_API_VERSION, kind, metadata };
    if (!marks.includes('<')) return { ...base, rules };
    const matchLabels = { [`${AGGREGATE_TO}${path}`]: 'true' };
    return { ...base, rules: null, aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
  });
}

function parseSubject(text: string): Subject {
  const [type = '', who = ''] = words(text);
  if (type === 'account') return { kind: 'ServiceAccount', ...placed(who) };
  return { kind: type === 'group' ? 'Group' : 'User', apiGroup: RBAC_GROUP, name: who };
}

export function parseBindings(text: string): readonly Binding[] {
  return linesOf(text).map((line) => {
    // Names hold colons, but no colon before a blank; a line may end with one.
    const end = `${line} `.indexOf(': ');
    const [path = '', , role] = words(line.slice(0, end));
    const metadata = metadataOf(path);
    const namespaced = metadata.namespace !== undefined;
    const subjects = line.slice(end + 1).trim();
    return {
      apiVersion: RBAC_API_VERSION,
      kind: namespaced ? 'RoleBinding' : 'ClusterRoleBinding',
      metadata,
      ...(subjects === '' ? {} : { subjects: subjects.split(',').map(parseSubject) }),
      roleRef: {
        apiGroup: RBAC_GROUP,
        kind: namespaced ? 'Role' : 'ClusterRole',
        name: role ?? metadata.name,
      },
    };
  });
}

const controllerBindings = (): readonly Binding[] =>
  parseRoles(controllerRoles).flatMap(({ metadata: { name } }) =>
    parseBindings(`${name}: account kube-system/${name.slice(CONTROLLER_PREFIX.length)}`),
  );

/** Roles before the bindings that refer to them. */
export const defaultPolicy: readonly (ClusterRole | Role | Binding)[] = [
  ...parseRoles(clusterRoles),
  ...parseRoles(controllerRoles),
  ...parseRoles(roles),
  ...parseBindings(clusterRoleBindings),
  ...controllerBindings(),
  ...parseBindings(roleBindings),
];

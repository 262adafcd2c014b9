/**
 * The cluster that the authorisation table is about: two nodes, a namespace `shop` with a pod on
 * the first node and what this pod names, Kubernetes' default roles, and one person bound to each
 * of view, edit and admin in that namespace. Everybody comes in by the door of the API; what is
 * asserted is whether it opens.
 */
import type { IncomingMessage } from 'node:http';
import { createAuthentication } from '../../../src/api/authn/authentication.ts';
import type { ServiceAccountTokens } from '../../../src/api/authn/service-account-tokens.ts';
import { createAuthorizer } from '../../../src/resources/authz/authorizer.ts';
import { ensureDefaultPolicy } from '../../../src/resources/authz/ensure-default-policy.ts';
import { ownPolicy } from '../../../src/resources/authz/own-policy.ts';
import { resourceNotFound } from '../../../src/resources/refusals.ts';
import type { UserInfo } from '../../../src/resources/types.ts';
import { createAccess, type Entered } from '../../../src/api/http/access.ts';
import { TUNNEL_PROTOCOL } from '../../../src/api/tunnel.ts';
import { builtInResources } from '../../../src/api/virtual/built-in.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { planAggregation } from '../../../src/controllers/cluster-role-aggregation/plan-aggregation.ts';
import { formatApiVersion, type KubeObject } from '../../../src/schemas/object.ts';
import { type ClusterRole, RBAC_API_VERSION, RBAC_GROUP } from '../../../src/schemas/rbac.ts';
import type { ServedResource } from '../../../src/schemas/resource-kind.ts';
import { isStatusError } from '../../../src/schemas/errors/status.ts';
import { startTestCore, type TestCore } from '../../api/test-api.ts';

const person = (name: string): UserInfo => ({ name, groups: ['system:authenticated'] });
const agent = (node: string): UserInfo => ({
  name: `system:node:${node}`,
  groups: ['system:nodes', 'system:authenticated'],
});

/** `undefined` says nothing about itself. */
export const actors = {
  anonymous: undefined,
  node: agent('n1'),
  'other node': agent('n2'),
  account: {
    name: 'system:serviceaccount:shop:runner',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
  },
  changer: person('changer'),
  viewer: person('viewer'),
  editor: person('editor'),
  admin: person('admin'),
  master: { name: 'root', groups: ['system:masters', 'system:authenticated'] },
} as const satisfies Readonly<Record<string, UserInfo | undefined>>;

export type Actor = keyof typeof actors;

/** The names of the first node's own objects. */
export const owned: Readonly<Record<string, { readonly namespace?: string; readonly name: string }>> = {
  nodes: { name: 'n1' },
  pods: { namespace: 'shop', name: 'mine' },
  secrets: { namespace: 'shop', name: 'named' },
  configmaps: { namespace: 'shop', name: 'named' },
  persistentvolumeclaims: { namespace: 'shop', name: 'named' },
  persistentvolumes: { name: 'disk' },
  serviceaccounts: { namespace: 'shop', name: 'runner' },
  'leases.coordination.k8s.io': { namespace: 'kube-node-lease', name: 'n1' },
  'certificatesigningrequests.certificates.k8s.io': { name: 'mine' },
};

export type Verdict = 'yes' | 401 | 403 | 'no route';

export interface AuthorisationCluster extends AsyncDisposable {
  readonly core: TestCore;
  readonly served: readonly ServedResource[];
  /** With `creates`, the write itself is tried too (dry): the object of the path does not exist. */
  ask(actor: Actor, method: string, path: string, creates?: Creates): Promise<Verdict>;
}

/** Ways to create an object by its name. */
export type Creates = 'apply' | 'put';

export async function startAuthorisationCluster(): Promise<AuthorisationCluster> {
  const test = await startTestCore(systemClock, ['shop', 'other', 'kube-node-lease']);
  const { core } = test;
  await core.warm();
  const authorizer = createAuthorizer(core.snapshots);
  const authentication = createAuthentication({
    core,
    table: { find: () => undefined },
    serviceAccounts: {} as ServiceAccountTokens,
    rng: test.rng,
  });
  const virtual = [
    ...authentication.virtual,
    ...builtInResources({ core, authorizer, usages: { of: async () => new Map() } }),
  ];
  await fill(test);
  await Promise.all(
    ['pods', 'clusterroles', 'roles', 'rolebindings'].map(async (plural) => {
      const group = plural === 'pods' ? '' : RBAC_GROUP;
      await (await core.snapshots.open({ group, plural })).refresh();
    }),
  );
  const doors = new Map(
    Object.entries(actors).map(([name, user]) => [
      name,
      createAccess({
        core,
        virtual,
        authorizer,
        authenticator: {
          authenticate: async () => (user ? { result: 'user', user } : { result: 'anonymous' }),
        },
      }),
    ]),
  );
  return {
    core: test,
    served: [...core.registry.kinds, ...virtual],
    async ask(actor, method, path, creates) {
      const headers = { upgrade: TUNNEL_PROTOCOL };
      const request = { method, headers, rawHeaders: [], socket: {} } as unknown as IncomingMessage;
      try {
        const entered = await doors.get(actor)?.enter(request, new URL(path, 'http://api'));
        if (entered && creates) await createDry(test, entered, creates);
        return 'yes';
      } catch (error) {
        if (!isStatusError(error)) throw error;
        if (error.code === 401 || error.code === 403) return error.code;
        // A caller that is told more than that has passed.
        return error.code === 404 || error.code === 405 ? 'no route' : 'yes';
      }
    },
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  };
}

/** A body that says nothing but its name: whoever is told what it lacks has passed. */
async function createDry(
  { core, context }: TestCore,
  { routed, target, user }: Entered,
  creates: Creates,
): Promise<void> {
  if (routed?.type !== 'stored' || !target) throw resourceNotFound();
  const { kind } = routed;
  const ref = { kind, namespace: target.namespace, name: target.name ?? '' };
  const body = { apiVersion: formatApiVersion(kind.group, kind.version), kind: kind.kind };
  const object = { ...body, metadata: { name: ref.name } };
  const options = { dryRun: true, fieldValidation: 'Ignore', fieldManager: 'test' } as const;
  const by = { ...context, user };
  if (creates === 'apply') await core.patch(ref, { format: 'apply', body: object }, options, by);
  else await core.update(ref, object, options, by);
}

async function fill({ store, objects }: TestCore): Promise<void> {
  await ensureDefaultPolicy({ store, writer: objects, logger: silentLogger, more: ownPolicy });
  for (let changed = true; changed; ) {
    const roles = (await store.list(`clusterroles.${RBAC_GROUP}`)).objects as ClusterRole[];
    const next = roles.flatMap((role) => planAggregation(role, roles) ?? []);
    for (const role of next) await objects.update(role);
    changed = next.length > 0;
  }
  const bindings = (['view', 'edit', 'admin'] as const).map((role): KubeObject => {
    const name = { view: 'viewer', edit: 'editor', admin: 'admin' }[role];
    return {
      apiVersion: RBAC_API_VERSION,
      kind: 'RoleBinding',
      metadata: { name, namespace: 'shop' },
      roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'User', apiGroup: RBAC_GROUP, name }],
    };
  });
  for (const object of [...changing, ...bindings, ...things]) await store.commit([creation(object)]);
}

/** May change everything in the namespace and create nothing. */
const changing: readonly KubeObject[] = [
  {
    apiVersion: RBAC_API_VERSION,
    kind: 'Role',
    metadata: { name: 'changer', namespace: 'shop' },
    rules: [{ verbs: ['get', 'list', 'patch', 'update'], apiGroups: ['*'], resources: ['*'] }],
  },
  {
    apiVersion: RBAC_API_VERSION,
    kind: 'RoleBinding',
    metadata: { name: 'changer', namespace: 'shop' },
    roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: 'changer' },
    subjects: [{ kind: 'User', apiGroup: RBAC_GROUP, name: 'changer' }],
  },
];

const pod = (name: string, spec: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  spec: { containers: [{ name: 'c', image: 'web:1' }], ...spec },
});

const request = (name: string, username: string): KubeObject => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { username },
});

const things: readonly KubeObject[] = [
  pod('some', {}),
  pod('mine', {
    nodeName: 'n1',
    serviceAccountName: 'runner',
    imagePullSecrets: [{ name: 'named' }],
    volumes: [
      { name: 'a', configMap: { name: 'named' } },
      { name: 'b', persistentVolumeClaim: { claimName: 'named' } },
    ],
  }),
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'named', namespace: 'shop' },
    spec: { volumeName: 'disk' },
  },
  request('mine', 'system:node:n1'),
  request('some', 'somebody'),
];

const RESOURCES: Readonly<Record<string, string>> = {
  Pod: 'pods',
  PersistentVolumeClaim: 'persistentvolumeclaims',
  CertificateSigningRequest: 'certificatesigningrequests.certificates.k8s.io',
  Role: `roles.${RBAC_GROUP}`,
  RoleBinding: `rolebindings.${RBAC_GROUP}`,
};

/** As they are: nothing but what authorisation looks at matters. */
function creation(object: KubeObject): Parameters<TestCore['store']['commit']>[0][number] {
  const { namespace, name } = object.metadata;
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  return { type: 'create', resource: RESOURCES[object.kind] ?? '', key, object };
}

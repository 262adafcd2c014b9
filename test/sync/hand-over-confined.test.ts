/**
 * Applications outside the system namespace may name any repository, and any revision of it: that
 * keeps nothing alive.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { AUTHOR_ANNOTATION, authorText } from '../../src/schemas/applications/application-author.ts';
import { RBAC_API_VERSION, RBAC_GROUP } from '../../src/schemas/rbac.ts';
import { configMap, createHarness, type Harness, POLL_MS, REPO_URL } from './harness.ts';

let at: Harness;

/** An Application of somebody who may write ConfigMaps in `team` and nothing else. */
async function applicationOfDev(path: string, targetRevision: string): Promise<void> {
  const metadata = { name: 'dev', namespace: 'team' };
  await at.objects.create({
    apiVersion: RBAC_API_VERSION,
    kind: 'Role',
    metadata,
    rules: [{ verbs: ['*'], apiGroups: [''], resources: ['configmaps'] }],
  });
  await at.objects.create({
    apiVersion: RBAC_API_VERSION,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: 'dev' },
    subjects: [{ kind: 'User', apiGroup: RBAC_GROUP, name: 'dev' }],
  });
  await at.objects.create({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { ...metadata, annotations: { [AUTHOR_ANNOTATION]: authorText({ name: 'dev', groups: [] }) } },
    spec: {
      source: { repoURL: REPO_URL, path, targetRevision, directory: { recurse: true } },
      destination: { namespace: 'team', server: 'https://kubernetes.default.svc' },
      syncPolicy: { automated: { prune: true, selfHeal: true } },
    },
  });
}

const binding = (name: string): string => `apiVersion: ${RBAC_API_VERSION}
kind: RoleBinding
metadata: {name: ${name}, namespace: team}
roleRef: {apiGroup: ${RBAC_GROUP}, kind: ClusterRole, name: admin}
subjects: [{kind: User, apiGroup: ${RBAC_GROUP}, name: somebody}]
`;
const clusterRole = `apiVersion: ${RBAC_API_VERSION}
kind: ClusterRole
metadata: {name: reader}
rules: []
`;
const names: Readonly<Record<string, string>> = {
  [`clusterroles.${RBAC_GROUP}`]: 'reader',
  [`rolebindings.${RBAC_GROUP}`]: 'team/power',
  configmaps: 'default/far',
};
const lookAround = async (): Promise<void> => {
  for (let round = 0; round < 4; round += 1) await at.pass(POLL_MS * 1.2);
};

beforeEach(async () => {
  at = await createHarness({ root: { source: { repoURL: REPO_URL, path: 'base' } } });
  await at.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
  const first = at.repository.commit({
    'base/role.yaml': clusterRole,
    'base/power.yaml': binding('power'),
    'base/far.yaml': configMap('far', {}, '  namespace: default\n'),
    'base/near.yaml': configMap('near', { x: '1' }, '  namespace: team\n'),
    'base/stays.yaml': configMap('stays', {}),
  });
  at.repository.setTag('v1', first);
});
afterEach(async () => at[Symbol.asyncDispose]());

const withdraw = (): string =>
  at.repository.commit({ 'base/role.yaml': null, 'base/power.yaml': null, 'base/far.yaml': null });

it('what Git withdraws goes, though an Application of others names the revision that held it', async () => {
  await at.start();
  await at.pass();
  await applicationOfDev('base', 'v1');
  await lookAround();
  for (const [resource, key] of Object.entries(names)) expect(await at.get(resource, key)).toBeDefined();
  withdraw();
  await lookAround();
  for (const [resource, key] of Object.entries(names))
    expect(await at.get(resource, key), `${resource} ${key}`).toBeUndefined();
});

it('what Git withdraws goes, though an Application of others names a repository that it may not read', async () => {
  await at.start({
    createMirror: (_url, asOperator) => {
      if (!asOperator) throw new UserError('local paths are not enabled');
      return at.repository.createMirror();
    },
  });
  await at.pass();
  await applicationOfDev('base', 'HEAD');
  await lookAround();
  withdraw();
  await lookAround();
  for (const [resource, key] of Object.entries(names))
    expect(await at.get(resource, key), `${resource} ${key}`).toBeUndefined();
  expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
});

it('an object that its author may write is handed over to it', async () => {
  await at.start();
  await at.pass();
  await applicationOfDev('team', 'HEAD');
  await lookAround();
  const { uid } = (await at.get('configmaps', 'team/near'))!.metadata;
  at.repository.commit({ 'base/near.yaml': null, 'team/near.yaml': configMap('near', { x: '2' }) });
  await at.refresh('team/dev');
  await at.pass();
  await lookAround();
  expect(await at.get('configmaps', 'team/near')).toMatchObject({
    metadata: {
      uid,
      annotations: { 'argocd.argoproj.io/tracking-id': expect.stringMatching(/^team_dev:/) },
    },
    data: { x: '2' },
  });
});

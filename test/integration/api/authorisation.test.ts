/** `kubectl auth` and `kubectl create role…` against a real HTTPS server with the default roles. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comesTrue } from '../../support/comes-true.ts';
import { ensureDefaultPolicy } from '../../../src/resources/authz/ensure-default-policy.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { startTestServer, type TestServer } from '../../api/test-server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({}, ['default', 'shop', 'kube-system']);
  const { store, objects } = server.core;
  await ensureDefaultPolicy({ store, writer: objects, logger: silentLogger });
});
afterAll(() => server[Symbol.asyncDispose]());

const lines = (text: string): readonly string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' ').trim());

/** A grant is seen a moment after it was written. */
const canI = (...args: readonly string[]): Promise<string> =>
  server.kubectl(['auth', 'can-i', ...args]).then(({ stdout }) => stdout.trim());

describe('kubectl and authorisation', () => {
  it('create role, rolebinding, clusterrole and clusterrolebinding', async () => {
    const made: readonly (readonly string[])[] = [
      ['create', 'role', 'reader', '-n', 'shop', '--verb=get,list', '--resource=pods,pods/log'],
      [
        'create',
        'rolebinding',
        'reader',
        '-n',
        'shop',
        '--role=reader',
        '--user=bob',
        '--serviceaccount=shop:web',
      ],
      ['create', 'clusterrole', 'nodes', '--verb=list', '--resource=nodes'],
      ['create', 'clusterrole', 'health', '--verb=get', '--non-resource-url=/readyz/*'],
      ['create', 'clusterrolebinding', 'nodes', '--clusterrole=nodes', '--group=dev'],
    ];
    for (const args of made) expect((await server.kubectl(args)).stderr).toBe('');
    const { stdout } = await server.kubectl([
      'get',
      'rolebindings',
      '-n',
      'shop',
      '-o',
      'wide',
      '--no-headers',
    ]);
    expect(lines(stdout)[0]).toMatch(/^reader Role\/reader \S+ bob shop\/web$/);
  });

  it('auth can-i, for oneself and for others', async () => {
    expect(await canI('*', '*')).toBe('yes');
    await comesTrue(async () => expect(await canI('list', 'pods', '-n', 'shop', '--as', 'bob')).toBe('yes'));
    expect(await canI('list', 'pods', '-n', 'default', '--as', 'bob')).toBe('no');
    expect(await canI('get', 'pods/log', '-n', 'shop', '--as', 'system:serviceaccount:shop:web')).toBe('yes');
    expect(await canI('list', 'nodes', '--as', 'x', '--as-group', 'dev')).toBe('yes');
    expect(await canI('get', '/api', '--as', 'bob')).toBe('yes');
    expect(await canI('get', '/metrics', '--as', 'bob')).toBe('no');
  });

  it('auth can-i --list', async () => {
    const { stdout } = await server.kubectl(['auth', 'can-i', '--list', '-n', 'shop', '--as', 'bob']);
    expect(lines(stdout)).toContain('pods [] [] [get list]');
    expect(lines(stdout)).toContain('selfsubjectaccessreviews.authorization.k8s.io [] [] [create]');
    expect(lines(stdout).filter((line) => line.includes('secrets'))).toEqual([]);
  });

  it('acts as somebody else, with what they may', async () => {
    expect((await server.kubectl(['get', 'pods', '-n', 'shop', '--as', 'bob'])).code).toBe(0);
    const refused = await server.kubectl(['get', 'secrets', '-n', 'shop', '--as', 'bob']);
    expect(refused.stderr).toBe(
      'Error from server (Forbidden): secrets is forbidden: User "bob" cannot list resource "secrets" in API group "" in the namespace "shop"\n',
    );
  });

  it('auth reconcile adds what is missing', async () => {
    const file = join(server.directory, 'rbac.yaml');
    await writeFile(
      file,
      `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: nodes}
rules: [{apiGroups: [""], resources: [nodes], verbs: [watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: nodes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: nodes}
subjects: [{kind: User, name: joe, apiGroup: rbac.authorization.k8s.io}]
`,
    );
    const { stdout, stderr } = await server.kubectl(['auth', 'reconcile', '-f', file]);
    expect([stderr, lines(stdout).filter((line) => line.endsWith('reconciled'))]).toEqual([
      expect.stringMatching(/missing subjects added/),
      [
        'clusterrole.rbac.authorization.k8s.io/nodes reconciled',
        'clusterrolebinding.rbac.authorization.k8s.io/nodes reconciled',
      ],
    ]);
    await comesTrue(async () => expect(await canI('watch', 'nodes', '--as', 'joe')).toBe('yes'));
    expect(await canI('list', 'nodes', '--as', 'x', '--as-group', 'dev')).toBe('yes');
  });
});

/**
 * A user who may write Applications and ConfigMaps in one namespace, against a real control plane
 * that is started again.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ControlPlaneProcess, startControlPlaneProcess } from '../../support/control-plane-process.ts';
import {
  createTestRepository,
  type GitServer,
  startGitServer,
  type TestRepository,
} from '../../support/git-server.ts';
import { createKubectl, eventually, type Kubectl } from '../../support/kubectl.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { freePort } from '../../support/symphony.ts';

let directory: string;
let redis: TestRedis;
let repository: TestRepository;
let server: GitServer;
let control: ControlPlaneProcess;
let kubectl: Kubectl;

async function start(name: string): Promise<void> {
  const args = ['--repo', repository.bare, '--path', 'root', '--poll-interval', '1s'];
  control = startControlPlaneProcess({ directory, name, redisUrl: redis.url, port: await freePort(), args });
  await control.untilReady();
  kubectl = createKubectl(control.kubeconfig, directory);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-authors-'));
  redis = await startTestRedis();
  repository = await createTestRepository();
  server = await startGitServer(dirname(repository.bare));
  await repository.commit({ 'root/README.md': '', 'team/good.yaml': configMap('good', 'team') });
  await start('first');
});
afterAll(async () => {
  await control?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const configMap = (name: string, namespace: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: ${namespace}}\n`;

const application = (name: string, repoURL: string): string =>
  JSON.stringify({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name, namespace: 'team' },
    spec: {
      source: { repoURL, path: 'team', targetRevision: 'main', directory: { recurse: true } },
      destination: { namespace: 'team' },
      syncPolicy: { automated: { prune: true, selfHeal: true } },
    },
  });

async function untilSaid(name: string, pattern: RegExp): Promise<void> {
  let text = '';
  await eventually(`application ${name} says ${pattern.source}`, async () => {
    text = await kubectl('get', 'application', name, '-n', 'team', '-o', 'json');
    return pattern.test(text);
  });
}

it('an Application has the rights of its author, over a restart too, and reads no path of this machine', async () => {
  await kubectl('create', 'namespace', 'team');
  await kubectl('create', 'namespace', 'other');
  await kubectl(
    ...['create', 'role', 'dev', '-n', 'team', '--verb=get,create,patch,update,delete'],
    '--resource=configmaps,applications.argoproj.io',
  );
  await kubectl('create', 'rolebinding', 'dev', '-n', 'team', '--role=dev', '--user=dev');
  const url = `${server.url}/served.git`;
  await kubectl.withInput(application('shop', url), 'apply', '-f', '-', '--as=dev');
  await kubectl.withInput(application('local', repository.bare), 'apply', '-f', '-', '--as=dev');
  await kubectl.withInput(
    application('keys', 'ssh://git@git.example/acme/shop.git'),
    'apply',
    '-f',
    '-',
    '--as=dev',
  );
  await eventually('the good one is there', async () =>
    (await kubectl('get', 'configmaps', '-n', 'team', '-o', 'name')).includes('configmap/good'),
  );
  await untilSaid('local', /local paths are not enabled/);
  await untilSaid('keys', /ssh has the operator's keys/);

  await control[Symbol.asyncDispose]();
  await start('second');
  await repository.commit({
    'team/secret.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: team}\n',
    'team/more.yaml': configMap('more', 'team'),
  });
  await untilSaid('shop', /team\/secret.yaml:1: Secret .*User .*dev.* cannot create resource/);
  await repository.commit({ 'team/secret.yaml': null, 'team/evil.yaml': configMap('evil', 'other') });
  await untilSaid('shop', /ConfigMap .*other\/evil.* is in another namespace/);
  expect(await kubectl('get', 'configmaps', '-A', '-o', 'name')).not.toMatch(/evil|more/);
  await repository.commit({ 'team/evil.yaml': null });
  await eventually('what was held back is there', async () =>
    (await kubectl('get', 'configmaps', '-n', 'team', '-o', 'name')).includes('configmap/more'),
  );
});

/** The real kubectl with tokens of service accounts, over HTTPS. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthentication } from '../../../src/api/authn/authentication.ts';
import { ensureDefaultPolicy } from '../../../src/resources/authz/ensure-default-policy.ts';
import { createServiceAccountTokens } from '../../../src/api/authn/service-account-tokens.ts';
import { type ApiServer, createApiServer } from '../../../src/api/server.ts';
import { openAuthority } from '../../../src/api/tls/authority.ts';
import { writeKubeconfig } from '../../../src/api/tls/kubeconfig.ts';
import { ensureServerTls } from '../../../src/api/tls/server-tls.ts';
import { ensureSigningKey } from '../../../src/api/tls/signing-key.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createKubectl, type Kubectl } from '../../support/kubectl.ts';
import { startTestCore, type TestCore } from '../../api/test-api.ts';

let directory: string;
let core: TestCore;
let server: ApiServer;
let admin: Kubectl;
let caPem: string;

/** kubectl as whoever holds the token. */
async function as(token: string): Promise<Kubectl> {
  const path = join(directory, `kubeconfig-${token.slice(-8)}`);
  await writeKubeconfig(path, { server: server.url, caPem, token });
  return createKubectl(path, directory);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-tokens-'));
  core = await startTestCore(systemClock);
  await ensureDefaultPolicy({ store: core.store, writer: core.objects, logger: silentLogger });
  const authority = await openAuthority({ directory, clock: systemClock });
  const tls = await ensureServerTls({ authority, directory, hosts: ['127.0.0.1'], clock: systemClock });
  caPem = tls.caPem;
  const serviceAccounts = await createServiceAccountTokens(await ensureSigningKey({ directory }));
  const root = { name: 'root', groups: ['system:masters', 'system:authenticated'] };
  const table = { find: (token: string) => (token === 'root-token' ? root : undefined) };
  const authentication = createAuthentication({ core: core.core, table, serviceAccounts, rng: core.rng });
  server = await createApiServer({
    core: core.core,
    listen: { host: '127.0.0.1', port: 0 },
    tls,
    ...authentication,
    issuer: serviceAccounts.documents,
    clock: systemClock,
    logger: silentLogger,
  });
  admin = await as('root-token');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await core[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

it('creates a token, is recognised by it, and is not any more when the pod is gone', async () => {
  await admin('create', 'serviceaccount', 'builder');
  expect(await admin('auth', 'whoami')).toContain('root');
  const plain = await as((await admin('create', 'token', 'builder')).trim());
  const identity = await plain('auth', 'whoami');
  expect(identity).toContain('system:serviceaccount:default:builder');
  expect(identity).toContain('[system:serviceaccounts system:serviceaccounts:default system:authenticated]');
  const overrides = JSON.stringify({ spec: { serviceAccountName: 'builder' } });
  await admin('run', 'web', '--image=img', `--overrides=${overrides}`);
  const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', 'web'];
  const ofPod = await as((await admin('create', 'token', 'builder', ...bound)).trim());
  expect(await ofPod('auth', 'whoami')).toContain('authentication.kubernetes.io/pod-name');
  await admin('delete', 'pod', 'web', '--now');
  expect((await ofPod.try('auth', 'whoami')).stderr).toContain('You must be logged in to the server');
});

it('reads what others need to check tokens', async () => {
  const configuration = JSON.parse(await admin('get', '--raw', '/.well-known/openid-configuration'));
  expect(configuration.jwks_uri).toBe(`${server.url}/openid/v1/jwks`);
  const { keys } = JSON.parse(await admin('get', '--raw', '/openid/v1/jwks'));
  expect(keys).toEqual([expect.objectContaining({ kty: 'EC', alg: 'ES256', use: 'sig' })]);
});

it('tells why a token is not to be had', async () => {
  const refused = async (...args: string[]) => (await admin.try('create', 'token', ...args)).stderr;
  expect(await refused('ghost')).toContain('serviceaccounts "ghost" not found');
  expect(await refused('builder', '--duration', '5m')).toContain(
    'may not specify a duration less than 10 minutes',
  );
});

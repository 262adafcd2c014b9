/** A real HTTPS API server on the memory store, and kubectl for it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { openTokenTable, type TokenTable } from '../../src/api/authn/token-table.ts';
import { createTokenAuthenticator } from './token-authenticator.ts';
import { type ApiServer, type ApiServerOptions, createApiServer } from '../../src/api/server.ts';
import { openAuthority } from '../../src/api/tls/authority.ts';
import { writeKubeconfig } from '../../src/api/tls/kubeconfig.ts';
import { ensureServerTls } from '../../src/api/tls/server-tls.ts';
import { startTestCore, type TestCore } from './test-api.ts';
import { PROGRAM_TIMEOUT_MS } from '../support/kubectl.ts';

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly core: TestCore;
  readonly tokens: TokenTable;
  readonly directory: string;
  readonly kubeconfig: string;
  readonly caPem: string;
  readonly adminToken: string;
  kubectl(args: readonly string[], input?: string): Promise<KubectlResult>;
}

export async function startTestServer(
  options: Partial<ApiServerOptions> = {},
  namespaces?: readonly string[],
): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-api-'));
  const core = await startTestCore(systemClock, namespaces);
  const tokens = await openTokenTable(join(directory, 'tokens.json'));
  const pki = join(directory, 'pki');
  const authority = await openAuthority({ directory: pki, clock: systemClock });
  const tls = await ensureServerTls({
    authority,
    directory: pki,
    hosts: ['127.0.0.1'],
    clock: systemClock,
  });
  const server = await createApiServer({
    core: core.core,
    listen: { host: '127.0.0.1', port: 0 },
    tls,
    authenticator: createTokenAuthenticator(tokens),
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  const adminToken = await tokens.issue('admin', ['system:masters']);
  const kubeconfig = join(directory, 'kubeconfig');
  await writeKubeconfig(kubeconfig, { server: server.url, caPem: tls.caPem, token: adminToken });
  return {
    server,
    core,
    tokens,
    directory,
    kubeconfig,
    caPem: tls.caPem,
    adminToken,
    kubectl: (args, input) => runKubectl(kubeconfig, directory, args, input),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await core[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function runKubectl(
  kubeconfig: string,
  home: string,
  args: readonly string[],
  input?: string,
): Promise<KubectlResult> {
  return new Promise((resolve) => {
    const child = execFile(
      'kubectl',
      ['--kubeconfig', kubeconfig, ...args],
      { env: { PATH: process.env['PATH'] ?? '', HOME: home }, timeout: PROGRAM_TIMEOUT_MS },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(input ?? '');
  });
}

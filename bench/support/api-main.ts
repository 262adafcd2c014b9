/** The process of api-process.ts: takes commands over its IPC channel until it is told to stop. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { createAuthentication } from '../../src/api/authn/authentication.ts';
import { createCertificateAuthenticator } from '../../src/api/authn/certificates.ts';
import { createServiceAccountTokens } from '../../src/api/authn/service-account-tokens.ts';
import { openTokenTable } from '../../src/api/authn/token-table.ts';
import { createResourceCore } from '../../src/resources/resource-core.ts';
import { openAuditLog } from '../../src/api/http/audit.ts';
import { createRateLimits, defaultRequestLimits } from '../../src/api/http/rate-limits.ts';
import { createApiServer } from '../../src/api/server.ts';
import { openAuthority } from '../../src/api/tls/authority.ts';
import { ensureServerTls } from '../../src/api/tls/server-tls.ts';
import { ensureSigningKey } from '../../src/api/tls/signing-key.ts';
import { systemClock as clock } from '../../src/base/clock.ts';
import { createLogger } from '../../src/base/logger.ts';
import { systemRng as rng } from '../../src/base/rng.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { builtinFormat, builtinRegistry as registry } from '../../src/schemas/registry.ts';
import { createMetrics } from '../../src/server/metrics/metrics.ts';
import { createCacheSet } from '../../src/store/cache/cache-set.ts';
import { createObjects } from '../../test/support/objects.ts';
import { createPlacementProofs } from '../../src/resources/writing/placement-proof.ts';
import { asSoleWriter } from '../../src/store/embedded/sole-writer.ts';
import { createRedisStore } from '../../src/store/redis/redis-store.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { benchPod } from './api-pod.ts';
import type { ApiCommand, ApiReady } from './api-process.ts';

const [role, directory = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'error' });
const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();

const pki = join(directory, 'pki');
await mkdir(pki, { recursive: true });
const authority = await openAuthority({ directory: pki, clock });
const tls = await ensureServerTls({ authority, directory: pki, hosts: ['127.0.0.1'], clock });
const cert = { key: tls.keyPem, cert: tls.certPem };

const POPULATE_BATCH = 500;
const USER = 'bench';

const commands = role === 'api' ? await startApi() : await startBare();

process.on('message', (message: ApiCommand & { readonly id: number }) => {
  commands
    .run(message)
    .then((result) => process.send?.({ id: message.id, result }))
    .catch((error: unknown) => process.send?.({ id: message.id, error: String(error) }));
});
process.send?.(commands.ready);

interface Commands {
  readonly ready: ApiReady;
  run(command: ApiCommand): Promise<unknown>;
}

function usage(): unknown {
  const { user, system } = process.cpuUsage();
  const stallMs = delays.max / 1e6;
  delays.reset();
  return { cpuSeconds: (user + system) / 1e6, residentMib: process.memoryUsage.rss() / 2 ** 20, stallMs };
}

async function startApi(): Promise<Commands> {
  const redis = await startTestRedis();
  // As in `symphony up`, whose Redis has one writer.
  const inner = await createRedisStore({ url: redis.url, logger, clock, format: builtinFormat });
  const store = asSoleWriter(inner, { logger });
  await store.setClusterState({ epoch: 'bench', phase: 'normal' }, undefined);
  const caches = createCacheSet({ store, clock, logger });
  const proofs = createPlacementProofs(randomBytes(32));
  const objects = createObjects({ store, registry, clock, rng, proofs });
  const core = createResourceCore({ store, caches, registry, clock, rng, logger, proofs });
  const table = await openTokenTable(join(directory, 'tokens.json'));
  const certificates = createCertificateAuthenticator({ caPem: tls.caPem, clock });
  const serviceAccounts = await createServiceAccountTokens(await ensureSigningKey({ directory: pki }));
  const authentication = createAuthentication({ core, table, serviceAccounts, certificates, rng });
  const metrics = createMetrics();
  const audit = await openAuditLog({ path: join(directory, 'audit.log'), clock, logger });
  const limits = createRateLimits({ ...defaultRequestLimits, requestsPerSecond: 1_000_000 }, clock);
  const server = await createApiServer({
    core,
    listen: { host: '127.0.0.1', port: 0 },
    tls,
    authenticator: authentication.authenticator,
    virtual: [...authentication.virtual],
    actions: [...authentication.actions],
    metrics: metrics.source,
    limits,
    onAnswer: (record) => {
      metrics.observe(record);
      audit.record(record);
    },
    clock,
    logger,
  });
  const token = await table.issue(USER, []);
  await grant(objects);
  const current = new Map<string, KubeObject>();

  async function touch(prefix: string, count: number, perCommit: number): Promise<void> {
    for (let start = 0; start < count; start += perCommit) {
      const ops = Array.from({ length: Math.min(perCommit, count - start) }, (_, offset) => {
        const key = `default/${prefix}-${start + offset}`;
        const pod = current.get(key);
        if (!pod) throw new Error(`no pod ${key}`);
        const touched = Number(pod.metadata.annotations?.['touched'] ?? 0) + 1;
        const annotations = { touched: String(touched) };
        const object = { ...pod, metadata: { ...pod.metadata, annotations } };
        const expectedVersion = pod.metadata.resourceVersion ?? '';
        return { type: 'update', resource: 'pods', key, object, expectedVersion } as const;
      });
      const { objects: written } = await store.commit(ops);
      for (const [index, op] of ops.entries()) {
        const object = written[index];
        if (object) current.set(op.key, object);
      }
    }
  }

  return {
    ready: {
      port: Number(new URL(server.url).port),
      bareHttpPort: 0,
      bareTlsPort: 0,
      caPem: tls.caPem,
      token,
    },
    async run(command) {
      switch (command.type) {
        case 'populate': {
          const { prefix, count, nodes } = command;
          for (let start = 0; start < count; start += POPULATE_BATCH) {
            const ops = Array.from({ length: Math.min(POPULATE_BATCH, count - start) }, (_, offset) => {
              const index = start + offset;
              const object = benchPod(`${prefix}-${index}`, index, `node-${index % nodes}`);
              return {
                type: 'create',
                resource: 'pods',
                key: `default/${object.metadata.name}`,
                object,
              } as const;
            });
            const { objects: written } = await store.commit(ops);
            for (const object of written) if (object) current.set(`default/${object.metadata.name}`, object);
          }
          return;
        }
        case 'touch':
          return touch(command.prefix, command.count, command.perCommit);
        case 'usage':
          return usage();
        case 'stop':
          await server[Symbol.asyncDispose]();
          await core[Symbol.asyncDispose]();
          await caches[Symbol.asyncDispose]();
          await store[Symbol.asyncDispose]();
          await audit[Symbol.asyncDispose]();
          await redis[Symbol.asyncDispose]();
          return;
        default:
          throw new Error('this is the API server');
      }
    },
  };
}

/** A person who may look at pods: neither an administrator, whom nobody asks, nor a node. */
async function grant(objects: ReturnType<typeof createObjects>): Promise<void> {
  await objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  await objects.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'look' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
  });
  await objects.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'look' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: USER }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'look' },
  });
}

async function startBare(): Promise<Commands> {
  let headers: Record<string, string> = {};
  let body = Buffer.alloc(0);
  const http = createHttpsServer(cert, (_request, response) => {
    response.writeHead(200, { ...headers, 'content-length': body.length });
    response.end(body);
  });
  const sockets = new Set<TLSSocket>();
  const raw = createTlsServer(cert, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  const [bareHttpPort, bareTlsPort] = await Promise.all([http, raw].map(portOf));
  return {
    ready: {
      port: 0,
      bareHttpPort: bareHttpPort ?? 0,
      bareTlsPort: bareTlsPort ?? 0,
      caPem: tls.caPem,
      token: '',
    },
    async run(command) {
      switch (command.type) {
        case 'bareAnswer':
          headers = command.headers;
          body = Buffer.from(command.body);
          return;
        case 'bareLines':
          for (const line of command.lines) {
            const bytes = Buffer.from(line);
            for (const socket of sockets) socket.write(bytes);
          }
          return;
        case 'usage':
          return usage();
        case 'stop':
          http.closeAllConnections();
          http.close();
          for (const socket of sockets) socket.destroy();
          raw.close();
          return;
        default:
          throw new Error('this is the bare server');
      }
    },
  };
}

function portOf(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

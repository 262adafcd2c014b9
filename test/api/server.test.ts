/**
 * The API server as one part: a start that fails half way leaves nothing, and a stop ends what is
 * open.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type ApiServerOptions, createApiServer } from '../../src/api/server.ts';
import { openAuthority } from '../../src/api/tls/authority.ts';
import { ensureServerTls } from '../../src/api/tls/server-tls.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { startTestCore } from './test-api.ts';
import { startTestServer } from './test-server.ts';

/** Open sockets of this process. */
const held = (): readonly string[] =>
  process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|TLS/.test(name))
    .sort();

describe('a start that fails', () => {
  it.each<[string, (options: ApiServerOptions, taken: number) => ApiServerOptions, string]>([
    ['as the caches are filled', (options) => withCore(options, { warm: fails }), 'no store'],
    ['for its certificate', (options) => ({ ...options, tls: { ...options.tls, certPem: 'x' } }), 'PEM'],
    ['for its port', (options, port) => ({ ...options, listen: { ...options.listen, port } }), 'EADDRINUSE'],
    ['once it listens', (options) => withCore(options, { announce: throws }), 'no service'],
  ])('%s leaves nothing', async (_, broken, why) => {
    const directory = await mkdtemp(join(tmpdir(), 'symphony-start-'));
    const { core, ...test } = await startTestCore(systemClock);
    const authority = await openAuthority({ directory, clock: systemClock });
    const tls = await ensureServerTls({ authority, directory, hosts: ['127.0.0.1'], clock: systemClock });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const options: ApiServerOptions = {
      core,
      listen: { host: '127.0.0.1', port: 0 },
      tls,
      authenticator: { authenticate: () => ({ result: 'anonymous' }) },
      clock: systemClock,
      logger: silentLogger,
    };
    await core.warm();
    const before = held();
    const { port } = other.address() as AddressInfo;
    await expect(createApiServer(broken(options, port))).rejects.toThrow(why);
    await expect.poll(held).toEqual(before);
    other.close();
    await test[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
});

const fails = (): Promise<never> => Promise.reject(new Error('no store'));
const throws = (): never => {
  throw new Error('no service');
};
const withCore = (
  options: ApiServerOptions,
  changes: Partial<ApiServerOptions['core']>,
): ApiServerOptions => ({
  ...options,
  core: Object.create(options.core, Object.getOwnPropertyDescriptors(changes)) as ApiServerOptions['core'],
});

describe('a stop', () => {
  it('ends a watch over a WebSocket', async () => {
    const running = await startTestServer();
    const { server, adminToken } = running;
    const url = `${server.url.replace('https', 'wss')}/api/v1/namespaces?watch=1`;
    const socket = new WebSocket(url, {
      rejectUnauthorized: false,
      headers: { authorization: `Bearer ${adminToken}` },
    });
    await new Promise((resolve) => socket.once('message', resolve));
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await server[Symbol.asyncDispose]();
    expect(await closed).toBe(1000);
    await running[Symbol.asyncDispose]();
  });
});

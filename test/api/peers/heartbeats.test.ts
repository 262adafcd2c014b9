/** Servers tell each other when they last heard their agents. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as listen } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPeerTunnels } from '../../../src/api/peers/peer-tunnels.ts';
import { createPeerService } from '../../../src/api/peers/serve-peer.ts';
import type { Peer } from '../../../src/api/peers/types.ts';
import { issueIdentity, openAuthority } from '../../../src/api/tls/authority.ts';
import { ensureServerTls, SERVER_NAME } from '../../../src/api/tls/server-tls.ts';
import { createTunnels, type Tunnels } from '../../../src/api/tunnel.ts';
import { createAbort } from '../../../src/base/abort.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';

const parts = { clock: systemClock, logger: silentLogger };
const signal = createAbort().signal;
let directory: string;
let tunnels: Tunnels;
/** Answers as another server that has heard these agents. */
let serve: (ages: () => Promise<ReadonlyMap<string, number>>) => Promise<Peer>;
let peers: readonly Peer[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-peers-'));
  const authority = await openAuthority({ directory, clock: systemClock });
  const hosts = ['127.0.0.1', SERVER_NAME];
  const tls = await ensureServerTls({ authority, directory, hosts, clock: systemClock });
  serve = async (ages) => {
    const service = createPeerService({ ...createTunnels(parts), heartbeats: ages }, silentLogger);
    const server = createServer({ key: tls.keyPem, cert: tls.certPem });
    server.on('upgrade', (_request, socket, head) => service.accept(socket, head));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    const { port } = server.address() as AddressInfo;
    return { id: String(port), host: '127.0.0.1', port };
  };
  const identity = await issueIdentity(authority, {
    commonName: 'system:apiserver',
    organizations: [],
    purposes: ['client auth'],
    lifetimeMs: 3_600_000,
  });
  tunnels = createPeerTunnels({
    ...parts,
    local: createTunnels({ ...parts, localNodes: ['here'] }),
    peers: () => peers,
    credentials: async () => identity,
    caPem: tls.caPem,
  });
});
afterAll(async () => {
  await tunnels[Symbol.asyncDispose]();
  for (const server of servers) server.close();
  await rm(directory, { recursive: true, force: true });
});

it('an agent counts as heard by the server that heard it last', async () => {
  peers = [
    await serve(
      async () =>
        new Map([
          ['a', 700],
          ['here', 9_000],
        ]),
    ),
    await serve(
      async () =>
        new Map([
          ['a', 200],
          ['b', 50],
        ]),
    ),
  ];
  expect(Object.fromEntries(await tunnels.heartbeats(signal))).toEqual({ here: 0, a: 200, b: 50 });
});

it('a server that fails, is gone, or says nonsense adds nothing', async () => {
  const gone = await serve(async () => new Map());
  servers.at(-1)?.close();
  peers = [
    gone,
    await serve(() => Promise.reject(new Error('no'))),
    await serve(async () => new Map([['a', Number.NaN]])),
    await serve(async () => new Map([['c', 5]])),
  ];
  expect(Object.fromEntries(await tunnels.heartbeats(signal))).toEqual({ here: 0, c: 5 });
});

it('a server that cannot be reached holds up nobody while it is dialled', async () => {
  let isClosed = false;
  const silent = listen((socket) => {
    socket
      .on('close', () => (isClosed = true))
      .on('error', () => undefined)
      .resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  peers = [{ id: 'silent', host: '127.0.0.1', port }, await serve(async () => new Map([['c', 5]]))];
  expect(Object.fromEntries(await tunnels.heartbeats(signal))).toEqual({ here: 0, c: 5 });
  // The attempt to connect goes on.
  expect(isClosed).toBe(false);
  silent.close();
});

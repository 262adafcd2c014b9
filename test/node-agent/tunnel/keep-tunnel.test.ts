import { type ClientHttp2Session, connect } from 'node:http2';
import { type AddressInfo, type Server, type Socket, createServer, connect as dial } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeLeasePing } from '../../../src/base/lease-ping.ts';
import { channels, createFrameReader, encodeFrame } from '../../../src/base/channel-frames.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { openTunnel } from '../../../src/node-agent/tunnel/keep-tunnel.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../../support/agent-world.ts';
import { openTunnelOf } from '../../support/tunnelled-agent.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

let world: AgentWorld;
afterEach(() => world[Symbol.asyncDispose]());

it('serves logs, commands, ports and statistics, and refusals in the words of kubelet, on a socket that it opened itself', async () => {
  world = await createAgentWorld({ onExec: () => ({ exitCode: 4, output: 'out:' }) });
  world.api.put('pods', aPod('web'));
  await world.clock.advance(5_000);
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => {
    server.on('connection', resolve);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const tunnel = openTunnelOf(world, { upgrade: async () => dial(port, '127.0.0.1') });
  const socket = await accepted;
  const session = connect('http://agent', { createConnection: () => socket });
  session.on('error', () => undefined);
  const get = (path: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path });
      let status = 0;
      let body = '';
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        body += chunk;
      });
      stream.on('end', () => resolve({ status, body }));
      stream.on('error', reject);
    });
  const converse = (path: string, input: Buffer): Promise<{ status: number; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path, ':method': 'POST' });
      const parts: Buffer[] = [];
      let status = 0;
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.on('data', (chunk: Buffer) => parts.push(chunk));
      stream.on('end', () => resolve({ status, body: Buffer.concat(parts) }));
      stream.on('error', reject);
      stream.end(input);
    });
  expect(await get('/containerLogs/default/web/main')).toMatchObject({ status: 200 });
  expect(await get('/containerLogs/default/web/other')).toEqual({
    status: 400,
    body: 'container other is not valid for pod web',
  });
  expect(await get('/containerLogs/default/web/main?previous=true')).toEqual({
    status: 400,
    body: 'previous terminated container "main" in pod "web" not found',
  });
  expect(await get('/containerLogs/default/none/main')).toMatchObject({ status: 404 });
  expect(await get('/nothing')).toMatchObject({ status: 404 });
  // The world's clock stands still: no time has passed in which anything could be used
  // (usage-sampler.test.ts).
  const usage = await get('/usage');
  expect(usage).toEqual({ status: 200, body: '{"containers":[]}' });
  const refused = await converse('/exec/default/web/none?command=cat', Buffer.alloc(0));
  expect(refused).toMatchObject({ status: 404 });

  const input = Buffer.concat([
    encodeFrame(channels.stdin, Buffer.from('hello')),
    encodeFrame(channels.stdin, Buffer.alloc(0)),
  ]);
  const exec = await converse('/exec/default/web/main?command=cat&stdin=true', input);
  expect(exec.status).toBe(200);
  const frames = createFrameReader()(exec.body).map(({ channel, content }) => [channel, content.toString()]);
  expect(frames).toEqual([
    [channels.stdout, 'out:'],
    [channels.stdout, 'hello'],
    [
      channels.status,
      JSON.stringify({
        metadata: {},
        status: 'Failure',
        message: 'command terminated with non-zero exit code: exit status 4',
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: '4' }] },
      }),
    ],
  ]);

  expect(await converse('/portForward/default/web?port=0', Buffer.alloc(0))).toMatchObject({ status: 400 });
  const forwarded = await converse('/portForward/default/web?port=80', Buffer.from('ping'));
  expect(forwarded).toMatchObject({ status: 200, body: Buffer.from('ping') });
  session.destroy();
  server.close();
  await tunnel[Symbol.asyncDispose]();
});

describe('a tunnel that its server pings', () => {
  const sessions: ClientHttp2Session[] = [];
  let server: Server;
  let tunnel: AsyncDisposable;
  let clock: FakeClock;
  let told: boolean[];
  let renewed: number[];
  let renew: () => void = () => undefined;
  beforeEach(async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    clock = createFakeClock();
    told = [];
    renewed = [];
    server = createServer((socket) => {
      const session = connect('http://agent', { createConnection: () => socket });
      session.on('error', () => undefined);
      sessions.push(session);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    tunnel = openTunnel({
      connection: {
        upgrade: async () => dial(port, '127.0.0.1'),
        onRenewal(listener) {
          renew = listener;
          return { [Symbol.dispose]: () => undefined };
        },
      },
      runtime: world.runtime,
      clock,
      rng: seededRng(1),
      logger: silentLogger,
      nodeName: 'n1',
      findPod: (namespace, name) => world.agent.findPod(namespace, name),
      onHeard: (isHeard) => told.push(isHeard),
      onLease: (atMs) => renewed.push(atMs),
    });
    await vi.waitFor(() => expect(sessions[0]?.connecting).toBe(false));
  });
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    server.close();
    await tunnel[Symbol.asyncDispose]();
  });
  const ping = (session: ClientHttp2Session, payload: Buffer = Buffer.alloc(8)): Promise<void> =>
    new Promise((resolve, reject) => session.ping(payload, (error) => (error ? reject(error) : resolve())));

  it('says soon that it is not heard when pings stop, and again when they come', async () => {
    for (let second = 0; second < 10; second += 1) {
      await clock.advance(1_000);
      await ping(sessions[0]!);
    }
    expect(told).toEqual([true]);
    await clock.advance(2_000);
    expect(told).toEqual([true, false]);
    await ping(sessions[0]!);
    expect(told).toEqual([true, false, true]);
  });

  it('tells when its Lease was renewed, and counts the time that a ping may have been under way', async () => {
    await ping(sessions[0]!, encodeLeasePing(2_000));
    expect(renewed).toEqual([]);
    const firstMs = clock.now();
    await clock.advance(1_000);
    await ping(sessions[0]!, encodeLeasePing(3_000));
    const secondMs = clock.now();
    await clock.advance(4_000);
    await ping(sessions[0]!, encodeLeasePing(500));
    await ping(sessions[0]!);
    expect(renewed).toEqual([firstMs - 3_000, secondMs - 500]);
  });

  it('says so where it opens and no ping ever comes', async () => {
    await clock.advance(3_000);
    expect(told).toEqual([true, false]);
  });

  it('finishes its streams after another one has replaced it', async () => {
    await clock.advance(1_000);
    await ping(sessions[0]!);
    const stream = sessions[0]!.request({ ':path': '/portForward/default/web?port=80', ':method': 'POST' });
    let isClosed = false;
    stream.on('close', () => (isClosed = true)).on('error', () => undefined);
    await new Promise((resolve) => stream.once('response', resolve));
    renew();
    await vi.waitFor(() => expect(sessions[1]?.connecting).toBe(false));
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(1_000);
      await ping(sessions[1]!);
    }
    await vi.waitFor(() => expect(sessions[0]?.closed).toBe(true));
    expect(isClosed).toBe(false);
  });
});

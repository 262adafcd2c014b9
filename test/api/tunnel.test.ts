/** The API server's end of tunnels: who is heard, and which tunnels end. */
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, createServer as listen, type Server, type Socket } from 'node:net';
import { Duplex, Transform } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createTunnels, type Tunnels } from '../../src/api/tunnel.ts';
import { createAbort } from '../../src/base/abort.ts';
import { decodeLeasePing } from '../../src/base/lease-ping.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const { signal } = createAbort();
let clock: FakeClock;
/** How far the clock of the server was set. */
let shiftMs: number;
let tunnels: Tunnels;
let door: Server;
/** Pings that agents have answered. */
let pings: number;
/** The ages of its Lease that the agent was told. */
let told: (number | undefined)[];
let leaseAgeMs: number | undefined;
/** Nothing that agents say arrives. */
let isMute: boolean;
/** Messages of agents that wait meanwhile. */
let held: (() => void)[] | undefined;
const sockets: Socket[] = [];

beforeEach(async () => {
  clock = createFakeClock();
  shiftMs = 0;
  pings = 0;
  isMute = false;
  held = undefined;
  told = [];
  leaseAgeMs = undefined;
  tunnels = createTunnels({
    clock: { ...clock, now: () => clock.now() + shiftMs },
    logger: silentLogger,
    leaseAgeMs: () => leaseAgeMs,
  });
  door = listen((socket) => tunnels.accept('n1', socket, Buffer.alloc(0)));
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await tunnels[Symbol.asyncDispose]();
  for (const socket of sockets.splice(0)) socket.destroy();
  door.close();
});

/** An agent that opens a tunnel and answers requests with an endless stream. */
async function openAgent(): Promise<void> {
  const agent = createServer();
  agent.on('sessionError', () => undefined);
  agent.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200 });
    stream.write('line\n');
  });
  const socket = connect((door.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  const head = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.pause();
  const rest = head.subarray(head.indexOf('\r\n\r\n') + 4);
  if (rest.length > 0) socket.unshift(rest);
  const opened = new Promise<ServerHttp2Session>((resolve) => agent.once('session', resolve));
  const answers = new Transform({
    transform(chunk, _encoding, done) {
      const go = (): void => done(null, isMute ? undefined : chunk);
      if (held) held.push(go);
      else go();
    },
  });
  answers.pipe(socket);
  agent.emit('connection', Duplex.from({ readable: socket, writable: answers }));
  const session = await opened;
  session.on('ping', (payload: Buffer) => {
    pings += 1;
    told.push(decodeLeasePing(payload));
  });
}

const ageOfNode = async (): Promise<number | undefined> => (await tunnels.heartbeats(signal)).get('n1');

/** Time passes until the agent has answered once more. */
async function hear(): Promise<void> {
  const before = pings;
  await vi.waitFor(async () => {
    await clock.advance(1_000);
    expect(pings).toBeGreaterThan(before);
  });
  await vi.waitFor(async () => expect(await ageOfNode()).toBeLessThanOrEqual(1_000));
}

it('an agent counts as heard once it has answered, not when its tunnel opens', async () => {
  await openAgent();
  expect(await ageOfNode()).toBeUndefined();
  await hear();
});

it('a clock that is set back hides no silence', async () => {
  await openAgent();
  await hear();
  isMute = true;
  shiftMs = -3_600_000;
  expect(await ageOfNode()).toBe(0);
  await clock.advance(10_000);
  expect(await ageOfNode()).toBe(10_000);
});

it('a clock that is set forward ends no tunnel', async () => {
  await openAgent();
  await hear();
  isMute = true;
  await clock.advance(2_000);
  shiftMs = 3_600_000;
  await clock.advance(2_000);
  expect(tunnels.nodes).toEqual(['n1']);
});

it('streams of a tunnel that was replaced go on', async () => {
  await openAgent();
  const follow = await tunnels.request({ node: 'n1', method: 'GET', path: '/logs', signal });
  let isClosed = false;
  follow.stream.on('close', () => (isClosed = true)).on('error', () => undefined);
  await openAgent();
  await hear();
  await clock.advance(120_000);
  expect(isClosed).toBe(false);
});

it('tells an agent how old its Lease is, or that it knows none', async () => {
  await openAgent();
  await hear();
  leaseAgeMs = 1_500;
  await hear();
  expect([told[0], told.at(-1)]).toEqual([0xffff_ffff, 1_500]);
});

it('an answer that was read late counts from its ping', async () => {
  await openAgent();
  await hear();
  held = [];
  const before = pings;
  await vi.waitFor(async () => {
    await clock.advance(1_000);
    expect(pings).toBeGreaterThan(before);
  });
  await clock.advance(9_000);
  for (const go of held.splice(0)) go();
  await vi.waitFor(async () => expect(await ageOfNode()).toBeLessThan(10_000));
  expect(await ageOfNode()).toBe(9_000);
});

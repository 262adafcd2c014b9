/** Real connections over the loopback: what a relay owes to both sides. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import {
  startTcpRelay,
  type TcpRelay,
  type TcpRelayOptions,
} from '../../../src/network/api-relay/tcp-relay.ts';
import { eventually } from '../../support/kubectl.ts';

const HOST = '127.0.0.1';
const open: (TcpRelay | { [Symbol.asyncDispose](): Promise<void> })[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function startServer(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  open.push({
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
  return (server.address() as AddressInfo).port;
}

async function startRelay(port: number, limits: TcpRelayOptions['limits'] = {}): Promise<number> {
  const relay = await startTcpRelay({
    listen: { host: HOST, port: 0 },
    target: { host: HOST, port },
    limits,
  });
  open.push(relay);
  return relay.port;
}

function dial(port: number): Socket {
  const socket = connect({ host: HOST, port, allowHalfOpen: true });
  socket.on('error', () => undefined);
  open.push({ [Symbol.asyncDispose]: async () => void socket.destroy() });
  return socket;
}

/** Leaves the other half of the connection open, unlike an iterator. */
const readAll = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => void (text += String(chunk)));
    socket.once('end', () => resolve(text));
    socket.once('close', () => resolve(text));
  });

/** Unlike `once`, it takes an error for an end. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

describe('a relay', () => {
  it('carries both ways, and a half that ended ends alone', async () => {
    const port = await startRelay(
      await startServer((socket) => void readAll(socket).then((text) => socket.end(`heard ${text}`))),
    );
    const client = dial(port);
    client.end('all of it');
    expect(await readAll(client)).toBe('heard all of it');
  });

  it('carries more than its buffers hold, slowly read', async () => {
    const bytes = 8 * 1024 * 1024;
    const port = await startRelay(await startServer((socket) => void socket.end(Buffer.alloc(bytes))));
    let read = 0;
    for await (const chunk of dial(port)) read += (chunk as Buffer).length;
    expect(read).toBe(bytes);
  });

  it('resets a client at once while nothing listens, and carries the next when it does again', async () => {
    const gone = createServer();
    gone.listen(0, HOST);
    await once(gone, 'listening');
    const target = (gone.address() as AddressInfo).port;
    gone.close();
    await once(gone, 'close');
    const port = await startRelay(target);
    const refused = connect({ host: HOST, port });
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');

    const again = createServer((socket) => socket.on('error', () => undefined).end('back'));
    again.listen(target, HOST);
    await once(again, 'listening');
    expect(await readAll(dial(port))).toBe('back');
    again.close();
  });

  it('ends the one side when the other is reset', async () => {
    const accepted: Socket[] = [];
    const port = await startRelay(await startServer((socket) => void accepted.push(socket)));
    const client = dial(port);
    client.write('x');
    await eventually('the server has the connection', async () => accepted.length === 1);
    const ended = closed(client);
    accepted[0]!.resetAndDestroy();
    await ended;

    const second = dial(port);
    second.write('x');
    await eventually('the server has the other connection', async () => accepted.length === 2);
    const otherEnded = closed(accepted[1]!);
    accepted[1]!.resume();
    second.resetAndDestroy();
    await otherEnded;
  });

  it('takes a bounded number of connections, and of one client', async () => {
    const taken = { count: 0 };
    const server = await startServer((socket) => {
      taken.count += 1;
      socket.resume().once('end', () => socket.end());
    });
    const port = await startRelay(server, { connectionsPerClient: 3 });
    const clients = Array.from({ length: 5 }, () => dial(port));
    const left = (): readonly Socket[] => clients.filter(({ destroyed }) => !destroyed);
    await eventually('two are refused', async () => left().length === 3 && taken.count === 3);
    left()[0]?.destroy();
    await eventually('a place is free again', async () => {
      dial(port);
      return taken.count > 3;
    });
  });

  it('ends a client that takes nothing of what waits for it, and keeps one that waits itself', async () => {
    const endings: string[] = [];
    const port = await startRelay(
      await startServer((socket) => {
        socket.once('data', (text) => {
          if (String(text) === 'flood') socket.write(Buffer.alloc(64 * 1024 * 1024));
          socket.once('close', () => endings.push(String(text)));
        });
      }),
      { stallMs: 100 },
    );
    const idle = dial(port);
    idle.write('idle');
    const stalled = dial(port);
    stalled.pause();
    stalled.write('flood');
    await eventually('the stalled one is ended', async () => endings.length > 0);
    expect([endings, idle.destroyed]).toEqual([['flood'], false]);
  });
});

/** The sockets of a DNS server, on the loopback. */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type DnsSockets, openDnsSockets } from '../../../src/network/dns/dns-sockets.ts';
import { framed } from '../../../src/network/dns/forward/ask-server.ts';

let server: DnsSockets;
const clients: Socket[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await server[Symbol.asyncDispose]();
});

/** Answers what it was asked; `drop` gets no answer. */
async function open({ isClient = true } = {}): Promise<{ readonly errors: unknown[] }> {
  const errors: unknown[] = [];
  server = await openDnsSockets({
    address: '127.0.0.1',
    port: 0,
    answer: (message) => {
      if (message.toString() === 'fail') throw new Error('a bug');
      return message.toString() === 'drop' ? undefined : Promise.resolve(Buffer.from(message));
    },
    isClient: () => isClient,
    onQuery: () => undefined,
    onError: (error) => errors.push(error),
  });
  return { errors };
}

interface Client {
  readonly socket: Socket;
  readonly received: () => string;
  readonly isClosed: () => boolean;
}

async function aClient(): Promise<Client> {
  const socket = connect(server.port, '127.0.0.1');
  clients.push(socket);
  let [received, isClosed] = ['', false];
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, received: () => received, isClosed: () => isClosed };
}

const messages = Array.from({ length: 200 }, (_, index) => framed(Buffer.from(`message ${index}`)));

describe('a connection', () => {
  it('gets all answers, however its bytes are cut and however many it asks at once', async () => {
    await open();
    const all = Buffer.concat(messages);
    const { socket, received } = await aClient();
    for (const at of [0, 1, 3, 700])
      socket.write(all.subarray(at, at === 0 ? 1 : at === 1 ? 3 : at === 3 ? 700 : undefined));
    await vi.waitFor(() => expect(received()).toBe(all.toString('latin1')));
  });

  it.each(['drop', 'fail'])(
    'ends at a message that has no answer (%s), and the others stay',
    async (message) => {
      const { errors } = await open();
      const [bad, good] = [await aClient(), await aClient()];
      bad.socket.write(framed(Buffer.from(message)));
      await vi.waitFor(() => expect(bad.isClosed()).toBe(true));
      expect(errors).toHaveLength(message === 'fail' ? 1 : 0);
      good.socket.write(messages[0]!);
      await vi.waitFor(() => expect(good.received()).not.toBe(''));
    },
  );

  it('is closed for strangers, and for a client that has too many', async () => {
    await open({ isClient: false });
    const stranger = await aClient();
    await vi.waitFor(() => expect(stranger.isClosed()).toBe(true));
    await server[Symbol.asyncDispose]();
    await open();
    const many = await Promise.all(Array.from({ length: 70 }, () => aClient()));
    await vi.waitFor(() => expect(many.filter(({ isClosed }) => isClosed())).toHaveLength(6));
  });
});

describe('a datagram', () => {
  const ask = (...texts: readonly string[]): Promise<readonly string[]> =>
    new Promise((resolve) => {
      const socket = createSocket('udp4');
      const found: string[] = [];
      socket.on('message', (message) => {
        found.push(message.toString());
        if (message.toString() !== 'last') return;
        socket.close();
        resolve(found);
      });
      for (const text of [...texts, 'last']) socket.send(text, server.port, '127.0.0.1');
    });

  it('is answered, and one that fails stops no other', async () => {
    const { errors } = await open();
    expect(await ask('a', 'fail', 'drop', 'b')).toEqual(['a', 'b', 'last']);
    expect(errors).toHaveLength(1);
  });
});

/** Every address of a name is listened on, and a stop answers what is in flight. */
import { once } from 'node:events';
import { createServer as createHttpServer, get, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createListener, type Listener } from '../../../src/api/http/listener.ts';
import { type Clock, systemClock } from '../../../src/base/clock.ts';

/** An address of no machine (RFC 5737). */
const ELSEWHERE = '203.0.113.9';
let resolved: readonly { readonly address: string }[] = [];
const named = (...addresses: readonly string[]): void => {
  resolved = addresses.map((address) => ({ address }));
};

/** Timers that run when the test says so. */
const tasks = new Set<() => void>();
const clock: Clock = {
  now: systemClock.now,
  setTimer(task) {
    tasks.add(task);
    return { cancel: () => tasks.delete(task) };
  },
};

let server: Server;
let listener: Listener;
beforeEach(() => {
  server = createHttpServer();
  listener = createListener(server, clock, 1, () => Promise.resolve(resolved));
});
afterEach(() => listener[Symbol.asyncDispose]());

const heldOpen: Socket[] = [];
afterEach(() => {
  for (const socket of heldOpen.splice(0)) socket.destroy();
});
async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  heldOpen.push(socket.on('error', () => undefined));
  await once(socket, 'connect');
  return socket;
}

describe('a name is listened on', () => {
  beforeEach(() => server.on('request', (_request, response) => void response.end('here')));
  const ask = async (host: string, port: number): Promise<string> => {
    const [response] = (await once(get({ host, port, agent: false }), 'response')) as [NodeJS.ReadableStream];
    return text(response);
  };

  it('at every address that this machine has, once, at one port', async () => {
    named('127.0.0.1', ELSEWHERE, '127.0.0.2', '127.0.0.1');
    const port = await listener.listen({ host: 'localhost', port: 0 });
    for (const host of ['127.0.0.1', '127.0.0.2']) expect(await ask(host, port)).toBe('here');
    await listener[Symbol.asyncDispose]();
    for (const host of ['127.0.0.1', '127.0.0.2'])
      await expect(ask(host, port)).rejects.toThrow('ECONNREFUSED');
  });

  it('not at all where another process has one of its addresses', async () => {
    const other = createServer().listen(0, '127.0.0.2');
    await once(other, 'listening');
    named('127.0.0.1', '127.0.0.2');
    const { port } = other.address() as AddressInfo;
    await expect(listener.listen({ host: 'localhost', port })).rejects.toThrow('EADDRINUSE');
    await listener[Symbol.asyncDispose]();
    await expect(ask('127.0.0.1', port)).rejects.toThrow('ECONNREFUSED');
    other.close();
  });

  it('not at all where no address is this machine’s', async () => {
    named(ELSEWHERE);
    await expect(listener.listen({ host: 'far', port: 0 })).rejects.toThrow('EADDRNOTAVAIL');
  });
});

describe('a stop', () => {
  /** A request whose answer the test gives. */
  async function begin(): Promise<{ readonly answer: Promise<string>; readonly response: ServerResponse }> {
    const arrived = once(server, 'request');
    const port = await listener.listen({ host: '127.0.0.1', port: 0 });
    const client = get({ host: '127.0.0.1', port, agent: false });
    const answer = once(client, 'response').then(([response]) => text(response as NodeJS.ReadableStream));
    const [, response] = (await arrived) as [unknown, ServerResponse];
    return { answer, response };
  }

  it('waits for the answer to a request in flight', async () => {
    const { answer, response } = await begin();
    const stopped = listener[Symbol.asyncDispose]();
    response.write('half ');
    response.end('and half');
    expect(await answer).toBe('half and half');
    await stopped;
    expect(tasks.size).toBe(0);
  });

  it('cuts off what is not answered in time', async () => {
    const { answer } = await begin();
    const cut = expect(answer).rejects.toThrow('socket hang up');
    const stopped = listener[Symbol.asyncDispose]();
    for (const task of tasks) task();
    await stopped;
    await cut;
  });

  it('does not wait for connections on which nothing was asked', async () => {
    const port = await listener.listen({ host: '127.0.0.1', port: 0 });
    const arrived = once(server, 'connection');
    const socket = await open(port);
    await arrived;
    const closed = once(socket, 'close');
    socket.resume();
    await listener[Symbol.asyncDispose]();
    await closed;
    expect(tasks.size).toBe(0);
  });
});

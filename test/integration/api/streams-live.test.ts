/**
 * Streams on the wire: what older and browser-like clients speak, that every method is a create,
 * and that a token which was revoked takes its sessions with it. A real server and tunnel; the
 * engine is a fake.
 */
import { type ClientRequest, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createTokenAuthenticator } from '../../api/token-authenticator.ts';
import { startTestServer, type TestServer } from '../../api/test-server.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { startTunnelledAgent, type TunnelledAgent } from '../../support/tunnelled-agent.ts';

const POD = '/api/v1/namespaces/default/pods/web';
const EXEC = `${POD}/exec?command=cat&stdin=1&stdout=1`;

let agent: TunnelledAgent;
let server: TestServer;

beforeAll(async () => {
  agent = await startTunnelledAgent({
    programOf: () => ({ output: ['one', 'two', 'three'] }),
    onExec: () => ({ exitCode: 0, output: 'ready' }),
  });
  ({ server } = agent);
});
afterAll(() => agent?.[Symbol.asyncDispose]());

interface Opened {
  readonly socket: WebSocket;
  readonly messages: string[];
  readonly closed: Promise<number>;
}

async function open(path: string, protocols: readonly string[], token = server.adminToken): Promise<Opened> {
  const socket = new WebSocket(server.server.url.replace('https', 'wss') + path, [...protocols], {
    ca: server.caPem,
    headers: { authorization: `Bearer ${token}` },
  });
  const messages: string[] = [];
  socket.on('message', (data: Buffer) => messages.push(data.toString('latin1')));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return { socket, messages, closed };
}

/** Asks for SPDY; the answer's code, and the socket where the protocol was switched. */
function askSpdy(
  method: string,
  path: string,
  token: string,
): Promise<{ readonly code: number; readonly protocol: unknown; readonly socket?: Duplex }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      connection: 'Upgrade',
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': ['v4.channel.k8s.io', 'v3.channel.k8s.io'],
      'content-length': 0,
    };
    const { hostname, port } = new URL(server.server.url);
    const asked: ClientRequest = request({
      hostname,
      port,
      method,
      path,
      ca: server.caPem,
      headers,
      agent: false,
    });
    asked.once('error', reject);
    const told = ({ statusCode = 0, headers: got }: IncomingMessage, socket?: Duplex): void =>
      resolve({
        code: statusCode,
        protocol: got['x-stream-protocol-version'],
        ...(socket ? { socket } : {}),
      });
    asked.once('response', (response) => {
      response.resume();
      told(response);
    });
    asked.once('upgrade', (response, socket) => told(response, socket));
    asked.end();
  });
}

describe('streams', () => {
  it('are spoken in the base64 form of dashboards', async () => {
    const { socket, messages } = await open(EXEC, ['base64.channel.k8s.io']);
    socket.send(`0${Buffer.from('hello').toString('base64')}`);
    const text = (): string =>
      messages
        .filter((message) => message.startsWith('1'))
        .map((message) => Buffer.from(message.slice(1), 'base64').toString())
        .join('');
    await comesTrue(() => expect(text()).toBe('readyhello'));
    socket.terminate();
  });

  it('of logs are messages of a WebSocket', async () => {
    const plain = await open(`${POD}/log`, ['binary.k8s.io']);
    await plain.closed;
    expect(plain.messages.join('')).toBe('one\ntwo\nthree\n');
    const encoded = await open(`${POD}/log`, ['base64.binary.k8s.io']);
    await encoded.closed;
    expect(encoded.messages.map((text) => Buffer.from(text, 'base64').toString()).join('')).toBe(
      'one\ntwo\nthree\n',
    );
  });

  it('of watches are an event in each message', async () => {
    const { socket, messages } = await open('/api/v1/namespaces/default/pods?watch=true', []);
    await comesTrue(() => expect(messages).toHaveLength(1));
    expect(JSON.parse(messages[0] ?? '')).toMatchObject({
      type: 'ADDED',
      object: { metadata: { name: 'web' } },
    });
    socket.terminate();
  });

  it('are created by whatever method, and refused to who may only read', async () => {
    for (const method of ['POST', 'GET']) {
      const { code, protocol, socket } = await askSpdy(method, EXEC, server.adminToken);
      expect([method, code, protocol]).toEqual([method, 101, 'v4.channel.k8s.io']);
      socket?.destroy();
    }
    const asked: string[] = [];
    const authenticator = createTokenAuthenticator(server.tokens);
    await using reader = await startTestServer({
      authenticator,
      authorizer: {
        async authorize(_user, { verb, resource, subresource }) {
          asked.push(`${verb} ${resource}/${subresource ?? ''}`);
          return { allowed: verb === 'get' };
        },
        authorizePath: async () => ({ allowed: true }),
        rulesFor: async () => ({ rules: [], errors: [] }),
      },
    });
    const own = server;
    try {
      server = reader;
      for (const stream of ['exec?command=true&stdout=1', 'attach?stdout=1', 'portforward'])
        for (const method of ['GET', 'POST', 'PUT'])
          expect((await askSpdy(method, `${POD}/${stream}`, own.adminToken)).code).toBe(403);
      for (const stream of ['exec?command=true&stdout=1', 'portforward?ports=80'])
        await expect(open(`${POD}/${stream}`, ['v4.channel.k8s.io'], own.adminToken)).rejects.toThrow('403');
    } finally {
      server = own;
    }
    expect(new Set(asked)).toEqual(
      new Set(['create pods/exec', 'create pods/attach', 'create pods/portforward']),
    );
  });

  it('that break the protocol are closed, and no others', async () => {
    const { socket: good } = await askSpdy('POST', EXEC, server.adminToken);
    const { socket: bad } = await askSpdy('POST', EXEC, server.adminToken);
    const closed = new Promise((resolve) => bad?.once('close', resolve));
    bad?.resume().write(Buffer.alloc(64, 0xff));
    await closed;
    expect(good?.destroyed).toBe(false);
    good?.destroy();
  });
});

describe('a token that is revoked', () => {
  it('takes its sessions and watches with it', async () => {
    const token = await server.tokens.issue('jane', ['system:masters']);
    const exec = await open(EXEC, ['v5.channel.k8s.io'], token);
    const watch = await open('/api/v1/pods?watch=true', [], token);
    const spdy = await askSpdy('POST', EXEC, token);
    const gone = new Promise((resolve) => spdy.socket?.resume().once('close', resolve));
    const stays = await open(EXEC, ['v5.channel.k8s.io']);
    await server.tokens.revoke('jane');
    await Promise.all([exec.closed, watch.closed, gone]);
    expect(exec.messages.join('')).toContain('the credential is no longer valid');
    await expect(open(EXEC, ['v5.channel.k8s.io'], token)).rejects.toThrow('401');
    expect(stays.socket.readyState).toBe(WebSocket.OPEN);
    stays.socket.terminate();
  });
});

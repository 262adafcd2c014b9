/** Sockets that speak bad HTTP, or too much of it. Every time-out here is a server's own. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, createApp } from '../../../src/api/http/app.ts';
import type { AnswerRecord } from '../../../src/api/http/answer-record.ts';
import type { ConnectionLimits } from '../../../src/api/http/connection-limits.ts';
import { createRateLimits, unlimited } from '../../../src/api/http/rate-limits.ts';
import { createTunnels } from '../../../src/api/tunnel.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { startTestCore, type TestCore } from '../test-api.ts';

const MAX_CONNECTIONS = 40;
const bob = { name: 'bob', groups: ['system:authenticated'] };

let core: TestCore;
let app: App;
let port: number;
/** A server that soon gives up. The other one never does: a busy machine is slow, too. */
let hasty: App;
let hastyPort: number;
const limits = createRateLimits(
  { ...unlimited, requestsPerSecond: 1_000, failedLoginsPerMinute: 5 },
  // A minute that does not pass: the time to wait is the same on a slow machine.
  createFakeClock(),
);
const records: AnswerRecord[] = [];

const startApp = (timeouts: Partial<ConnectionLimits>): App =>
  createApp({
    core: core.core,
    authenticator: {
      authenticate: async ({ headers }) =>
        headers.authorization === undefined || headers.authorization === 'Bearer wrong'
          ? { result: 'rejected' }
          : { result: 'user', user: bob },
    },
    authorizer: {
      authorize: async (_user, { verb }) => ({ allowed: verb !== 'delete' }),
      authorizePath: async () => ({ allowed: true }),
      rulesFor: async () => ({ rules: [], errors: [] }),
    },
    tunnels: createTunnels({ clock: systemClock, logger: silentLogger }),
    logger: silentLogger,
    onAnswer: (record) => records.push(record),
    limits,
    connections: {
      ...timeouts,
      maxHeaderBytes: 8 * 1024,
      maxHeaders: 50,
      maxConnectionsPerAddress: MAX_CONNECTIONS,
      limitsLoopback: true,
    },
  });

beforeAll(async () => {
  core = await startTestCore(systemClock);
  app = startApp({ headersTimeoutMs: 600_000, requestTimeoutMs: 600_000 });
  hasty = startApp({ headersTimeoutMs: 300, requestTimeoutMs: 600, checkIntervalMs: 50 });
  port = await app.listen({ host: '127.0.0.1', port: 0 });
  hastyPort = await hasty.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await hasty[Symbol.asyncDispose]();
  await core[Symbol.asyncDispose]();
});

/** Everything that the server says until it closes the socket. */
function conversation(send: (socket: Socket) => void, at = port): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port: at, host: '127.0.0.1' }, () => send(socket));
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => (text += part));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}
const says = (...lines: readonly string[]): Promise<string> =>
  conversation((socket) => socket.write(lines.join('\r\n')));

const statusLine = (text: string): string => text.split('\r\n', 1)[0] ?? '';
const head = ['Host: api', 'Authorization: Bearer x', 'Content-Type: application/json'];
const pods = 'POST /api/v1/namespaces/default/pods HTTP/1.1';

const WRONG = 'Authorization: Bearer wrong';

describe('requests that two readers would read differently are refused, and their socket is closed', () => {
  it.each([
    ['two lengths', [pods, ...head, 'Content-Length: 2', 'Content-Length: 3', '', '{}x']],
    ['two equal lengths', [pods, ...head, 'Content-Length: 2', 'Content-Length: 2', '', '{}']],
    [
      'a length and chunks',
      [pods, ...head, 'Content-Length: 2', 'Transfer-Encoding: chunked', '', '0', '', ''],
    ],
    ['a length that is no number', [pods, ...head, 'Content-Length: 2x', '', '{}']],
    ['a negative length', [pods, ...head, 'Content-Length: -1', '', '{}']],
    [
      'a transfer encoding after chunked',
      [pods, ...head, 'Transfer-Encoding: chunked, identity', '', '0', '', ''],
    ],
    [
      'a size of a chunk that is no number',
      [pods, ...head, 'Transfer-Encoding: chunked', '', 'zz', '{}', '0', '', ''],
    ],
    ['a space before the colon', [pods, 'Host : api', ...head.slice(1), '', '']],
    ['a folded header', [pods, ...head, ' folded: x', '', '']],
    ['no host', ['GET /version HTTP/1.1', '', '']],
    ['a line feed in the target', ['GET /version\nX: y HTTP/1.1', ...head, '', '']],
    ['no HTTP at all', ['\u0016\u0003\u0001 hello', '', '']],
    ['another version', ['GET /version HTTP/9.9', ...head, '', '']],
  ])('%s', async (_, lines) => {
    const second = ['GET /version HTTP/1.1', ...head, '', ''].join('\r\n');
    const text = await says(...lines, second);
    expect(statusLine(text)).toMatch(/^HTTP\/1\.1 400 /);
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  });
});

describe('paths', () => {
  const askFor = (path: string, method = 'GET'): Promise<string> =>
    says(`${method} ${path} HTTP/1.1`, ...head, 'Connection: close', '', '');

  it.each([
    '/api/v1/namespaces/%2e%2e/pods',
    '/api/v1/namespaces/.%2E/pods',
    '/api/v1/namespaces/default/../../pods',
    '/api/v1/namespaces/default/.',
    '/api/v1/namespaces/default\\pods',
  ])('that a proxy in front may read otherwise are refused: %s', async (path) => {
    expect(statusLine(await askFor(path))).toMatch(/ 400 /);
  });

  it.each(['GET', 'POST'])('that cannot be decoded are bad requests: %s', async (method) => {
    const text = await askFor('/api/v1/namespaces/default/pods/%', method);
    expect(statusLine(text)).toMatch(/ 400 /);
    expect(text).toContain("'/api/v1/namespaces/default/pods/%' is not a valid url component");
  });

  it.each(['http://api/version', 'HTTPS://api:6443/version', 'http://me:secret@api/version?a=1'])(
    'in absolute form are read as their path, and written down as such: %s',
    async (target) => {
      records.length = 0;
      expect(statusLine(await askFor(target))).toMatch(/ 200 /);
      await expect.poll(() => records.map(({ uri }) => uri)).toEqual([expect.stringMatching(/^\/version/)]);
    },
  );

  it('in absolute form may be empty, and have no dot segments', async () => {
    expect(await askFor('http://api')).toContain('"paths":');
    expect(statusLine(await askFor('http://api/../version'))).toMatch(/ 400 /);
  });

  it.each(['*', 'api:443'])('of no form for a resource are found nowhere: %s', async (target) => {
    expect(statusLine(await askFor(target, 'OPTIONS'))).toMatch(/ 40[04] /);
  });

  it('with several slashes in front lead a proxied page where one slash does', async () => {
    await core.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
    const text = await askFor('//api/v1/nodes/n/proxy');
    expect(text).toContain('location: /api/v1/nodes/n/proxy/\r\n');
  });

  it('of names with dots are what they are', async () => {
    expect(statusLine(await askFor('/api/v1/namespaces/default/configmaps/..a'))).toMatch(/ 404 /);
    expect(statusLine(await askFor('/version?x=/../'))).toMatch(/ 200 /);
  });
});

describe('what is too large is refused before it is there', () => {
  const message = 'Request entity too large: limit is 3145728';

  it('a body by the length that it announces', async () => {
    const text = await says(pods, ...head, 'Content-Length: 3145729', '', '{');
    expect(statusLine(text)).toBe('HTTP/1.1 413 Payload Too Large');
    expect(text).toContain(message);
    expect(text.toLowerCase()).toContain('connection: close');
  });

  it('a body in chunks, once the limit is passed', async () => {
    const chunk = 'x'.repeat(64 * 1024);
    const framed = `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    const text = await conversation((socket) => {
      socket.write([pods, ...head, 'Transfer-Encoding: chunked', '', ''].join('\r\n'));
      // Without an end: only a server that counts answers.
      for (let sent = 0; sent < 50 && socket.writable; sent += 1) socket.write(framed);
    });
    expect(statusLine(text)).toBe('HTTP/1.1 413 Payload Too Large');
    expect(text).toContain(message);
  });

  it('headers, by their size and by their number', async () => {
    const large = await says('GET /version HTTP/1.1', ...head, `X-Large: ${'x'.repeat(9_000)}`, '', '');
    expect(statusLine(large)).toMatch(/ 431 /);
    const lines = Array.from({ length: 60 }, (_, index) => `X-${index}: y`);
    const many = await says('GET /version HTTP/1.1', ...head, 'Connection: close', ...lines, '', '');
    expect(statusLine(many)).toMatch(/ 431 /);
  });
});

describe('a body that nobody wanted', () => {
  const denied = (length: string, ...more: readonly string[]): Promise<string> =>
    says(
      'DELETE /api/v1/namespaces/default/pods/a HTTP/1.1',
      ...head,
      ...more,
      length,
      '',
      [
        `${length.startsWith('Transfer') ? '2\r\n{}\r\n' : '{}'}GET /version HTTP/1.1`,
        ...head,
        'Connection: close',
        '',
        '',
      ].join('\r\n'),
    );
  const codes = (text: string): readonly string[] =>
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code = '']) => code);

  it('is dropped where it is short: the connection goes on', async () => {
    expect(codes(await denied('Content-Length: 2'))).toEqual(['403', '200']);
  });

  it.each([
    ['is long', ['Content-Length: 300000']],
    ['has no length', ['Transfer-Encoding: chunked']],
    ['waits to be asked for', ['Content-Length: 2', 'Expect: 100-continue']],
  ])('ends its connection where it %s', async (_, [length = '', ...more]) => {
    const text = await denied(length, ...more);
    expect(codes(text)).toEqual(['403']);
    expect(text.toLowerCase()).toContain('\r\nconnection: close\r\n');
  });

  it('is asked for only once it is wanted', async () => {
    const text = await conversation((socket) => {
      socket.write(
        [pods, ...head, 'Content-Length: 2', 'Expect: 100-continue', 'Connection: close', '', ''].join(
          '\r\n',
        ),
      );
      socket.once('data', () => socket.write('{}'));
    });
    expect(codes(text)[0]).toBe('100');
    expect(codes(text)[1]).toMatch(/^4/);
  });
});

it('HEAD is answered as GET is, without a body', async () => {
  const text = await says('HEAD /version HTTP/1.1', ...head, 'Connection: close', '', '');
  expect(statusLine(text)).toContain(' 200 ');
  expect(text.endsWith('\r\n\r\n')).toBe(true);
});

it('HEAD of a watch is the head of a list', async () => {
  const path = '/api/v1/namespaces/default/pods?watch=1';
  const text = await says(`HEAD ${path} HTTP/1.1`, ...head, 'Connection: close', '', '');
  expect(statusLine(text)).toContain(' 200 ');
  expect(text.endsWith('\r\n\r\n')).toBe(true);
});

describe('requests in one go on one connection', () => {
  const get = (path: string): string => [`GET ${path} HTTP/1.1`, ...head, '', ''].join('\r\n');

  it('are answered in their order', async () => {
    const text = await says(get('/livez'), get('/nowhere'), 'GET /version HTTP/1.0', ...head, '', '');
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code)).toEqual(['200', '404', '200']);
  });

  it('end with their client, also those that wait behind an answer', async () => {
    records.length = 0;
    await conversation((socket) => {
      socket.write(get('/api/v1/pods?watch=1') + get('/api/v1/pods') + get('/api/v1/nodes?watch=1'));
      // The list waits behind the watch.
      void expect
        .poll(() => limits.inFlight.reads)
        .toBe(1)
        .then(() => socket.destroy());
    });
    await expect.poll(() => records.filter(({ stage }) => stage === 'complete')).toHaveLength(3);
    expect(limits.inFlight).toEqual({ reads: 0, writes: 0, unknown: 0 });
  });
});

describe('the slow give their sockets up', () => {
  it.each([
    ['a head that never ends', ['GET /version HTTP/1.1', 'Host: api', 'X-Slow:']],
    ['a body that never comes', [pods, ...head, 'Content-Length: 10', '', '{']],
    ['a connection on which nothing is ever said', []],
  ])('%s', async (_, lines) => {
    const text = await conversation((socket) => socket.write(lines.join('\r\n')), hastyPort);
    expect(statusLine(text)).toBe('HTTP/1.1 408 Request Timeout');
  });
});

it('one address has only so many connections', async () => {
  const sockets = await Promise.all(
    Array.from(
      { length: MAX_CONNECTIONS * 2 },
      () =>
        new Promise<{ socket: Socket; kept: boolean }>((resolve) => {
          const socket = connect({ port, host: '127.0.0.1' });
          socket.on('error', () => undefined);
          socket.once('close', () => resolve({ socket, kept: false }));
          socket.once('data', () => resolve({ socket, kept: true }));
          socket.write(['GET /version HTTP/1.1', ...head, '', ''].join('\r\n'));
        }),
    ),
  );
  expect(sockets.filter(({ kept }) => kept)).toHaveLength(MAX_CONNECTIONS);
  const closed = sockets.map(
    ({ socket }) =>
      new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', resolve))),
  );
  for (const { socket } of sockets) socket.destroy();
  await Promise.all(closed);
});

describe('what is written down', () => {
  const close = 'Connection: close';

  it('a refusal by the door with everything that was known: who, and about what', async () => {
    records.length = 0;
    await says('DELETE /api/v1/namespaces/default/pods/a?token=secret HTTP/1.1', ...head, close, '', '');
    expect(records).toMatchObject([
      {
        code: 403,
        user: { name: 'bob' },
        uri: '/api/v1/namespaces/default/pods/a?token=***',
        routed: { attributes: { verb: 'delete', resource: 'pods', namespace: 'default', name: 'a' } },
        sourceAddress: '127.0.0.1',
      },
    ]);
  });

  it('wrong credentials; and from the sixth a minute whoever tries them is told to wait', async () => {
    records.length = 0;
    for (let attempt = 0; attempt < 6; attempt += 1)
      await says('GET /api/v1/pods HTTP/1.1', 'Host: api', WRONG, close, '', '');
    expect(records.map(({ code }) => code)).toEqual([401, 401, 401, 401, 401, 429]);
    expect(records.at(-1)).toMatchObject({ user: undefined, rejection: 'failed-logins' });
    const text = await says('GET /api/v1/namespaces HTTP/1.1', 'Host: api', WRONG, close, '', '');
    expect(text).toMatch(/\r\nretry-after: 12\r\n/i);
    expect(text).toContain('"reason":"TooManyRequests"');
    expect(statusLine(await says('GET /api/v1/namespaces HTTP/1.1', ...head, close, '', ''))).toContain(
      ' 200 ',
    );
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', '', ''];
    const refused = await says('GET /api/v1/pods?watch=1 HTTP/1.1', 'Host: api', WRONG, ...upgrade);
    expect(statusLine(refused)).toBe('HTTP/1.1 429 Too Many Requests');
    expect(refused).toMatch(/\r\nretry-after: 12\r\n/i);
  });

  it('a wrong handshake of a WebSocket as the bad request that it is', async () => {
    records.length = 0;
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', '', ''];
    const text = await says('GET /api/v1/pods?watch=1 HTTP/1.1', ...head, ...upgrade);
    expect(statusLine(text)).toMatch(/ 400 /);
    await expect.poll(() => records.map(({ code }) => code)).toEqual([400]);
  });

  it('a watch when it stands and when its client has gone', async () => {
    records.length = 0;
    await conversation((socket) => {
      socket.write(['GET /api/v1/pods?watch=1 HTTP/1.1', ...head, '', ''].join('\r\n'));
      socket.once('data', () => socket.destroy());
    });
    await expect.poll(() => records.map(({ stage }) => stage)).toEqual(['started', 'complete']);
    expect(records.at(-1)).toMatchObject({ stood: true, routed: { attributes: { verb: 'watch' } } });
  });
});

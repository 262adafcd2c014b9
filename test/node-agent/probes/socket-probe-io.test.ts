import { type Server, createServer } from 'node:http';
import { type Http2Server, createServer as createHttp2Server } from 'node:http2';
import {
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
  createServer as createTcpServer,
} from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { errorMessage } from '../../../src/base/errors.ts';
import { createSocketProbeIo } from '../../../src/node-agent/probes/socket-probe-io.ts';

type AnyServer = Server | Http2Server | TcpServer;

const io = createSocketProbeIo(systemClock);
const servers: AnyServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
async function listen(server: AnyServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
const get = (port: number, timeoutMs = 5_000) =>
  io.http({
    scheme: 'http',
    host: '127.0.0.1',
    port,
    path: '/health?a=1',
    headers: { 'x-a': 'b' },
    timeoutMs,
  });

describe('createSocketProbeIo', () => {
  it('sends path and headers, and answers the status without following redirects', async () => {
    const port = await listen(
      createServer((request, response) => {
        response.writeHead(302, { location: 'http://127.0.0.1:1/' });
        response.end(`${request.url ?? ''} ${String(request.headers['x-a'])}`);
      }),
    );
    expect(await get(port)).toEqual({ status: 302, body: '/health?a=1 b', location: 'http://127.0.0.1:1/' });
  });

  it('says in the words of kubelet that nobody listens, or that nobody answers', async () => {
    await expect(get(1)).rejects.toThrow(
      'Get "http://127.0.0.1:1/health?a=1": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    await expect(io.tcp('127.0.0.1', 1, 1_000)).rejects.toThrow(
      'dial tcp 127.0.0.1:1: connect: connection refused',
    );
    const port = await listen(createServer(() => undefined));
    await expect(get(port, 30)).rejects.toThrow(/context deadline exceeded/);
    await expect(io.tcp('127.0.0.1', port, 1_000)).resolves.toBeUndefined();
  });

  it('speaks gRPC health checking', async () => {
    const seen: string[] = [];
    const server = createHttp2Server();
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const service = Buffer.concat(chunks).subarray(7).toString();
        seen.push(`${headers[':path'] ?? ''} ${service}`);
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () =>
          stream.sendTrailers({ 'grpc-status': service === 'none' ? '5' : '0' }),
        );
        stream.end(
          service === 'none' ? undefined : Buffer.from([0, 0, 0, 0, 2, 8, service === 'sick' ? 2 : 1]),
        );
      });
    });
    const port = await listen(server);
    expect(await io.grpcHealth('127.0.0.1', port, 'db', 5_000)).toBe(1);
    expect(await io.grpcHealth('127.0.0.1', port, 'sick', 5_000)).toBe(2);
    await expect(io.grpcHealth('127.0.0.1', port, 'none', 5_000)).rejects.toThrow(
      'error: health rpc probe failed: rpc error: code = NotFound desc = ',
    );
    expect(seen[0]).toBe('/grpc.health.v1.Health/Check db');
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ['hangs up', (socket) => socket.destroy(), 'EOF'],
    ['resets', (socket) => socket.resetAndDestroy(), 'connection reset by peer'],
    ['speaks something else', (socket) => socket.end('SSH-2.0-x\r\n'), 'malformed HTTP response "SSH-2.0-x"'],
    [
      'breaks off',
      (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
      'unexpected EOF',
    ],
  ])('has no text of Node for a server that %s', async (_, answer, words) => {
    const port = await listen(createTcpServer((socket) => socket.once('data', () => answer(socket))));
    await expect(get(port)).rejects.toThrow(
      new RegExp(`^Get "http://127.0.0.1:${port}/health\\?a=1": .*${words.replaceAll('/', '.')}`),
    );
  });

  it('says so of a server that does not finish its answer, or speaks no TLS', async () => {
    const slow = await listen(
      createServer((_request, response) => {
        response.writeHead(200);
        response.write('x');
      }),
    );
    await expect(get(slow, 100)).rejects.toThrow(/context deadline exceeded \(Client\.Timeout/);
    const request = { scheme: 'https', host: '127.0.0.1', path: '/', headers: {}, timeoutMs: 5_000 } as const;
    await expect(io.http({ ...request, port: slow })).rejects.toThrow(
      `Get "https://127.0.0.1:${slow}/": http: server gave HTTP response to HTTPS client`,
    );
  });

  it('refuses what cannot be sent, and names a host that is not there', async () => {
    const request = { scheme: 'http', host: '127.0.0.1', port: 1, path: '/', timeoutMs: 5_000 } as const;
    await expect(io.http({ ...request, headers: { 'x-a': 'a\nb' } })).rejects.toThrow(
      'Get "http://127.0.0.1:1/": net/http: invalid header field value',
    );
    await expect(io.http({ ...request, host: 'none.invalid', headers: {} })).rejects.toThrow(
      /^Get "http:\/\/none\.invalid:1\/": dial tcp: lookup none\.invalid: /,
    );
  });

  it('has the words of kubelet for gRPC servers that are not there, or are none', async () => {
    const failed = (port: number, timeoutMs = 5_000): Promise<string> =>
      io.grpcHealth('127.0.0.1', port, '', timeoutMs).then(String, errorMessage);
    expect(await failed(1)).toMatch(
      /^timeout: failed to connect service "127\.0\.0\.1:1" within 5s: context deadline exceeded \(dial tcp 127\.0\.0\.1:1: connect: connection refused\)$/,
    );
    const silent = await listen(createTcpServer(() => undefined));
    expect(await failed(silent, 50)).toBe(
      `timeout: failed to connect service "127.0.0.1:${silent}" within 50ms: context deadline exceeded`,
    );
    const web = await listen(createServer((_request, response) => response.end('x')));
    expect(await failed(web)).toMatch(/^timeout: failed to connect service "127\.0\.0\.1:\d+" within 5s/);
    const hangs = await listen(createHttp2Server().on('stream', () => undefined));
    expect(await failed(hangs, 200)).toBe('timeout: health rpc did not complete within 200ms');
    const other = createHttp2Server();
    other.on('stream', (stream) => {
      stream.respond({ ':status': 404 });
      stream.end();
    });
    expect(await failed(await listen(other))).toBe(
      'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ' +
        'unexpected HTTP status code received from server: 404 (Not Found)',
    );
  });
});

import { type Server, createServer } from 'node:http';
import { type Http2Server, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createSocketProbeIo } from '../../../src/node-agent/probes/socket-probe-io.ts';

const io = createSocketProbeIo(systemClock);
const servers: (Server | Http2Server)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
async function listen(server: Server | Http2Server): Promise<number> {
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
    await expect(io.grpcHealth('127.0.0.1', port, 'none', 5_000)).rejects.toThrow(/code = 5/);
    await expect(io.grpcHealth('127.0.0.1', 1, '', 5_000)).rejects.toThrow(/ECONNREFUSED/);
    expect(seen[0]).toBe('/grpc.health.v1.Health/Check db');
  });
});

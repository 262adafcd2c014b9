import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createMetricsAdapter } from '../../../src/controllers/horizontal-pod-autoscaler/metrics-adapter.ts';

describe('an adapter of metrics', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    return new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  });

  async function get(answer: RequestListener, path = '/apis/x'): Promise<unknown> {
    const listening = (server = createServer(answer));
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    return createMetricsAdapter(`http://127.0.0.1:${port}/base/`, systemClock)(
      path,
      new AbortController().signal,
    );
  }

  it('is asked below its base', async () => {
    const answer: RequestListener = ({ url }, response) => void response.end(JSON.stringify({ url }));
    expect(await get(answer, '/apis/x?labelSelector=a')).toEqual({ url: '/base/apis/x?labelSelector=a' });
  });

  it.each<readonly [string, RequestListener, string | RegExp]>([
    [
      'tells its own words',
      (_, response) => void response.writeHead(404).end('{"kind":"Status","message":"no such metric"}'),
      'no such metric',
    ],
    [
      'or its status',
      (_, response) => void response.writeHead(502).end('<html>'),
      'the server responded with the status code 502',
    ],
    [
      'may not lead elsewhere',
      (_, response) => void response.writeHead(302, { location: '/' }).end(),
      /redirect/,
    ],
    [
      'may not answer without an end',
      (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      },
      'the answer is longer than 4194304 bytes',
    ],
  ])('%s', async (_, answer, message) => {
    await expect(get(answer)).rejects.toThrow(message);
  });

  it('tells in the words of Go that it is not there', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const adapter = createMetricsAdapter(`http://127.0.0.1:${port}`, systemClock);
    await expect(adapter('/apis/x', new AbortController().signal)).rejects.toThrow(/connection refused/);
  });
});

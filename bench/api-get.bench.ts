/**
 * GET of one pod, by a user whom roles allow it, against a bare Node HTTPS server that sends the
 * same bytes: latency of requests on kept-alive connections, each waiting for its answer before it
 * asks again. Rounds alternate; medians count.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApiProcess } from './support/api-process.ts';
import { median, numberAfter, percentile, progress, reporter, spread } from './support/figures.ts';
import { openTlsClient, requestBytes, type TlsClient } from './support/tls-client.ts';

const ROUNDS = numberAfter('--rounds', 9);
const REQUESTS = numberAfter('--requests', 4_000);
const report = reporter('api-get');

async function latencies(clients: readonly TlsClient[], request: Buffer, count: number): Promise<number[]> {
  const times: number[] = [];
  let left = count;
  await Promise.all(
    clients.map(async (client) => {
      while (left > 0) {
        left -= 1;
        const begin = performance.now();
        await client.request(request);
        times.push(performance.now() - begin);
      }
    }),
  );
  return times;
}

const directory = await mkdtemp(join(tmpdir(), 'symphony-bench-api-'));
const api = await startApiProcess('api', directory);
const bare = await startApiProcess('bare', directory);
try {
  await api.populate('web', 100, 10);
  const path = '/api/v1/namespaces/default/pods/web-7';
  const authorization = { Authorization: `Bearer ${api.token}`, 'User-Agent': 'kubectl/v1.32.0' };
  const answer = await fetchAnswer(path);
  await bare.bareAnswer(answer.headers, answer.body);

  for (const concurrency of [1, 16]) {
    const open = (port: number): Promise<TlsClient[]> =>
      Promise.all(Array.from({ length: concurrency }, () => openTlsClient(port, api.caPem)));
    for (const [name, query] of [
      ['GET', ''],
      ['GET at resourceVersion=0', '?resourceVersion=0'],
    ] as const) {
      const request = requestBytes(`${path}${query}`, authorization);
      const ours = await open(api.port);
      const theirs = await open(bare.bareHttpPort);
      await latencies(ours, request, REQUESTS);
      await latencies(theirs, request, REQUESTS);
      const figures = { p50: [[], []], p99: [[], []] } as Record<'p50' | 'p99', [number[], number[]]>;
      const cpu = { ours: 0, theirs: 0 };
      for (let round = 0; round < ROUNDS; round += 1) {
        const before = [await api.usage(), await bare.usage()] as const;
        const measured = await latencies(ours, request, REQUESTS);
        const compared = await latencies(theirs, request, REQUESTS);
        cpu.ours += (await api.usage()).cpuSeconds - before[0].cpuSeconds;
        cpu.theirs += (await bare.usage()).cpuSeconds - before[1].cpuSeconds;
        for (const percent of [50, 99] as const) {
          figures[`p${percent}`][0].push(percentile(measured, percent));
          figures[`p${percent}`][1].push(percentile(compared, percent));
        }
      }
      for (const percent of ['p50', 'p99'] as const) {
        const [measured, compared] = figures[percent];
        report({
          name: `${name} ${percent}, ${concurrency} at a time`,
          value: median(measured),
          unit: 'ms',
          baseline: median(compared),
          ratio: median(measured) / median(compared),
          note: spread(measured),
        });
      }
      report({
        name: `${name} CPU of the server, ${concurrency} at a time`,
        value: (cpu.ours * 1e6) / (ROUNDS * REQUESTS),
        unit: 'µs',
        baseline: (cpu.theirs * 1e6) / (ROUNDS * REQUESTS),
        ratio: cpu.ours / cpu.theirs,
      });
      for (const client of [...ours, ...theirs]) client[Symbol.dispose]();
    }
  }

  async function fetchAnswer(target: string): Promise<{ headers: Record<string, string>; body: string }> {
    const { request } = await import('node:https');
    return new Promise((resolve, reject) => {
      const options = {
        port: api.port,
        host: '127.0.0.1',
        path: target,
        ca: api.caPem,
        headers: authorization,
      };
      request({ ...options, agent: false }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const body = Buffer.concat(parts).toString('utf8');
          if (response.statusCode !== 200) return reject(new Error(body));
          const headers = Object.entries(response.headers).filter(
            ([name]) => !['content-length', 'connection', 'date', 'keep-alive'].includes(name),
          );
          progress(`an answer has ${body.length} bytes`);
          resolve({ headers: Object.fromEntries(headers) as Record<string, string>, body });
        });
      })
        .on('error', reject)
        .end();
    });
  }
} finally {
  await api[Symbol.asyncDispose]();
  await bare[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}

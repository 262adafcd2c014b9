/**
 * LIST of 10,000 pods, by a user whom roles allow it, against a bare Node HTTPS server that writes
 * the same bytes out of one buffer. While a list goes out another client asks for one pod again and
 * again: nobody must wait for a list.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApiProcess } from './support/api-process.ts';
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';
import { openTlsClient, requestBytes } from './support/tls-client.ts';

const PODS = numberAfter('--pods', 10_000);
const ROUNDS = numberAfter('--rounds', 9);
const report = reporter('api-list');

const directory = await mkdtemp(join(tmpdir(), 'symphony-bench-api-'));
const api = await startApiProcess('api', directory);
const bare = await startApiProcess('bare', directory);
try {
  await api.populate('web', PODS, 100);
  const authorization = { Authorization: `Bearer ${api.token}` };
  const list = requestBytes('/api/v1/namespaces/default/pods', authorization);
  const one = requestBytes('/api/v1/namespaces/default/pods/web-7?resourceVersion=0', authorization);
  const lister = await openTlsClient(api.port, api.caPem);
  const other = await openTlsClient(api.port, api.caPem);
  await other.request(one);
  await api.usage();
  const bytes = await lister.request(list);
  report({
    name: 'longest stop of the event loop, first list (nothing encoded yet)',
    value: (await api.usage()).stallMs,
    unit: 'ms',
  });
  progress(`a list has ${(bytes / 2 ** 20).toFixed(1)} MiB`);
  await bare.bareAnswer({ 'content-type': 'application/json' }, 'x'.repeat(bytes));
  const theirs = await openTlsClient(bare.bareHttpPort, bare.caPem);
  await theirs.request(list);

  const measured: number[] = [];
  const compared: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    measured.push(await timed(() => lister.request(list)));
    compared.push(await timed(() => theirs.request(list)));
  }
  report({
    name: `LIST of ${PODS} pods`,
    value: median(measured),
    unit: 'ms',
    baseline: median(compared),
    ratio: median(measured) / median(compared),
    note: spread(measured),
  });

  await api.usage();
  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    let isOver = false;
    // Something has changed since the last list.
    await api.touch('web', 10, 10);
    const listing = lister.request(list).then(() => (isOver = true));
    while (!isOver) waits.push(await timed(() => other.request(one)));
    await listing;
  }
  report({
    name: 'slowest GET during a list',
    value: Math.max(...waits),
    unit: 'ms',
    note: `${waits.length} GETs`,
  });
  report({
    name: 'longest stop of the event loop during lists',
    value: (await api.usage()).stallMs,
    unit: 'ms',
  });
  for (const client of [lister, other, theirs]) client[Symbol.dispose]();
} finally {
  await api[Symbol.asyncDispose]();
  await bare[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await task();
  return performance.now() - begin;
}

/**
 * From a change of an endpoint at the API until the kernel of every host has it, at one Service and
 * at 10,000, and the memory of the agents then. The hosts, their engines, the control plane and the
 * agents are real; `nft monitor` on each host tells what its kernel gets. Needs root.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { createScope, type Scope } from '../src/base/scope.ts';
import { startTestbedCluster } from '../test/support/testbed/cluster.ts';
import type { Place } from '../test/support/testbed/place.ts';
import { median, numberAfter, percentile, progress, reporter, spread } from './support/figures.ts';

const HOSTS = numberAfter('--hosts', 3);
const SERVICES = numberAfter('--services', 10_000);
const CHANGES = numberAfter('--changes', 200);
const report = reporter('programmed');

let changed = 0;
const scope = createScope();
try {
  const cluster = scope.use(await startTestbedCluster({ hosts: HOSTS }));
  const { testbed, hosts } = cluster;
  const writer = startWriter(scope, testbed.server, join(testbed.directory, 'server', 'kubeconfig'));
  const kernels = hosts.map(({ place }) => watchKernel(place));
  await changes(writer, kernels, 'at 1 Service', 1);
  progress(`creating ${SERVICES} Services`);
  const begin = performance.now();
  const all = Promise.all(kernels.map((kernel) => kernel.has(lastAddress(SERVICES))));
  await writer.ask(`create 1 ${SERVICES - 1}`);
  progress(`created after ${Math.round((performance.now() - begin) / 1_000)} s`);
  await all;
  progress(`in all kernels after ${Math.round((performance.now() - begin) / 1_000)} s`);
  await changes(writer, kernels, `at ${SERVICES} Services`, SERVICES);
  for (const [name, words] of [
    ['an agent', 'symphony agent'],
    ['a name server', 'name-server'],
  ] as const) {
    const sizes = await Promise.all(hosts.map(({ place }) => memoryMiB(place, words)));
    report({
      name: `memory of ${name} with ${SERVICES} Services`,
      value: median(sizes),
      unit: 'MiB',
      note: spread(sizes),
    });
  }
} finally {
  await scope[Symbol.asyncDispose]();
}

interface Writer {
  ask(command: string): Promise<string>;
}

function startWriter(owner: Scope, { within }: Place, kubeconfig: string): Writer {
  const [enter = '', ...words] = within;
  // The place begins at the root of the file system.
  const tsx = createRequire(import.meta.url).resolve('tsx');
  const script = join(import.meta.dirname, 'support/endpoint-writer.ts');
  const child = spawn(enter, [...words, process.execPath, '--import', tsx, script, kubeconfig], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  owner.defer(() => void child.stdin.end());
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(command) {
      child.stdin.write(`${command}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error('The writer has ended');
      return value;
    },
  };
}

interface Kernel {
  /** When the address of an endpoint came, in milliseconds of the machine's clock. */
  has(address: string): Promise<number>;
}

function watchKernel(place: Place): Kernel {
  // It ends with the place.
  const { child } = place.start('nft', 'monitor');
  const waiting = new Map<string, (atMs: number) => void>();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (waiting.size === 0) return;
    for (const [, address = ''] of line.matchAll(/: (\d+\.\d+\.\d+\.\d+) \. /g)) {
      waiting.get(address)?.(now());
      waiting.delete(address);
    }
  });
  return { has: (address) => new Promise((resolve) => waiting.set(address, resolve)) };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The second endpoint of the last Service that the writer makes. */
function lastAddress(count: number): string {
  const index = count - 1;
  return `10.245.${(index >> 7) + 1}.${(index & 127) + 1}`;
}

async function changes(
  writer: Writer,
  kernels: readonly Kernel[],
  where: string,
  count: number,
): Promise<void> {
  if (count === 1) {
    const first = Promise.all(kernels.map((kernel) => kernel.has(lastAddress(1))));
    await writer.ask('create 0 1');
    await first;
  }
  const [whole, stored]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < CHANGES; turn += 1) {
    changed += 1;
    const address = `10.246.${changed >> 7}.${(changed & 127) + 1}`;
    const seen = Promise.all(kernels.map((kernel) => kernel.has(address)));
    const index = Math.floor((turn * count) / CHANGES);
    const [asked = 0, answered = 0] = (await writer.ask(`change ${index} ${address}`)).split(' ').map(Number);
    const last = Math.max(...(await seen));
    whole.push(last - asked);
    stored.push(last - answered);
  }
  const figure = (name: string, times: readonly number[], percent: number): void =>
    report({
      name: `${name}, p${percent}, ${where}`,
      value: percentile(times, percent),
      unit: 'ms',
      note: spread(times),
    });
  for (const percent of [50, 99]) {
    figure(`endpoint change asked for → ${kernels.length} hosts programmed`, whole, percent);
    figure(`endpoint change answered → ${kernels.length} hosts programmed`, stored, percent);
  }
}

async function memoryMiB(place: Place, words: string): Promise<number> {
  const listed = await place.must('ps', '-eo', 'rss=,args=');
  const sizes = listed
    .split('\n')
    .filter((line) => line.includes(words) && line.includes('node'))
    .map((line) => Number.parseInt(line, 10) / 1_024);
  return Math.max(...sizes);
}

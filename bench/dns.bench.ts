/**
 * Answers of a node's DNS server: how many a second, and how late they are at half of the goal.
 * Server and client are processes of their own; the server knows 1,000 Services.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { createDns, dnsDirectoryOf } from '../src/network/dns/dns-part.ts';
import { endNameServers } from '../src/network/dns/process/end-servers.ts';
import { readServerRecords } from '../src/network/dns/process/server-records.ts';
import { createOwnTargets } from '../src/network/services/own-targets.ts';
import { aDnsContext, createFakeFeeds } from '../test/support/dns/fake-feeds.ts';
import { askUdp, question } from '../test/support/dns/ask-dns.ts';
import { aNamedService } from '../test/support/dns/named-objects.ts';
import { median, numberAfter, reporter, spread } from './support/figures.ts';

const SERVICES = numberAfter('--services', 1_000);
const SECONDS = numberAfter('--seconds', 5);
const REPEATS = numberAfter('--repeats', 3);
/** Half of what a node is to answer. */
const RATE = numberAfter('--rate', 10_000);
const report = reporter('dns');

interface Load {
  readonly answered: number;
  readonly perSecond: number;
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
}

const directory = await mkdtemp(join(tmpdir(), 'symphony-bench-dns-'));
const feeds = createFakeFeeds();
feeds.set('namespaces', 'shop', {});
for (let index = 0; index < SERVICES; index += 1) {
  const name = `service-${index}`;
  const address = `10.96.${1 + (index >> 8)}.${index & 0xff}`;
  feeds.set('services', `shop/${name}`, aNamedService(name, address));
}
const targets = createOwnTargets();
const part = createDns(aDnsContext(directory, feeds, targets));
try {
  part.start();
  feeds.sync();
  const port = await serverPort();
  const load = async (rate: number): Promise<Load> => {
    const args = ['--import', 'tsx', join(import.meta.dirname, 'support/dns-load.ts')];
    const words = [port, SERVICES, SECONDS, rate].map(String);
    const { stdout } = await promisify(execFile)(process.execPath, [...args, ...words]);
    return JSON.parse(stdout) as Load;
  };
  const full: Load[] = [];
  const half: Load[] = [];
  const cpu: number[] = [];
  for (let turn = 0; turn < REPEATS; turn += 1) {
    const before = await cpuMs();
    const one = await load(0);
    full.push(one);
    cpu.push(((await cpuMs()) - before) / (one.answered / 1_000));
    half.push(await load(RATE));
  }
  const most = full.map(({ perSecond }) => perSecond);
  report({ name: 'answers', value: median(most), unit: '/s', note: spread(most) });
  report({ name: 'CPU of the server an answer', value: median(cpu), unit: 'µs', note: spread(cpu) });
  const latest = half.map(({ p99 }) => p99);
  const lost = half.reduce((sum, one) => sum + one.lost, 0);
  report({
    name: `p99 at ${RATE}/s`,
    value: median(latest),
    unit: 'ms',
    note: `${spread(latest)}; ${lost} lost`,
  });
  report({ name: `p50 at ${RATE}/s`, value: median(half.map(({ p50 }) => p50)), unit: 'ms' });
  report({ name: 'memory of the server', value: await memoryMiB(), unit: 'MiB' });
} finally {
  await part[Symbol.asyncDispose]();
  await endNameServers(dnsDirectoryOf(directory), systemClock);
  await rm(directory, { recursive: true, force: true });
}

async function serverPort(): Promise<number> {
  for (;;) {
    const [target] = targets.of('kube-system/kube-dns') ?? [];
    const found = target && (await askUdp(target, question('service-0.shop.svc.cluster.local')));
    if (found && found.answers?.length === 1) return target.port;
    await delay(50);
  }
}

async function serverFile(name: string): Promise<string> {
  const [record] = await readServerRecords(dnsDirectoryOf(directory));
  return readFile(`/proc/${record?.pid ?? 0}/${name}`, 'utf8');
}

async function memoryMiB(): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await serverFile('status'))?.[1] ?? 0) / 1_024;
}

/** User and system time, in clock ticks of 10 ms (proc(5)). */
async function cpuMs(): Promise<number> {
  const stat = await serverFile('stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

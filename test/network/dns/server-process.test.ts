/** The DNS server as a process: it outlives agents, and agents look after it. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTimeOf } from '../../../src/base/child-processes/process-identity.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { createDns, dnsDirectoryOf } from '../../../src/network/dns/dns-part.ts';
import { endNameServers } from '../../../src/network/dns/process/end-servers.ts';
import { ownCommand } from '../../../src/network/dns/process/server-command.ts';
import { readServerRecords } from '../../../src/network/dns/process/server-records.ts';
import { createOwnTargets } from '../../../src/network/services/own-targets.ts';
import type { Target } from '../../../src/network/services/select-endpoints.ts';
import { askTcp, askUdp, dataOf, question } from '../../support/dns/ask-dns.ts';
import { aDnsContext, createFakeFeeds, type FakeFeeds } from '../../support/dns/fake-feeds.ts';
import { aHeadlessService, aNamedService, aNamedSlice } from '../../support/dns/named-objects.ts';

const NAME = 'web.shop.svc.cluster.local';
const PATIENCE = { timeout: 30_000, interval: 50 };

let directory: string;
let feeds: FakeFeeds;

/** An agent's part, and where it leads queries. */
interface Part extends AsyncDisposable {
  ownTargets(): readonly Target[];
}
const parts: Part[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-dns-'));
  feeds = createFakeFeeds();
  feeds.set('namespaces', 'shop', {});
  feeds.set('services', 'shop/web', aNamedService('web', '10.96.0.5'));
});

afterEach(async () => {
  for (const part of parts.splice(0)) await part[Symbol.asyncDispose]();
  await endNameServers(dnsDirectoryOf(directory), systemClock);
  await rm(directory, { recursive: true, force: true });
});

function start(identity = 'one'): Part {
  const targets = createOwnTargets();
  const dns = createDns(aDnsContext(directory, feeds, targets), { ...ownCommand(), identity });
  const part = {
    ownTargets: () => targets.of('kube-system/kube-dns') ?? [],
    [Symbol.asyncDispose]: dns[Symbol.asyncDispose].bind(dns),
  };
  parts.push(part);
  dns.start();
  return part;
}

const recordsOf = () => readServerRecords(dnsDirectoryOf(directory));
const pidsOf = async (): Promise<readonly number[]> => (await recordsOf()).map(({ pid }) => pid);
async function answerOf(part: Part, name = NAME): Promise<readonly string[]> {
  const [target] = part.ownTargets();
  if (!target) return ['no server'];
  return dataOf(await askUdp(target, question(name)));
}
const untilAnswered = (part: Part, answer: readonly string[], name = NAME): Promise<void> =>
  vi.waitFor(async () => expect(await answerOf(part, name)).toEqual(answer), PATIENCE);

describe('the DNS server of a host', () => {
  it('answers over UDP and TCP with what the agent tells it, and follows each change', async () => {
    const part = start();
    feeds.sync();
    await untilAnswered(part, ['A 10.96.0.5']);
    const [target] = part.ownTargets();
    expect(dataOf(await askTcp(target!, question(NAME)))).toEqual(['A 10.96.0.5']);
    feeds.set('services', 'shop/db', aHeadlessService('db'));
    feeds.set('endpointSlices', 'shop/db-1', aNamedSlice('db', ['10.244.1.7']));
    await untilAnswered(part, ['A 10.244.1.7'], 'db.shop.svc.cluster.local');
    feeds.delete('endpointSlices', 'shop/db-1');
    await untilAnswered(part, [], 'db.shop.svc.cluster.local');
    feeds.delete('services', 'shop/web');
    await untilAnswered(part, []);
  });

  it('goes on without its agent, and the next agent takes it over', async () => {
    const first = start();
    feeds.sync();
    await untilAnswered(first, ['A 10.96.0.5']);
    const [target, pids] = [first.ownTargets(), await pidsOf()];
    await first[Symbol.asyncDispose]();
    expect(await answerOf(first)).toEqual(['A 10.96.0.5']);

    // The control plane is away: the next agent knows nothing, and takes nothing away.
    feeds = createFakeFeeds();
    const second = start();
    expect(second.ownTargets()).toEqual(target);
    await vi.waitFor(() => expect(second.ownTargets()).toEqual(target), PATIENCE);
    expect(await answerOf(second)).toEqual(['A 10.96.0.5']);
    feeds.set('namespaces', 'shop', {});
    feeds.set('services', 'shop/web', aNamedService('web', '10.96.0.9'));
    feeds.sync();
    await untilAnswered(second, ['A 10.96.0.9']);
    expect(await pidsOf()).toEqual(pids);
  });

  it('is started again at its port when it is killed', async () => {
    const part = start();
    feeds.sync();
    await untilAnswered(part, ['A 10.96.0.5']);
    const [target] = part.ownTargets();
    const [pid] = await pidsOf();
    process.kill(pid!, 'SIGKILL');
    await vi.waitFor(async () => {
      const pids = await pidsOf();
      expect(pids).toHaveLength(1);
      expect(pids).not.toContain(pid);
    }, PATIENCE);
    await untilAnswered(part, ['A 10.96.0.5']);
    expect(part.ownTargets()).toEqual([target]);
  });

  it('is replaced by that of another program without a lost answer, and ends then', async () => {
    const old = start('one');
    feeds.sync();
    await untilAnswered(old, ['A 10.96.0.5']);
    const [before] = old.ownTargets();
    const [oldPid] = await pidsOf();
    await old[Symbol.asyncDispose]();

    const next = start('two');
    let asked = 0;
    const answers = new Map<string, number>();
    expect(next.ownTargets()).toEqual([before]);
    while (next.ownTargets()[0]?.port === before!.port && asked < 20_000) {
      asked += 1;
      const [answer = ''] = await answerOf(next);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
    expect(await answerOf(next)).toEqual(['A 10.96.0.5']);
    expect([...answers.keys()]).toEqual(['A 10.96.0.5']);
    await vi.waitFor(async () => expect(await pidsOf()).not.toContain(oldPid), PATIENCE);
    expect(await pidsOf()).toHaveLength(1);
  });

  it('ends when its directory is gone', async () => {
    const part = start();
    feeds.sync();
    await untilAnswered(part, ['A 10.96.0.5']);
    const [record] = await recordsOf();
    await part[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
    await vi.waitFor(
      async () => expect(await startTimeOf(record!.pid)).not.toBe(record!.startTime),
      PATIENCE,
    );
  });
});

describe('the end of all DNS servers', () => {
  it('leaves none, and nothing of them', async () => {
    const part = start();
    feeds.sync();
    await untilAnswered(part, ['A 10.96.0.5']);
    const [record] = await recordsOf();
    await part[Symbol.asyncDispose]();
    expect(await endNameServers(dnsDirectoryOf(directory), systemClock)).toBe(1);
    expect(await startTimeOf(record!.pid)).not.toBe(record!.startTime);
    expect(await recordsOf()).toEqual([]);
    expect(existsSync(record!.socket)).toBe(false);
  });

  it('signals no process that has the id of a dead server', async () => {
    const dns = dnsDirectoryOf(directory);
    const part = start();
    await vi.waitFor(async () => expect(await recordsOf()).toHaveLength(1), PATIENCE);
    await part[Symbol.asyncDispose]();
    await endNameServers(dns, systemClock);
    await mkdir(dns, { recursive: true });
    const parent = {
      pid: process.ppid,
      startTime: '1',
      boot: 'another',
      socket: join(dns, 'x.sock'),
      id: 'x',
    };
    await writeFile(join(dns, 'x.server.json'), JSON.stringify(parent));
    expect(await endNameServers(dns, systemClock)).toBe(0);
    expect(await startTimeOf(process.ppid)).toBeDefined();
    expect(await recordsOf()).toEqual([]);
  });
});

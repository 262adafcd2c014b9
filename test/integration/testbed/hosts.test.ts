/** The test bed itself: hosts reach each other, and every fault does what its name says. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TEST_IMAGE } from '../../support/docker.ts';
import { eventually } from '../../support/kubectl.ts';
import type { Host } from '../../support/testbed/host.ts';
import { startTestbed, type Testbed } from '../../support/testbed/testbed.ts';

let testbed: Testbed;
let first: Host;
let second: Host;
let third: Host;

beforeAll(async () => {
  testbed = await startTestbed({ hosts: 3 });
  [first, second, third] = testbed.hosts as [Host, Host, Host];
});
afterAll(() => testbed[Symbol.asyncDispose]());
afterEach(() => testbed.network.heal());

const reaches = async (from: Host, to: Host): Promise<boolean> =>
  (await from.place.run('busybox', 'ping', '-c', '1', '-W', '1', to.address)).code === 0;

async function startContainer(host: Host): Promise<string> {
  const container = await host.docker.createContainer({ Image: TEST_IMAGE, Cmd: ['sleep', '1000'] });
  await container.start();
  return container.id;
}

const isRunning = async (host: Host, id: string): Promise<boolean> =>
  (await host.docker.getContainer(id).inspect()).State.Running;

describe('hosts', () => {
  it('have a name, an engine and an address of their own, and reach each other', async () => {
    expect((await first.docker.info()).Name).toBe('h1');
    expect((await second.docker.info()).Name).toBe('h2');
    expect(await first.place.must('hostname')).toBe('h1\n');
    expect(await reaches(first, second)).toBe(true);
    expect(await reaches(third, first)).toBe(true);
  });
});

describe('the network', () => {
  it('can be cut one way, both ways, and be healed', async () => {
    await testbed.network.block(first.port, second.port);
    expect(await reaches(first, second)).toBe(false);
    expect(await reaches(first, third)).toBe(true);
    await testbed.network.heal();
    expect(await reaches(first, second)).toBe(true);
    await testbed.network.cut(third.port);
    expect(await reaches(first, third)).toBe(false);
    expect(await reaches(third, second)).toBe(false);
    expect(await reaches(first, second)).toBe(true);
  });

  it('can lose some packets of a host', async () => {
    await testbed.network.lose(second.port, 30);
    const answers = await Promise.all(Array.from({ length: 40 }, () => reaches(first, second)));
    expect(new Set(answers)).toEqual(new Set([true, false]));
  });
});

describe('a host', () => {
  it('loses its processes with its power, not its disk', async () => {
    const id = await startContainer(third);
    await third.powerOff();
    expect(await reaches(first, third)).toBe(false);
    await third.powerOn();
    expect(await reaches(first, third)).toBe(true);
    expect(await isRunning(third, id)).toBe(false);
  });

  it('restarts its engine', async () => {
    const id = await startContainer(second);
    await second.restartEngine();
    expect(await isRunning(second, id)).toBe(false);
    await second.restartEngine('KILL');
  });

  it('has an engine that hangs while its containers go on', async () => {
    await first.pauseEngine();
    const answer = first.docker.ping().then(() => 'answered');
    const silence = first.place.must('sleep', '0.5').then(() => 'silent');
    expect(await Promise.race([answer, silence])).toBe('silent');
    await first.resumeEngine();
    expect(await answer).toBe('answered');
  });

  it('freezes its containers', async () => {
    const id = await startContainer(first);
    await first.freeze();
    const { State } = await first.docker.getContainer(id).inspect();
    const state = async (): Promise<string> =>
      (await first.place.must('cat', `/proc/${State.Pid}/status`)).match(/^State:\s+(\S)/m)?.[1] ?? '';
    await eventually('the container stands still', async () => (await state()) === 'D');
    await first.thaw();
    await eventually('the container goes on', async () => (await state()) === 'S');
  });

  it('has a disk that can be full', async () => {
    await first.fillDisk();
    await expect(
      first.place.must('dd', 'if=/dev/zero', `of=${first.disk}/more`, 'bs=1M', 'count=1'),
    ).rejects.toThrow('No space left');
    await first.emptyDisk();
    await first.place.must('dd', 'if=/dev/zero', `of=${first.disk}/more`, 'bs=1M', 'count=1');
  });
});

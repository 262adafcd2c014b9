/** Addresses of pods over their whole life, on a node whose slice has five of them. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Node, Pod } from '../../src/schemas/types.ts';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../support/agent-world.ts';
import { aContainerSpec, vacantSandbox } from '../support/sandbox.ts';

const FIVE = ['10.244.1.2', '10.244.1.3', '10.244.1.4', '10.244.1.5', '10.244.1.6'];
const podCidr = '10.244.1.0/29';

let world: AgentWorld;
afterEach(() => world[Symbol.asyncDispose]());

/**
 * A container called `exit-3` ends soon, with 3; `slow` takes its time to stop; others run until
 * they are stopped.
 */
const programOf = ({ name }: { readonly name: string }) => {
  const exitCode = /^k8s_exit-(\d)/.exec(name)?.[1];
  if (exitCode !== undefined) return { exitAfterMs: 100, exitCode: Number(exitCode) };
  return name.startsWith('k8s_slow') ? { termDelayMs: 500 } : {};
};
const called = (name: string): Pod['spec']['containers'][number] => ({ name, image: 'x' });
const task = (name: string, spec: Partial<Pod['spec']> = {}): Pod =>
  aPod(name, { restartPolicy: 'Never', containers: [called('exit-0')], ...spec });
const names = (prefix: string, count = 5): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
const statuses = (of: readonly string[]): unknown[] =>
  of.map((name) => [world.pod(name)?.status?.phase, world.pod(name)?.status?.podIP]);

async function put(pods: readonly Pod[], waitMs = 5_000): Promise<void> {
  for (const pod of pods) world.api.put('pods', pod);
  await world.clock.advance(waitMs);
}

/** The node is full exactly when five addresses are free: five new pods run, a sixth does not. */
async function expectAllFree(prefix = 'new'): Promise<void> {
  await put(names(prefix, 5).map((name) => aPod(name)));
  expect(names(prefix).map((name) => world.pod(name)?.status?.phase)).toEqual(
    names(prefix).map(() => 'Running'),
  );
  expect(new Set(names(prefix).map((name) => world.pod(name)?.status?.podIP))).toEqual(new Set(FIVE));
}

describe('the address of a pod', () => {
  it('is free again when all containers have ended for good; the status keeps it', async () => {
    world = await createAgentWorld({ podCidr, programOf });
    const done = names('job');
    await put(done.map((name) => task(name)));
    const before = statuses(done);
    expect(before).toEqual(FIVE.map((address) => ['Succeeded', address]));
    await expectAllFree();
    expect(statuses(done)).toEqual(before);
  });

  it('stays free after a restart of the agent, also by the records of an agent that kept it', async () => {
    world = await createAgentWorld({ podCidr, programOf });
    const done = names('job');
    await put(done.map((name) => task(name, { containers: [called('exit-3')] })));
    for (const record of await world.records.loadPods()) expect(record.ip).toBeUndefined();
    for (const record of await world.records.loadPods()) {
      const ip = record.status?.podIP;
      await world.records.savePod(record.pod.metadata.uid ?? '', { ...record, ...(ip ? { ip } : {}) });
    }
    await world.restartAgent();
    await expectAllFree();
    await world.restartAgent();
    expect(statuses(done)).toEqual(FIVE.map((address) => ['Failed', address]));
    await put([aPod('late')]);
    expect(world.pod('late')?.status?.reason).toBe('OutOfpods');
    expect(world.running()).toHaveLength(5);
  });

  it('stays with a pod that will run again, and with a sidecar that has not ended yet', async () => {
    world = await createAgentWorld({ podCidr, programOf });
    const loops = names('loop', 2);
    await put(
      loops.map((name) => aPod(name, { containers: [called('exit-1')] })),
      15_000,
    );
    const initContainers = [{ name: 'side', image: 'x', restartPolicy: 'Always' }];
    await put([task('with-sidecar', { initContainers })], 200);
    await put(names('new').map((name) => aPod(name)));
    const addresses = [...loops, ...names('new')].map((name) => world.pod(name)?.status?.podIP);
    const given = addresses.filter((address) => address !== undefined);
    expect(new Set(given).size).toBe(given.length);
    expect(given).toHaveLength(5);
    expect(loops.map((name) => world.pod(name)?.status?.phase)).toEqual(['Running', 'Running']);
  });

  it('comes back from pods whose sandbox alone is left', async () => {
    world = await createAgentWorld({ podCidr, programOf });
    const containers = ['exit-0', 'exit-0-too'].map(called);
    await put(
      names('job').map((name) => task(name, { containers })),
      15_000,
    );
    expect(names('job').map((name) => world.pod(name)?.status?.phase)).toEqual(
      names('job').map(() => 'Succeeded'),
    );
    await expectAllFree();
  });

  it('comes back from pods that never started before their deadline', async () => {
    world = await createAgentWorld({ podCidr, programOf, pullable: (reference) => reference !== 'missing' });
    const containers = [{ name: 'main', image: 'missing' }];
    await put(
      names('job').map((name) => task(name, { containers, activeDeadlineSeconds: 10 })),
      30_000,
    );
    expect(names('job').map((name) => world.pod(name)?.status?.reason)).toEqual(
      names('job').map(() => 'DeadlineExceeded'),
    );
    await expectAllFree();
  });

  it('comes back after a failed start only when the container that was created is gone', async () => {
    world = await createAgentWorld({ podCidr, programOf });
    for (let failures = 0; failures < 50; failures += 1) world.runtime.failNext('start', 'transient');
    await put([task('job', { activeDeadlineSeconds: 10 })], 400_000);
    expect(world.pod('job')?.status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
    expect(world.pod('job')?.status?.containerStatuses?.[0]?.state).toHaveProperty('waiting');
    expect(world.runtime.snapshot()).toEqual([]);
  });

  it('is given back while the API does not take the last status of a deleted pod', async () => {
    world = await createAgentWorld({ podCidr, programOf });
    await put([aPod('old', { containers: [called('slow')] })]);
    const pod = world.pod('old');
    if (!pod) throw new Error('there is no such pod');
    const metadata = {
      ...pod.metadata,
      deletionTimestamp: '2026-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 1,
    };
    world.api.put('pods', { ...pod, metadata });
    await world.clock.advance(100);
    world.api.setAway(true);
    await world.clock.advance(60_000);
    const [record] = await world.records.loadPods();
    expect(record?.pod.metadata.name).toBe('old');
    expect(record).not.toHaveProperty('ip');
    expect(world.running()).toEqual([]);
  });
});

describe('an address that the engine has given to another container', () => {
  /** A container of somebody else has this address. */
  async function occupy(address: string): Promise<void> {
    const name = `taken-${address}`;
    const labels = { [labelKeys.cluster]: 'test', [labelKeys.node]: 'n1' };
    const sandbox = vacantSandbox({ network: { type: 'pod', network: 'symphony-test', ip: address } });
    world.runtime.images.add('busybox');
    const done = world.runtime
      .create(aContainerSpec({ name, labels, image: 'busybox' }), sandbox)
      .then((id) => world.runtime.start(id));
    await world.clock.advance(1_000);
    await done;
  }
  const several: Partial<Pod['spec']> = { containers: ['one', 'two'].map(called) };

  it.each([
    ['a pod with one container', {}],
    ['a pod with several', several],
  ])('is given up for another by %s', async (_what, spec) => {
    world = await createAgentWorld({ podCidr });
    await occupy('10.244.1.2');
    await occupy('10.244.1.3');
    await put([aPod('web', spec)], 20_000);
    expect(statuses(['web'])).toEqual([['Running', '10.244.1.4']]);
    expect(world.pod('web')?.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual(
      (spec.containers ?? ['main']).map(() => 0),
    );
    const [record] = await world.records.loadPods();
    expect(record?.ip).toBe('10.244.1.4');
  });

  it('is given up for another after a restart of the agent, too', async () => {
    world = await createAgentWorld({ podCidr });
    await occupy('10.244.1.2');
    await put([aPod('web')], 600);
    await world.restartAgent();
    await world.clock.advance(20_000);
    expect(statuses(['web'])).toEqual([['Running', '10.244.1.3']]);
  });

  it('is kept when the engine has only been late to free it', async () => {
    world = await createAgentWorld({ podCidr });
    for (let failures = 0; failures < 2; failures += 1) world.runtime.failNext('start', 'address');
    await put([aPod('web')], 20_000);
    expect(statuses(['web'])).toEqual([['Running', '10.244.1.2']]);
  });

  it('is asked for with growing pauses while all are taken', async () => {
    world = await createAgentWorld({ podCidr });
    for (const address of FIVE) await occupy(address);
    let starts = 0;
    const { ensureSandbox } = world.runtime;
    Object.defineProperty(world.runtime, 'ensureSandbox', {
      value: (...args: Parameters<typeof ensureSandbox>) => {
        starts += 1;
        return ensureSandbox(...args);
      },
    });
    await put([aPod('web', several)], 600_000);
    expect(starts).toBeGreaterThan(5);
    expect(starts).toBeLessThan(60);
    expect(world.pod('web')?.status?.phase).toBe('Pending');
  });
});

describe('how many pods a node takes', () => {
  it('is limited by the addresses of its slice, as soon as that is known', async () => {
    world = await createAgentWorld({ podCidr });
    expect(world.api.get<Node>('nodes', 'n1')?.status).toMatchObject({
      capacity: { pods: '5' },
      allocatable: { pods: '5' },
    });
  });

  it('is none before the node has a slice, and 110 at most', async () => {
    world = await createAgentWorld({ podCidr: '' });
    const pods = (): unknown => world.api.get<Node>('nodes', 'n1')?.status?.capacity?.['pods'];
    expect(pods()).toBe('0');
    const node = world.api.get<Node>('nodes', 'n1');
    if (node) world.api.put('nodes', { ...node, spec: { podCIDR: '10.244.1.0/24' } });
    await world.clock.advance(1_000);
    expect(pods()).toBe('110');
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import {
  createNodeReporter,
  type NodeReporter,
  type NodeReporterOptions,
} from '../../../src/node-agent/node/node-reporter.ts';
import { type NodeEvent, planNodeEvents } from '../../../src/node-agent/node/plan-node-events.ts';
import type { MachineUsage } from '../../../src/node-agent/node/plan-pressure.ts';
import { WHOLE_ENGINE } from '../../../src/node-agent/node/plan-share.ts';
import { createFakeRuntime } from '../../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { notFound } from '../../../src/schemas/errors/status.ts';
import type { Lease, Node } from '../../../src/schemas/types.ts';
import type { ApiClient } from '../../../src/client/types.ts';
import { type AgentFakeApi, createAgentFakeApi } from '../../support/agent-fake-api.ts';
import { type FakeClock, createFakeClock } from '../../support/fake-clock.ts';

let reporter: NodeReporter | undefined;
const events: NodeEvent[] = [];
afterEach(() => reporter?.[Symbol.asyncDispose]());

async function start(
  api: AgentFakeApi,
  clock: FakeClock,
  change: Partial<NodeReporterOptions> = {},
): Promise<void> {
  const runtime = createFakeRuntime({ clock, rng: seededRng(1), cluster: 'c', node: 'n1' });
  const made = createNodeReporter({
    client: api.client,
    runtime,
    clock,
    logger: silentLogger,
    nodeName: 'n1',
    nodeIp: '192.0.2.1',
    labels: () => ({}),
    share: WHOLE_ENGINE,
    agentVersion: 'v0',
    podCidr: () => undefined,
    volumes: { root: '/v', capacityBytes: async () => 1_000, limitProblem: async () => 'none here' },
    onNode: () => undefined,
    onRuntime: () => undefined,
    event: (_about, told) => void events.push(told),
    ...change,
  });
  reporter = made;
  const starting = made.start();
  await clock.advance(1_000);
  await starting;
}

const conditionOf = (api: AgentFakeApi, type: string): string | undefined =>
  api.get<Node>('nodes', 'n1')?.status?.conditions?.find((condition) => condition.type === type)?.status;

it('reads the node again and writes at once when somebody else has written it in between', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  let others = 3;
  const client: ApiClient = {
    ...api.client,
    async update(resource, object, subresource) {
      if (resource.plural === 'nodes' && others > 0) {
        others -= 1;
        const node = api.get<Node>('nodes', 'n1');
        if (node) api.put('nodes', { ...node, spec: { ...node.spec, podCIDR: `10.0.${others}.0/24` } });
      }
      return api.client.update(resource, object, subresource);
    },
  };
  await start(api, clock, { client });
  expect(conditionOf(api, 'Ready')).toBe('True');
  expect(api.get<Node>('nodes', 'n1')?.spec.podCIDR).toBe('10.0.0.0/24');
  expect(api.writes.filter((write) => write.startsWith('update nodes/status'))).toHaveLength(1);
});

it('writes no status at a beat that has no news, also where no image is there to be listed', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  const client: ApiClient = {
    ...api.client,
    // As the API stores it: without empty lists.
    update: (resource, object, subresource) =>
      api.client.update(resource, JSON.parse(JSON.stringify(object, withoutEmptyLists)), subresource),
  };
  await start(api, clock, { client });
  await clock.advance(60_000);
  expect(api.writes.filter((write) => write.startsWith('update nodes/status'))).toHaveLength(1);
  expect(api.writes.filter((write) => write.startsWith('patch leases')).length).toBeGreaterThanOrEqual(5);
});

it('reads a node that its watch shows only where that is old, and makes it anew where it is gone', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  let reads = 0;
  const watch: { shown?: Node | undefined } = {};
  const client: ApiClient = {
    ...api.client,
    get(resource, namespace, name) {
      if (resource.plural === 'nodes') reads += 1;
      return api.client.get(resource, namespace, name);
    },
  };
  await start(api, clock, { client, node: () => watch.shown });
  const atStart = reads;
  watch.shown = api.get<Node>('nodes', 'n1');
  await clock.advance(60_000);
  expect(reads).toBe(atStart);
  // Five minutes after the last status it is written in any case: what the watch shows is by then
  // of the past.
  const { shown } = watch;
  if (shown) api.put('nodes', { ...shown, spec: { ...shown.spec, unschedulable: true } });
  await clock.advance(300_000);
  expect(reads).toBeGreaterThan(atStart);
  expect(api.get<Node>('nodes', 'n1')?.spec.unschedulable).toBe(true);
  api.remove('nodes', 'n1');
  await clock.advance(320_000);
  expect(conditionOf(api, 'Ready')).toBe('True');
});

function withoutEmptyLists(_: string, value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? undefined : value;
}

it('says that the node is reported once the control plane shows it as Ready, however late that is', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  let away = true;
  const client: ApiClient = {
    ...api.client,
    async create(resource, object, subresource) {
      if (away) throw new Error('connect ECONNREFUSED');
      return api.client.create(resource, object, subresource);
    },
  };
  await start(api, clock, { client });
  let ready: string | undefined = 'not reported';
  void reporter?.reported.then(() => {
    ready = conditionOf(api, 'Ready');
  });
  await clock.advance(5_000);
  expect(ready).toBe('not reported');
  away = false;
  await clock.advance(5_000);
  expect(ready).toBe('True');
});

it('reports what the machine is short of, and no longer than five minutes after it was', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  let available = 50 * 1024 ** 2;
  const readUsage = async (): Promise<MachineUsage> => ({
    memoryAvailableBytes: available,
    nodeFs: { freeBytes: 50, totalBytes: 100, freeInodes: 50, totalInodes: 100 },
    imageFs: undefined,
  });
  await start(api, clock, { readUsage });
  expect(conditionOf(api, 'MemoryPressure')).toBe('True');
  expect(conditionOf(api, 'DiskPressure')).toBe('False');
  available = 1024 ** 3;
  await clock.advance(60_000);
  expect(conditionOf(api, 'MemoryPressure')).toBe('True');
  await clock.advance(300_000);
  expect(conditionOf(api, 'MemoryPressure')).toBe('False');
});

it('reports no pressure when the machine cannot be read', async () => {
  const api = createAgentFakeApi();
  await start(api, createFakeClock(), { readUsage: () => Promise.reject(new Error('EACCES')) });
  expect(conditionOf(api, 'MemoryPressure')).toBe('False');
  expect(conditionOf(api, 'Ready')).toBe('True');
});

it('gives the lease to the node, also to one that was made anew', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  await start(api, clock);
  const owners = (): unknown => api.get<Lease>('leases', 'kube-node-lease/n1')?.metadata.ownerReferences;
  const uidOf = (): string | undefined => api.get<Node>('nodes', 'n1')?.metadata.uid;
  const first = uidOf();
  expect(owners()).toEqual([{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: first }]);
  api.remove('nodes', 'n1');
  await clock.advance(15_000);
  expect(uidOf()).not.toBe(first);
  expect(owners()).toEqual([{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: uidOf() }]);
});

it('pauses between its tries to make a lease whose namespace is missing', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  let tries = 0;
  const client: ApiClient = {
    ...api.client,
    async create(resource, object, subresource) {
      if (resource.plural === 'leases') {
        tries += 1;
        // An agent that does not pause would never let this test go on.
        if (tries <= 50) throw notFound({ group: '', plural: 'namespaces' }, 'kube-node-lease');
      }
      return api.client.create(resource, object, subresource);
    },
  };
  await start(api, clock, { client });
  expect(tries).toBe(1);
  await clock.advance(10_000);
  expect(tries).toBeGreaterThan(3);
  expect(tries).toBeLessThan(8);
});

it('asks for the node after a failure: the watch that shows it may be dead, too', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  const watch: { shown?: Node | undefined } = {};
  await start(api, clock, { node: () => watch.shown });
  watch.shown = api.get<Node>('nodes', 'n1');
  await clock.advance(20_000);
  api.setAway(true);
  await clock.advance(60_000);
  api.setAway(false);
  const node = api.get<Node>('nodes', 'n1');
  if (!node) throw new Error('The node is not registered');
  const conditions = (node.status?.conditions ?? []).map((one) => ({ ...one, status: 'Unknown' }));
  api.put('nodes', { ...node, status: { ...node.status, conditions } });
  await clock.advance(15_000);
  expect(conditionOf(api, 'Ready')).toBe('True');
});

describe('confirming that the node is alive', () => {
  const leases = (api: AgentFakeApi): number => api.writes.filter((write) => / leases /.test(write)).length;

  it('renews a lease that is old, once for all that ask, and no other', async () => {
    const api = createAgentFakeApi();
    const clock = createFakeClock();
    await start(api, clock);
    const first = leases(api);
    await reporter?.confirm();
    expect(leases(api)).toBe(first);
    api.setAway(true);
    await clock.advance(60_000);
    await expect(reporter?.confirm()).rejects.toThrow('away');
    api.setAway(false);
    await reporter?.confirm();
    await reporter?.confirm();
    expect(leases(api)).toBe(first + 1);
  });

  it('takes a lease for old sooner while there is no tunnel', async () => {
    const api = createAgentFakeApi();
    const clock = createFakeClock();
    await start(api, clock);
    reporter?.setTunnel(false);
    api.setAway(true);
    await clock.advance(3_000);
    await expect(reporter?.confirm()).rejects.toThrow('away');
  });

  it('registers a node first that the control plane has forgotten', async () => {
    const api = createAgentFakeApi();
    const clock = createFakeClock();
    await start(api, clock);
    api.setAway(true);
    await clock.advance(60_000);
    api.wipe();
    api.setAway(false);
    await expect(reporter?.confirm()).rejects.toBeInstanceOf(TransientError);
    await reporter?.confirm();
    expect(conditionOf(api, 'Ready')).toBe('True');
  });
});

describe('an agent whose Lease the control plane renews', () => {
  const leases = (api: AgentFakeApi): number => api.writes.filter((write) => / leases /.test(write)).length;
  /** Time passes in which pings tell of renewals, each some seconds old. */
  async function told(clock: FakeClock, seconds: number, ageMs = 5_000): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      reporter?.setRenewed(clock.now() - ageMs);
      await clock.advance(1_000);
    }
  }
  let api: AgentFakeApi;
  let clock: FakeClock;
  let first: number;
  beforeEach(async () => {
    api = createAgentFakeApi();
    clock = createFakeClock();
    // The state that the watch of the node shows.
    await start(api, clock, { node: () => api.get<Node>('nodes', 'n1') });
    reporter?.setTunnel(true);
    first = leases(api);
  });

  it('does not renew it, neither at a beat nor before it reports', async () => {
    await told(clock, 120);
    await reporter?.confirm();
    expect(leases(api)).toBe(first);
  });

  it('renews it within its duration where nobody tells of renewals, or of old ones only', async () => {
    await clock.advance(60_000);
    expect(leases(api) - first).toBeGreaterThanOrEqual(2);
    const before = leases(api);
    await told(clock, 60, 50_000);
    expect(leases(api) - before).toBeGreaterThanOrEqual(2);
  });

  it('renews it every second once its tunnel is broken, and before its next report then', async () => {
    await told(clock, 30);
    reporter?.setTunnel(false);
    await clock.advance(10_000);
    expect(leases(api) - first).toBeGreaterThanOrEqual(8);
    api.setAway(true);
    await clock.advance(5_000);
    api.setAway(false);
    reporter?.setTunnel(true);
    const before = leases(api);
    await reporter?.confirm();
    expect(leases(api)).toBe(before + 1);
  });

  it('renews it where the clock was set back since it was told', async () => {
    reporter?.setRenewed(clock.now() + 3_600_000);
    await clock.advance(40_000);
    expect(leases(api)).toBeGreaterThan(first);
  });

  it('gives it to its node when that was made anew', async () => {
    await told(clock, 30);
    const node = api.get<Node>('nodes', 'n1');
    if (!node) throw new Error('The node is not registered');
    api.put('nodes', { ...node, metadata: { ...node.metadata, uid: 'another' } });
    await told(clock, 15);
    const { ownerReferences } = api.get<Lease>('leases', 'kube-node-lease/n1')?.metadata ?? {};
    expect(ownerReferences?.map(({ uid }) => uid)).toEqual(['another']);
  });

  it('makes it anew where it was deleted', async () => {
    await told(clock, 30);
    api.remove('leases', 'kube-node-lease/n1');
    await told(clock, 30, 0xffff_ffff);
    expect(api.get<Lease>('leases', 'kube-node-lease/n1')).toBeDefined();
  });
});

it('keeps what others say that the node has, and lets all of it be used', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  await start(api, clock);
  const node = api.get<Node>('nodes', 'n1');
  if (!node) throw new Error('The node is not registered');
  const capacity = {
    ...node.status?.capacity,
    'example.com/dongle': '3',
    'hugepages-2Mi': '1Gi',
    cpu: '999',
  };
  api.put('nodes', { ...node, status: { ...node.status, capacity } });
  await clock.advance(60_000);
  const status = api.get<Node>('nodes', 'n1')?.status;
  expect(status?.capacity).toEqual({ ...node.status?.capacity, 'example.com/dongle': '3' });
  expect(status?.allocatable).toEqual(status?.capacity);
});

it('says at once what it has after a restart with another number of nodes on its engine', async () => {
  const api = createAgentFakeApi();
  const clock = createFakeClock();
  const cpus: unknown[] = [];
  for (const count of [1, 3, 2]) {
    await start(api, clock, { share: { index: 0, count } });
    const { capacity, allocatable } = api.get<Node>('nodes', 'n1')?.status ?? {};
    expect(allocatable).toEqual(capacity);
    cpus.push(capacity?.['cpu']);
    await reporter?.[Symbol.asyncDispose]();
  }
  expect(cpus).toEqual(['32', '10666m', '16']);
});

describe('events of a node', () => {
  it('tell its start, its state, and each change of it once', async () => {
    const api = createAgentFakeApi();
    const clock = createFakeClock();
    events.length = 0;
    let memoryAvailableBytes = 1e9;
    const readUsage = async (): Promise<MachineUsage> => ({
      memoryAvailableBytes,
      nodeFs: undefined,
      imageFs: undefined,
    });
    await start(api, clock, { readUsage });
    expect(events.map(({ reason }) => reason)).toEqual([
      'Starting',
      'NodeHasSufficientMemory',
      'NodeHasNoDiskPressure',
      'NodeHasSufficientPID',
      'NodeReady',
    ]);
    events.length = 0;
    memoryAvailableBytes = 1;
    await clock.advance(40_000);
    expect(events).toEqual([
      {
        type: 'Normal',
        reason: 'NodeHasInsufficientMemory',
        message: 'Node n1 status is now: NodeHasInsufficientMemory',
      },
    ]);
  });

  it('tell that the machine was started anew, and that the engine is away', () => {
    const node = (bootID: string, status: string): Node =>
      ({
        metadata: { name: 'n1' },
        status: { nodeInfo: { bootID }, conditions: [{ type: 'Ready', status }] },
      }) as unknown as Node;
    expect(planNodeEvents(node('a', 'True'), node('b', 'False'))).toEqual([
      { type: 'Warning', reason: 'Rebooted', message: 'Node n1 has been rebooted, boot id: b' },
      { type: 'Normal', reason: 'NodeNotReady', message: 'Node n1 status is now: NodeNotReady' },
    ]);
    expect(planNodeEvents(node('', 'True'), node('b', 'True'))).toEqual([]);
  });
});

describe('the network of the host', () => {
  const ANNOTATION = 'symphony.dev/pod-network';
  const nodeOf = (api: AgentFakeApi): Node => api.get<Node>('nodes', 'n1')!;
  const networkEvents = (): readonly string[] =>
    events
      .filter(({ reason }) => reason.startsWith('PodNetwork'))
      .map(({ reason, message }) => `${reason} ${message}`);

  it('is shown on the node, and told when it changes', async () => {
    events.length = 0;
    const api = createAgentFakeApi();
    const clock = createFakeClock();
    let trouble: { readonly message: string; readonly isCutOff: boolean } | undefined;
    await start(api, clock, { hostNetwork: () => trouble });
    expect(nodeOf(api).metadata.annotations?.[ANNOTATION]).toBe('ready');
    trouble = { message: 'no nft', isCutOff: false };
    await clock.advance(30_000);
    expect(nodeOf(api).metadata.annotations?.[ANNOTATION]).toBe('no nft');
    expect(conditionOf(api, 'NetworkUnavailable')).toBeUndefined();
    trouble = { message: 'on an island', isCutOff: true };
    await clock.advance(30_000);
    expect(conditionOf(api, 'NetworkUnavailable')).toBe('True');
    trouble = undefined;
    await clock.advance(30_000);
    expect(conditionOf(api, 'NetworkUnavailable')).toBe('False');
    expect(networkEvents()).toEqual([
      'PodNetworkLimited no nft',
      'PodNetworkLimited on an island',
      'PodNetworkReady Pods reach pods of all other hosts',
    ]);
  });

  it('is told of at each start while something is wrong with it', async () => {
    events.length = 0;
    const api = createAgentFakeApi();
    const hostNetwork = () => ({ message: 'no nft', isCutOff: false });
    await start(api, createFakeClock(), { hostNetwork });
    await reporter?.[Symbol.asyncDispose]();
    await start(api, createFakeClock(), { hostNetwork });
    expect(networkEvents()).toEqual(['PodNetworkLimited no nft', 'PodNetworkLimited no nft']);
  });

  it('is not shown where nobody knows of one', async () => {
    const api = createAgentFakeApi();
    await start(api, createFakeClock());
    expect(nodeOf(api).metadata.annotations).not.toHaveProperty([ANNOTATION]);
  });
});

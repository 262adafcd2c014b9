import { afterEach, describe, expect, it, vi } from 'vitest';
import { failure } from '../../src/schemas/errors/status.ts';
import type { Event, Lease, Node, Pod } from '../../src/schemas/types.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../support/agent-world.ts';

let world: AgentWorld;
afterEach(() => world[Symbol.asyncDispose]());

const remove = (pod: Pod, graceSeconds = 30): Pod => ({
  ...pod,
  metadata: {
    ...pod.metadata,
    deletionTimestamp: '2026-01-01T00:00:00Z',
    deletionGracePeriodSeconds: graceSeconds,
  },
});
const readiness = (pod: Pod | undefined): string | undefined =>
  pod?.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;

describe('node agent', () => {
  it('registers its node, says that it is ready, and renews its lease', async () => {
    world = await createAgentWorld();
    const node = world.api.get<Node>('nodes', 'n1');
    expect(node?.metadata.labels?.['kubernetes.io/hostname']).toBe('n1');
    expect(node?.status?.capacity).toMatchObject({ pods: '110' });
    expect(node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    const before = world.api.get<Lease>('leases', 'kube-node-lease/n1')?.spec.renewTime;
    await world.clock.advance(15_000);
    const after = world.api.get<Lease>('leases', 'kube-node-lease/n1')?.spec.renewTime;
    expect(String(after) > String(before)).toBe(true);
  });

  it('runs a pod and reports it Running and Ready with an address of the node', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const pod = world.pod('web');
    expect(pod?.status).toMatchObject({
      phase: 'Running',
      podIP: '10.244.1.2',
      hostIP: '192.0.2.1',
      qosClass: 'BestEffort',
    });
    expect(readiness(pod)).toBe('True');
    expect(pod?.status?.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      restartCount: 0,
    });
    expect(world.running()).toEqual(['k8s_main_web_default_uid-of-web_0']);
    expect(world.api.list('events').map((event) => event['reason'])).toEqual(
      expect.arrayContaining(['Created', 'Started']),
    );
  });

  it('renews its lease before it takes back that its pods are not ready', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    world.api.setAway(true);
    await world.clock.advance(60_000);
    const pod = world.pod('web');
    const conditions = (pod?.status?.conditions ?? []).map((one) =>
      one.type === 'Ready' ? { ...one, status: 'False' as const } : one,
    );
    world.api.put('pods', { ...aPod('web'), ...pod, status: { ...pod?.status, conditions } });
    const { length } = world.api.writes;
    world.api.setAway(false);
    await world.clock.advance(10_000);
    expect(readiness(world.pod('web'))).toBe('True');
    const writes = world.api.writes.slice(length).filter((write) => !write.includes(' events '));
    const [lease, status] = [/ leases /, / pods\/status /].map((what) =>
      writes.findIndex((write) => what.test(write)),
    );
    expect(lease).toBeGreaterThanOrEqual(0);
    expect(lease).toBeLessThan(status ?? -1);
  });

  it('looks once at a container that it starts', async () => {
    world = await createAgentWorld();
    const looks = vi.spyOn(world.runtime, 'inspect');
    const names = Array.from({ length: 10 }, (_, index) => `web-${index}`);
    for (const name of names) world.api.put('pods', aPod(name));
    await world.clock.advance(5_000);
    expect(names.map((name) => world.pod(name)?.status?.phase)).toEqual(names.map(() => 'Running'));
    expect(looks).toHaveBeenCalledTimes(names.length);
  });

  it('tells of twenty pods that start together, and of their end, in a few requests', async () => {
    world = await createAgentWorld();
    const names = Array.from({ length: 20 }, (_, index) => `web-${index}`);
    const { client } = world.api;
    const calls = (['report', 'create', 'update', 'get', 'list', 'clusterState'] as const).map((method) =>
      vi.spyOn(client, method),
    );
    for (const name of names) world.api.put('pods', aPod(name));
    await world.clock.advance(2_000);
    expect(names.map((name) => world.pod(name)?.status?.phase)).toEqual(names.map(() => 'Running'));
    const started = world.api.list<Event>('events').filter(({ reason }) => reason === 'Started');
    expect(started).toHaveLength(names.length);
    for (const name of names) world.api.remove('pods', `default/${name}`);
    await world.clock.advance(2_000);
    expect(world.running()).toEqual([]);
    const total = calls.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    expect(total).toBeLessThan(names.length);
  });

  it('restarts a crashed container at once, then backs off', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const crash = async (waitMs: number): Promise<Pod['status']> => {
      const live = world.runtime.snapshot().find((record) => record.phase === 'running');
      world.runtime.crash(live?.id ?? '', 3);
      await world.clock.advance(waitMs);
      return world.pod('web')?.status;
    };
    expect((await crash(2_000))?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      state: { running: {} },
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    expect((await crash(2_000))?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      ready: false,
      state: {
        waiting: {
          reason: 'CrashLoopBackOff',
          message: 'back-off 10s restarting failed container=main pod=web_default(uid-of-web)',
        },
      },
    });
    await world.clock.advance(10_000);
    expect(world.pod('web')?.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 2 });
    // The running attempt and the one before it.
    expect(world.runtime.snapshot()).toHaveLength(2);
  });

  it('takes over running containers after its own restart without touching them', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web', { initContainers: [{ name: 'init', image: 'busybox' }] }));
    world.api.put('pods', aPod('other'));
    await world.clock.advance(3_000);
    world.runtime.crash(
      world.runtime.snapshot().find((record) => record.name.includes('k8s_init'))?.id ?? '',
      0,
    );
    await world.clock.advance(5_000);
    const before = world.runtime.snapshot().map(({ id, startedAtMs }) => ({ id, startedAtMs }));
    expect(world.running()).toHaveLength(3);
    await world.restartAgent();
    await world.clock.advance(120_000);
    expect(world.runtime.snapshot().map(({ id, startedAtMs }) => ({ id, startedAtMs }))).toEqual(before);
    expect(readiness(world.pod('web'))).toBe('True');
  });

  it('stops a deleted pod and then removes its object', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const pod = world.pod('web');
    if (pod) world.api.put('pods', remove(pod));
    await world.clock.advance(60_000);
    expect(world.pod('web')).toBeUndefined();
    expect(world.runtime.snapshot()).toEqual([]);
    expect(world.api.list('events').map((event) => event['message'])).toContain('Stopping container main');
  });

  it('writes down what the control plane has changed of a pod, as its proof covers it', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const pod = world.pod('web');
    if (!pod) throw new Error('there is no pod');
    const metadata = { ...pod.metadata, annotations: { 'symphony.dev/placement-proof': 'v1.new' } };
    world.api.put('pods', { ...pod, metadata });
    await world.clock.advance(5_000);
    const [record] = await world.records.loadPods();
    expect(record?.pod.metadata.annotations).toEqual(metadata.annotations);
  });

  it('goes on without the control plane', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    world.api.setAway(true);
    world.runtime.crash(world.runtime.snapshot()[0]?.id ?? '', 1);
    await world.clock.advance(30_000);
    expect(world.running()).toEqual(['k8s_main_web_default_uid-of-web_1']);
    await world.restartAgent();
    await world.clock.advance(30_000);
    expect(world.running()).toEqual(['k8s_main_web_default_uid-of-web_1']);
    world.api.setAway(false);
    await world.clock.advance(60_000);
    expect(world.pod('web')?.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1 });
  });

  it('stops nothing when the control plane has lost its data, but tells it what runs', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const before = world.runtime.snapshot();
    world.api.wipe();
    world.api.cluster = { epoch: 'e2', phase: 'rebuilding' };
    world.api.setAway(true);
    world.api.setAway(false);
    await world.restartAgent();
    await world.clock.advance(60_000);
    expect(world.api.restored).toHaveLength(1);
    world.api.cluster = { epoch: 'e2', phase: 'normal' };
    await world.clock.advance(60_000);
    expect(world.runtime.snapshot()).toEqual(before);
    expect(readiness(world.pod('web'))).toBe('True');
    expect(world.api.get<Node>('nodes', 'n1')?.spec.podCIDR).toBe('10.244.1.0/24');
  });

  it.each([
    ['keeps what runs where the control plane waits for its report', false],
    ['ends what runs where the control plane no longer waits for its report', true],
  ])('that was away during a rebuild %s', async (_, isRefused) => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    const before = world.runtime.snapshot();
    world.api.wipe();
    world.api.cluster = { epoch: 'e2', phase: 'normal' };
    const { client } = world.api;
    if (isRefused)
      vi.spyOn(client, 'restorePods').mockImplementation(async () => {
        throw failure(409, 'Conflict', 'the cluster is not being rebuilt');
      });
    world.api.setAway(true);
    world.api.setAway(false);
    await world.restartAgent();
    await world.clock.advance(120_000);
    if (isRefused) expect(world.running()).toEqual([]);
    else expect(world.runtime.snapshot()).toEqual(before);
    expect(world.api.get<Node>('nodes', 'n1')).toBeDefined();
  });

  it('brings its other pods back where one is larger than the control plane takes', async () => {
    world = await createAgentWorld();
    const env = [{ name: 'LARGE', value: 'x'.repeat(100_000) }];
    world.api.put('pods', aPod('large', { containers: [{ name: 'main', image: 'busybox', env }] }));
    for (const name of ['a', 'b']) world.api.put('pods', aPod(name));
    await world.clock.advance(5_000);
    world.api.wipe();
    world.api.cluster = { epoch: 'e2', phase: 'rebuilding' };
    const { client } = world.api;
    const restore = client.restorePods.bind(client);
    vi.spyOn(client, 'restorePods').mockImplementation(async (node, pods) => {
      if (JSON.stringify(pods).length < 100_000) return restore(node, pods);
      throw failure(413, 'RequestEntityTooLarge', 'Request entity too large');
    });
    await world.restartAgent();
    await world.clock.advance(60_000);
    const names = world.api.list('pods').map(({ metadata }) => metadata.name);
    expect(names.sort()).toEqual(['a', 'b']);
    expect(world.api.get<Node>('nodes', 'n1')).toBeDefined();
  });

  it('ends a pod that a complete list of the same epoch lacks', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    world.api.remove('pods', 'default/web');
    await world.clock.advance(60_000);
    expect(world.runtime.snapshot()).toEqual([]);
  });

  it('refuses a pod that does not fit, in the words of kubelet', async () => {
    world = await createAgentWorld({ info: { cpus: 2 } });
    world.api.put(
      'pods',
      aPod('big', { containers: [{ name: 'main', image: 'x', resources: { requests: { cpu: '3' } } }] }),
    );
    await world.clock.advance(5_000);
    expect(world.pod('big')?.status).toMatchObject({
      phase: 'Failed',
      reason: 'OutOfcpu',
      message:
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000",
    });
    expect(world.runtime.snapshot()).toEqual([]);
  });

  it('writes nothing while nothing changes', async () => {
    world = await createAgentWorld();
    world.api.put('pods', aPod('web'));
    await world.clock.advance(60_000);
    const writes = world.api.writes.length;
    await world.clock.advance(100_000);
    expect(world.api.writes.slice(writes).filter((write) => !write.includes('leases'))).toEqual([]);
  });
});

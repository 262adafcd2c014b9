import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeLifecycle } from '../../../src/controllers/node-lifecycle/node-lifecycle-controller.ts';
import { silentAtMs } from '../../../src/controllers/node-lifecycle/plan-node-health.ts';
import { runController } from '../../../src/controllers/run-controller.ts';
import type { Node } from '../../../src/schemas/types.ts';
import { aNode } from '../../support/builders.ts';
import { startTestCluster } from '../../support/cluster.ts';

describe('silentAtMs', () => {
  const limits = { gracePeriodMs: 4_000, leaseGracePeriodMs: 40_000, couldHearSinceMs: 0 };
  const sighting = { uid: 'u', renewTime: '', heartbeat: '', atMs: 1_000 };

  it.each([
    ['a node without a tunnel by its Lease', {}, {}, 41_000],
    ['a node with a tunnel by its tunnel', { heardAtMs: 9_000 }, {}, 13_000],
    ['the later sign of both', { heardAtMs: 500 }, {}, 5_000],
    ['no silence before we listened', { heardAtMs: 9_000 }, { couldHearSinceMs: 20_000 }, 24_000],
  ] as const)('judges by %s', (_, heard, since, expected) => {
    expect(silentAtMs({ ...sighting, ...heard }, { ...limits, ...since })).toBe(expected);
  });
});

describe('agents that are heard over their tunnels', () => {
  const ages = new Map<string, number>();
  let cluster: Awaited<ReturnType<typeof startTestCluster>>;
  let running: AsyncDisposable;
  let shiftMs: number;
  beforeEach(async () => {
    ages.clear();
    shiftMs = 0;
    cluster = await startTestCluster({ nodeHealth: { gracePeriodMs: 1_000_000_000 } });
    const controller = nodeLifecycle({ gracePeriodMs: 4_000, heartbeats: async () => ages });
    const clock = { ...cluster.clock, now: () => cluster.clock.now() + shiftMs };
    running = await runController(controller, { ...cluster.context, clock });
    for (const name of ['n1', 'n2']) await cluster.objects.create(aNode({ name }));
    await cluster.clock.advance(1_000);
  });
  afterEach(async () => {
    await running[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });
  const readiness = async (name: string): Promise<string | undefined> => {
    const node = (await cluster.store.get('nodes', name)) as Node;
    return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  };
  /** Time passes in ticks, in which the agents of these nodes are heard. */
  async function pass(seconds: number, heard: readonly string[]): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      for (const [name, age] of ages) ages.set(name, age + 1_000);
      for (const name of heard) ages.set(name, 0);
      await cluster.clock.advance(1_000);
    }
  }

  it('stay ready without a renewed Lease, and are lost soon after their last sign', async () => {
    await pass(60, ['n1', 'n2']);
    expect([await readiness('n1'), await readiness('n2')]).toEqual(['True', 'True']);
    await pass(7, ['n2']);
    expect([await readiness('n1'), await readiness('n2')]).toEqual(['Unknown', 'True']);
  });

  it('get a full grace period when this process was held up', async () => {
    await pass(10, ['n1', 'n2']);
    for (const name of ages.keys()) ages.set(name, 30_000);
    shiftMs = 30_000;
    await cluster.clock.advance(1_500);
    expect(await readiness('n1')).toBe('True');
  });

  it('leave others, which have no tunnel, to their Leases', async () => {
    await pass(30, ['n1']);
    expect([await readiness('n1'), await readiness('n2')]).toEqual(['True', 'True']);
    await pass(15, ['n1']);
    expect([await readiness('n1'), await readiness('n2')]).toEqual(['True', 'Unknown']);
  });

  it('a node that is not ready gets its taint soon after the brakes are released', async () => {
    const report = async (name: string, ready: boolean): Promise<void> => {
      await cluster.objects.update(aNode({ name, ready }), { subresource: 'status' });
    };
    const effects = async (): Promise<readonly string[]> =>
      ((await cluster.store.get('nodes', 'n1')) as Node).spec.taints?.map(({ effect }) => effect) ?? [];
    await report('n2', false);
    await pass(5, ['n1', 'n2']);
    await report('n1', false);
    await pass(5, ['n1', 'n2']);
    const braked = await effects();
    await report('n2', true);
    await pass(5, ['n1', 'n2']);
    expect([braked, await effects()]).toEqual([['NoSchedule'], ['NoSchedule', 'NoExecute']]);
  });
});

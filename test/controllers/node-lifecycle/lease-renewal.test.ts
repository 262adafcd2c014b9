import { afterEach, beforeEach, expect, it } from 'vitest';
import { toRfc3339Micro } from '../../../src/base/clock.ts';
import { leaseKind } from '../../../src/schemas/kinds/lease.ts';
import type { Lease, Node } from '../../../src/schemas/types.ts';
import type { StoreOp } from '../../../src/store/types.ts';
import { aLease, aNode } from '../../support/builders.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

const LEASES = 'leases.coordination.k8s.io';
const NAMES = ['n1', 'n2', 'n3'];
/** When each agent was last heard. */
const heardAtMs = new Map<string, number>();
let cluster: TestCluster;
/** The Leases that each commit wrote. */
let commits: (readonly string[])[];

beforeEach(async () => {
  heardAtMs.clear();
  commits = [];
  const note = (ops: readonly StoreOp[]): void => {
    const keys = ops.flatMap((op) => (op.resource === LEASES && op.type === 'update' ? [op.key] : []));
    if (keys.length > 0) commits.push(keys);
  };
  cluster = await startTestCluster({
    nodeHealth: {
      gracePeriodMs: 4_000,
      heartbeats: async () =>
        new Map([...heardAtMs].map(([name, atMs]) => [name, cluster.clock.now() - atMs])),
    },
    wrapStore: (store) => ({
      ...store,
      commit(ops, options) {
        note(ops);
        return store.commit(ops, options);
      },
    }),
  });
  for (const name of NAMES) {
    await cluster.objects.create(aNode({ name }));
    await cluster.objects.create(aLease({ name, renewTime: toRfc3339Micro(cluster.clock.now()) }));
  }
  commits = [];
});
afterEach(() => cluster[Symbol.asyncDispose]());

/** Time passes in which these agents are heard every second. */
async function pass(seconds: number, names: readonly string[]): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    for (const name of names) heardAtMs.set(name, cluster.clock.now());
    await cluster.clock.advance(1_000);
  }
}
const leaseOf = async (name: string): Promise<Lease> =>
  (await cluster.store.get(LEASES, `kube-node-lease/${name}`)) as Lease;
const renewTimeOf = async (name: string): Promise<number> =>
  Date.parse((await leaseOf(name)).spec.renewTime ?? '');
const readinessOf = async (name: string): Promise<string | undefined> =>
  ((await cluster.store.get('nodes', name)) as Node).status?.conditions?.find(({ type }) => type === 'Ready')
    ?.status;

it('renews the Leases of all agents that are heard in one commit every ten seconds', async () => {
  await pass(60, NAMES);
  expect(commits.length).toBeGreaterThanOrEqual(5);
  expect(commits.length).toBeLessThanOrEqual(7);
  for (const keys of commits) expect(keys).toHaveLength(NAMES.length);
  const { spec } = await leaseOf('n1');
  expect(spec).toMatchObject({ holderIdentity: 'n1', leaseDurationSeconds: 40 });
  expect(cluster.clock.now() - (await renewTimeOf('n1'))).toBeLessThanOrEqual(11_000);
});

it('says of no agent that it was heard later than it was, and is no sign of life', async () => {
  await pass(22, NAMES);
  const lastMs = heardAtMs.get('n1') ?? 0;
  const beforeMs = await renewTimeOf('n1');
  await pass(7, ['n2', 'n3']);
  expect(await readinessOf('n1')).toBe('Unknown');
  // The renewal that was due comes after the node was lost.
  await pass(20, ['n2', 'n3']);
  expect([beforeMs, lastMs]).toContain(await renewTimeOf('n1'));
  expect([await readinessOf('n1'), await readinessOf('n2')]).toEqual(['Unknown', 'True']);
});

it('does not undo the renewal of an agent whose tunnel is broken', async () => {
  await pass(12, NAMES);
  const agentsMs = cluster.clock.now() + 500;
  for (let second = 0; second < 15; second += 1) {
    await pass(1, ['n2', 'n3']);
    const lease = await leaseOf('n1');
    const renewTime = toRfc3339Micro(cluster.clock.now());
    await cluster.objects.update({ ...lease, spec: { ...lease.spec, renewTime } });
    expect(await renewTimeOf('n1')).toBeGreaterThanOrEqual(agentsMs + second * 1_000);
  }
  expect(await readinessOf('n1')).toBe('True');
});

it('leaves a deleted Lease to its agent, and renews the others', async () => {
  await pass(12, NAMES);
  await cluster.objects.delete(leaseKind, 'kube-node-lease/n1');
  commits = [];
  await pass(11, NAMES);
  expect(commits).toEqual([['kube-node-lease/n2', 'kube-node-lease/n3']]);
});

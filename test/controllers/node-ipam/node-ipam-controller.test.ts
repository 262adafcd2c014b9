import { afterEach, expect, it } from 'vitest';
import { nodeKind } from '../../../src/schemas/kinds/node/kind.ts';
import type { Node } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/builders.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster[Symbol.asyncDispose]());

/** Slices for three nodes. */
const podNetwork = { clusterCidr: '10.0.0.0/22', nodePrefix: 24 };
const start = async (): Promise<void> => {
  cluster = await startTestCluster({ podNetwork });
};
const node = async (name: string): Promise<Node | undefined> =>
  (await cluster.store.list('nodes')).objects.find(({ metadata }) => metadata.name === name) as
    | Node
    | undefined;
const slice = async (name: string): Promise<string | undefined> => (await node(name))?.spec.podCIDR;
const network = async (name: string): Promise<unknown[]> =>
  ((await node(name))?.status?.conditions ?? [])
    .filter(({ type }) => type === 'NetworkUnavailable')
    .map(({ status, reason }) => [status, reason]);

async function join(names: readonly string[], spec: Node['spec'] = {}): Promise<void> {
  for (const name of names) {
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec });
  }
  await cluster.clock.advance(5_000);
}

async function leave(name: string): Promise<void> {
  await cluster.objects.delete(nodeKind, name);
  await cluster.clock.advance(1_000);
}

it('says on the node that no addresses are left, keeps pods away, and takes it back', async () => {
  await start();
  await join(['a', 'b', 'c', 'd']);
  expect(await slice('d')).toBeUndefined();
  expect(await network('d')).toEqual([['True', 'CIDRNotAvailable']]);
  const short = await node('d');
  expect(short?.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable')?.message).toBe(
    'no addresses are left for pods of this node: all 3 slices of /24 in 10.0.0.0/22 are taken (--cluster-cidr, --node-cidr-mask-size)',
  );
  expect(short?.spec.taints).toContainEqual(
    expect.objectContaining({ key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' }),
  );
  const events = (await cluster.store.list('events')).objects;
  expect(events.filter((event) => event['reason'] === 'CIDRNotAvailable')).toHaveLength(1);
  await leave('b');
  await cluster.clock.advance(5_000);
  expect([await slice('d'), await network('d'), await network('a')]).toEqual([
    '10.0.2.0/24',
    [['False', 'CIDRAvailable']],
    [],
  ]);
  expect((await node('d'))?.spec.taints ?? []).not.toContainEqual(
    expect.objectContaining({ key: 'node.kubernetes.io/network-unavailable' }),
  );
});

it('gives the slice of a node that is gone away only when its pods are gone, too', async () => {
  await start();
  await join(['a', 'b', 'c']);
  // This one has not said its address yet.
  await cluster.objects.create(aPod({ name: 'left', node: 'b' }));
  await leave('b');
  await join(['d']);
  expect([await slice('d'), await network('d')]).toEqual([undefined, [['True', 'CIDRNotAvailable']]]);
  // The collector of pods waits for 40 s, and then deletes the pod.
  await cluster.clock.advance(120_000);
  expect((await cluster.store.list('pods')).objects).toEqual([]);
  expect(await slice('d')).toBe('10.0.2.0/24');
});

it('says so when a node brings back a slice that another one got', async () => {
  await start();
  await join(['a']);
  await cluster.clock.advance(2_000);
  await join(['late'], { podCIDR: '10.0.1.0/24', podCIDRs: ['10.0.1.0/24'] });
  expect([await network('a'), await network('late')]).toEqual([[], [['True', 'CIDRConflict']]]);
  await leave('a');
  await cluster.clock.advance(5_000);
  expect(await network('late')).toEqual([['False', 'CIDRAvailable']]);
});

it('gives many nodes their slices although each of them is written meanwhile', async () => {
  cluster = await startTestCluster({ podNetwork: { clusterCidr: '10.0.0.0/16', nodePrefix: 26 } });
  const names = Array.from({ length: 300 }, (_, index) => `n${index}`);
  await join(names);
  const slices = await Promise.all(names.map(slice));
  expect(new Set(slices).size).toBe(300);
});

import { afterEach, expect, it } from 'vitest';
import { serviceKind } from '../../../src/schemas/kinds/service/kind.ts';
import { ANNOUNCE_NETWORKS, ANNOUNCED_BY } from '../../../src/schemas/load-balancers.ts';
import type { Service } from '../../../src/schemas/types.ts';
import { aNode } from '../../support/builders.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster[Symbol.asyncDispose]());

const service = async (name: string): Promise<Service | undefined> =>
  (await cluster.store.get('services', `default/${name}`)) as Service | undefined;
const ipOf = async (name: string): Promise<string | undefined> =>
  (await service(name))?.status?.loadBalancer?.ingress?.[0]?.ip;

async function makeBalancer(name: string): Promise<void> {
  const spec = { type: 'LoadBalancer', ports: [{ port: 80 }] };
  const collection = { kind: serviceKind, namespace: 'default' };
  const options = { dryRun: false, fieldValidation: 'Warn' } as const;
  await cluster.core.create(collection, { metadata: { name }, spec }, options, CONTEXT);
}
const CONTEXT = {
  user: { name: 'admin', groups: ['system:masters'] },
  warn: () => undefined,
  annotate: () => undefined,
};

it('gives addresses back, and to the next Service at once', async () => {
  cluster = await startTestCluster({ loadBalancerPool: ['192.0.2.250/32'], admission: true });
  const node = aNode({ name: 'a' });
  const annotations = { [ANNOUNCE_NETWORKS]: '192.0.2.0/24' };
  await cluster.objects.create({ ...node, metadata: { ...node.metadata, annotations } });
  await makeBalancer('web');
  await makeBalancer('next');
  await cluster.clock.advance(1_000);
  expect([await ipOf('web'), await ipOf('next')]).toEqual(['192.0.2.250', undefined]);
  expect((await service('web'))?.metadata.annotations?.[ANNOUNCED_BY]).toBe('a');
  expect((await service('web'))?.spec.ports?.[0]?.nodePort).toBeGreaterThan(0);

  await cluster.objects.delete(serviceKind, 'default/web');
  await cluster.clock.advance(1_000);
  expect([await service('web'), await ipOf('next')]).toEqual([undefined, '192.0.2.250']);
  const events = (await cluster.store.list('events')).objects.map(({ reason }) => reason);
  expect(events.filter((reason) => reason === 'LoadBalancerFailed')).toHaveLength(1);

  // Its node falls silent, and no other could answer.
  await cluster.clock.advance(100_000);
  const next = await service('next');
  expect([next?.metadata.annotations?.[ANNOUNCED_BY], await ipOf('next')]).toEqual(['a', '192.0.2.250']);
  expect(next?.status?.conditions?.map(({ reason }) => reason)).toEqual(['NoNode']);
  await cluster.clock.advance(700_000);
  expect((await service('next'))?.metadata.resourceVersion).toBe(next?.metadata.resourceVersion);
});

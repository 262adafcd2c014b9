/** Ingresses of our class get the default class, and the addresses of the nodes that serve. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { assess } from '../../../src/health/index.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { symphonyIngressClass } from '../../../src/schemas/networking/ingress-classes.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { anIngress } from '../../support/ingress-objects.ts';

let cluster: TestCluster;
afterEach(() => cluster[Symbol.asyncDispose]());

async function addNode(name: string, address: string, serves: boolean, ready = 'True'): Promise<void> {
  await cluster.objects.create({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'symphony.dev/ingress': String(serves) } },
    spec: {},
    status: {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      conditions: [{ type: 'Ready', status: ready }],
    },
  });
}

const stored = async (): Promise<KubeObject> =>
  (await cluster.store.get('ingresses.networking.k8s.io', 'default/web'))!;
const addresses = async (): Promise<unknown> =>
  ((await stored())['status'] as { loadBalancer?: { ingress?: unknown } } | undefined)?.loadBalancer?.ingress;

beforeEach(async () => {
  cluster = await startTestCluster({});
  const { metadata, ...rest } = symphonyIngressClass;
  if (!(await cluster.store.get('ingressclasses.networking.k8s.io', 'symphony')))
    await cluster.objects.create({ ...rest, metadata });
});

async function create(ingressClassName?: string): Promise<void> {
  const { metadata, ...rest } = anIngress({ rules: ['Prefix a.com/ a'] });
  const { name, namespace } = metadata;
  const spec = { ...rest.spec, ...(ingressClassName ? { ingressClassName } : {}) };
  await cluster.objects.create({ ...rest, spec, metadata: { name, namespace: namespace ?? '' } });
  await cluster.clock.advance(2_000);
}

it('has the addresses of the ready nodes that serve', async () => {
  await create();
  expect(await addresses()).toBeUndefined();
  expect(assess(await stored())).toMatchObject({ status: 'Progressing' });
  await addNode('b', '10.0.0.2', true);
  await addNode('a', '10.0.0.1', true);
  await addNode('c', '10.0.0.3', false);
  await cluster.clock.advance(2_000);
  expect(await addresses()).toEqual([{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }]);
  expect(assess(await stored())).toMatchObject({ status: 'Healthy' });
});

it('of another class is left alone', async () => {
  await addNode('a', '10.0.0.1', true);
  await create('nginx');
  expect(await addresses()).toBeUndefined();
});

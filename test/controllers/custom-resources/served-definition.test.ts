/** The bundle of the Gateway API, applied on top of the kinds that the system serves itself. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(() => cluster[Symbol.asyncDispose]());

const NAME = 'gateways.gateway.networking.k8s.io';
const definition: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: NAME,
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/1' },
  },
  spec: {
    group: 'gateway.networking.k8s.io',
    scope: 'Namespaced',
    names: { plural: 'gateways', singular: 'gateway', kind: 'Gateway', listKind: 'GatewayList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
const gateway: KubeObject = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'web', namespace: 'default' },
  spec: { gatewayClassName: 'symphony', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
};
const kindOf = ({ apiVersion, kind }: KubeObject) => cluster.context.registry.byKind(apiVersion, kind)!;

it('is established, changes nothing, and takes no object along when it goes', async () => {
  await cluster.objects.create(gateway);
  await cluster.objects.create(definition);
  await cluster.clock.advance(1000);
  const stored = await cluster.store.get('customresourcedefinitions.apiextensions.k8s.io', NAME);
  expect(stored?.['status']).toMatchObject({
    conditions: expect.arrayContaining([expect.objectContaining({ type: 'Established', status: 'True' })]),
  });
  expect(kindOf(gateway).custom?.isBuiltin).toBe(true);
  const refused = kindOf(gateway).validate({
    ...gateway,
    spec: { gatewayClassName: 'symphony', listeners: [] },
  });
  expect(refused.map(({ path }) => path)).toContain('spec.listeners');

  await cluster.objects.delete(kindOf(definition), NAME);
  await cluster.clock.advance(5000);
  expect(await cluster.store.get('customresourcedefinitions.apiextensions.k8s.io', NAME)).toBeUndefined();
  expect(await cluster.store.get(NAME, 'default/web')).toBeDefined();
});

it('is a warning to its writer', async () => {
  const warnings: string[] = [];
  const user = { name: 'ann', groups: ['system:masters'] };
  const context = { user, warn: (text: string) => void warnings.push(text), annotate: () => undefined };
  await cluster.core
    .as({ user, request: context })
    .write({ writes: [{ verb: 'create', object: definition }] });
  expect(warnings).toEqual([`Symphony serves ${NAME} itself: this definition changes nothing`]);
});

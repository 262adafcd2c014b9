import { expect, it } from 'vitest';
import { planQuotaStatus } from '../../../src/controllers/resource-quota/plan-quota-status.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { startTestCluster } from '../../support/cluster.ts';

const container = { name: 'c', image: 'i' };
const pod = (name: string, rest: object = {}, spec: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'ns' },
  spec: { containers: [{ ...container, resources: { requests: { cpu: '250m', memory: '64Mi' } } }], ...spec },
  ...rest,
});
const quota = (hard: Record<string, string>, scopes?: readonly string[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'q', namespace: 'ns' },
  spec: { hard, ...(scopes ? { scopes } : {}) },
});
const PODS = { group: '', plural: 'pods' };
const used = (object: KubeObject, objects: readonly KubeObject[]): unknown =>
  (planQuotaStatus(object, [{ kind: PODS, objects }], 0)?.['status'] as { used: unknown }).used;

it('counts pods that run, and what they ask for, in the units they were written in', () => {
  const objects = [pod('a'), pod('b'), pod('c', { status: { phase: 'Succeeded' } })];
  const hard = { pods: '9', cpu: '9', 'requests.memory': '1Gi', 'count/pods': '9', 'limits.cpu': '1' };
  expect(used(quota(hard), objects)).toEqual({
    pods: '2',
    cpu: '500m',
    'requests.memory': '128Mi',
    'count/pods': '3',
    'limits.cpu': '0',
  });
});

it.each([
  ['Terminating', '1'],
  ['NotTerminating', '2'],
  ['BestEffort', '1'],
  ['NotBestEffort', '2'],
  ['PriorityClass', '1'],
])('counts only what is in the scope %s', (scope, count) => {
  const objects = [
    pod('a', {}, { activeDeadlineSeconds: 5 }),
    pod('b', {}, { containers: [container] }),
    pod('c', {}, { priorityClassName: 'high' }),
  ];
  expect(used(quota({ pods: '9' }, [scope]), objects)).toEqual({ pods: count });
});

it('follows what comes and goes in the namespace', async () => {
  const cluster = await startTestCluster();
  try {
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ns' } });
    await cluster.objects.create(quota({ pods: '5', secrets: '9' }));
    await cluster.objects.create(pod('a'));
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'ns' } };
    await cluster.objects.create(secret);
    await cluster.clock.advance(1_000);
    const status = async () => (await cluster.store.get('resourcequotas', 'ns/q'))?.['status'];
    expect(await status()).toMatchObject({ used: { pods: '1', secrets: '1' } });
    const kind = cluster.context.registry.byId('pods');
    if (!kind) throw new Error('no pods');
    await cluster.objects.delete(kind, 'ns/a', { gracePeriodSeconds: 0 });
    await cluster.clock.advance(1_000);
    expect(await status()).toMatchObject({ used: { pods: '0', secrets: '1' } });
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
});

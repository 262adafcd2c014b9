import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ClusterRole, type PolicyRule, RBAC_API_VERSION } from '../../../src/schemas/rbac.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(() => cluster[Symbol.asyncDispose]());

const rule = (resource: string): PolicyRule => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });

const make = (name: string, rest: object, labels: Record<string, string> = {}): Promise<unknown> =>
  cluster.objects.create({
    apiVersion: RBAC_API_VERSION,
    kind: 'ClusterRole',
    metadata: { name, labels },
    ...rest,
  });

const wholeOf = (label: string): object => ({
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] },
});

async function rulesOf(name: string): Promise<ClusterRole['rules']> {
  const stored = await cluster.store.get('clusterroles.rbac.authorization.k8s.io', name);
  return (stored as ClusterRole | undefined)?.rules;
}

it('a role follows its parts, and the role that it is a part of follows it', async () => {
  await make('outer', wholeOf('to-outer'));
  await make('inner', wholeOf('to-inner'), { 'to-outer': 'true' });
  await make('part', { rules: [rule('pods')] }, { 'to-inner': 'true' });
  await cluster.clock.advance(1_000);
  expect(await rulesOf('inner')).toEqual([rule('pods')]);
  expect(await rulesOf('outer')).toEqual([rule('pods')]);

  const part = await cluster.store.get('clusterroles.rbac.authorization.k8s.io', 'part');
  if (!part) throw new Error('the part is gone');
  await cluster.objects.update({ ...part, rules: [rule('nodes')] });
  await cluster.clock.advance(1_000);
  expect(await rulesOf('outer')).toEqual([rule('nodes')]);
});

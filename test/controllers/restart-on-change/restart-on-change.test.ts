/** The opt-in rollouts on a change of the configuration, on a whole control plane. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COALESCE_MS } from '../../../src/controllers/restart-on-change/restart-on-change-controller.ts';
import { RESTART_ON_CHANGE } from '../../../src/schemas/pods/restart-on-change.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Deployment, Event, PodSpec, ReplicaSet } from '../../../src/schemas/types.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await startTestCluster();
});
afterEach(async () => cluster[Symbol.asyncDispose]());

const settle = async (): Promise<void> => cluster.clock.advance(COALESCE_MS + 1_000);

async function put(kind: 'ConfigMap' | 'Secret', name: string, data: Record<string, string>, more = {}) {
  const object = { apiVersion: 'v1', kind, metadata: { name, namespace: 'default' }, data, ...more };
  const resource = kind === 'Secret' ? 'secrets' : 'configmaps';
  const current = await cluster.store.get(resource, `default/${name}`);
  await (current ? cluster.objects.update({ ...current, data, ...more }) : cluster.objects.create(object));
}

const remove = async (kind: 'ConfigMap' | 'Secret', name: string): Promise<void> => {
  const object = { apiVersion: 'v1', kind, metadata: { name, namespace: 'default' } };
  await cluster.objects.apply([{ verb: 'delete', object }]);
};

const container = { name: 'c', image: 'registry.example/app:1' };

const aDeployment = (spec: Partial<PodSpec>, annotations = { [RESTART_ON_CHANGE]: 'true' }): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', annotations },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [container], ...spec } },
  },
});

const web = async (): Promise<Deployment> =>
  (await cluster.store.get('deployments.apps', 'default/web')) as Deployment;
/** Each is a rollout. */
const revisions = async (): Promise<number> => (await cluster.store.list('replicasets.apps')).objects.length;

const everywhere: Partial<PodSpec> = {
  initContainers: [{ ...container, name: 'i', envFrom: [{ secretRef: { name: 'init-env' } }] }],
  containers: [
    {
      ...container,
      env: [
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'env', key: 'a' } } },
        { name: 'B', valueFrom: { secretKeyRef: { name: 'env', key: 'b', optional: true } } },
      ],
      envFrom: [{ configMapRef: { name: 'env-from' } }],
    },
  ],
  volumes: [
    { name: 'v1', configMap: { name: 'mounted' } },
    { name: 'v2', secret: { secretName: 'mounted' } },
    { name: 'v3', projected: { sources: [{ configMap: { name: 'part' } }, { secret: { name: 'part' } }] } },
  ],
  imagePullSecrets: [{ name: 'registry' }],
};

describe('a change of the configuration', () => {
  it.each([
    ['Secret', 'init-env'],
    ['ConfigMap', 'env'],
    ['Secret', 'env'],
    ['ConfigMap', 'env-from'],
    ['ConfigMap', 'mounted'],
    ['Secret', 'mounted'],
    ['ConfigMap', 'part'],
    ['Secret', 'part'],
  ] as const)('of %s %s rolls out once', async (kind, name) => {
    await put(kind, name, { a: 'MQ==' });
    await cluster.objects.create(aDeployment(everywhere));
    await settle();
    expect(await revisions()).toBe(1);
    await put(kind, name, { a: 'Mg==' });
    await settle();
    expect(await revisions()).toBe(2);
    await settle();
    expect(await revisions()).toBe(2);
  });

  it('of what the pods do not see, or of metadata alone, does not', async () => {
    await put('Secret', 'registry', { a: 'MQ==' });
    await put('ConfigMap', 'env', { a: '1' });
    await put('ConfigMap', 'other', { a: '1' });
    await cluster.objects.create(aDeployment(everywhere));
    await settle();
    await put('Secret', 'registry', { a: 'Mg==' });
    await put('ConfigMap', 'other', { a: '2' });
    const current = (await cluster.store.get('configmaps', 'default/env')) as KubeObject;
    await cluster.objects.update({ ...current, metadata: { ...current.metadata, labels: { x: 'y' } } });
    await settle();
    expect(await revisions()).toBe(1);
  });

  it('is nothing to a workload that does not ask for it', async () => {
    await put('ConfigMap', 'env', { a: '1' });
    await cluster.objects.create(aDeployment(everywhere, { [RESTART_ON_CHANGE]: 'false' }));
    await settle();
    await put('ConfigMap', 'env', { a: '2' });
    await settle();
    expect(await revisions()).toBe(1);
    expect(Object.keys((await web()).metadata.annotations ?? {})).not.toContain('symphony.dev/config-hashes');
  });

  it('is one rollout for several changes in a row, and is told', async () => {
    await put('ConfigMap', 'env', { a: '1' });
    await put('Secret', 'mounted', { a: 'MQ==' });
    await cluster.objects.create(aDeployment(everywhere));
    await settle();
    for (const a of ['2', '3', '4']) {
      await put('ConfigMap', 'env', { a });
      await put('Secret', 'mounted', { a: Buffer.from(a).toString('base64') });
      await cluster.clock.advance(100);
    }
    await settle();
    expect(await revisions()).toBe(2);
    await cluster.context.events.flush();
    const events = (await cluster.store.list('events')).objects as Event[];
    expect(
      events.filter(({ reason }) => reason === 'ConfigurationChanged').map(({ message }) => message),
    ).toEqual(['Rolling out because of a change of ConfigMap "env", Secret "mounted"']);
  });

  it('does not come from a deletion, nor from the same content made anew', async () => {
    await put('ConfigMap', 'env', { a: '1' });
    await put('Secret', 'mounted', { a: 'MQ==' });
    await cluster.objects.create(aDeployment(everywhere));
    await settle();
    await remove('ConfigMap', 'env');
    await remove('Secret', 'mounted');
    await settle();
    await put('ConfigMap', 'env', { a: '1' }, { immutable: true });
    await settle();
    expect(await revisions()).toBe(1);
    await remove('ConfigMap', 'env');
    await put('ConfigMap', 'env', { a: '2' }, { immutable: true });
    await settle();
    expect(await revisions()).toBe(2);
  });

  it('may be the first appearance of an optional object, not that of a needed one', async () => {
    await cluster.objects.create(aDeployment(everywhere));
    await settle();
    await put('ConfigMap', 'mounted', { a: '1' });
    await settle();
    expect(await revisions()).toBe(1);
    await put('Secret', 'env', { b: 'MQ==' });
    await settle();
    expect(await revisions()).toBe(2);
  });
});

describe('the annotation', () => {
  const opt = async (value: string): Promise<void> => {
    const current = await web();
    const annotations = { ...current.metadata.annotations, [RESTART_ON_CHANGE]: value };
    await cluster.objects.update({ ...current, metadata: { ...current.metadata, annotations } });
    await settle();
  };

  it('set later rolls out only where the configuration is newer than the workload', async () => {
    await put('ConfigMap', 'env', { a: '1' });
    await cluster.objects.create(aDeployment(everywhere, { [RESTART_ON_CHANGE]: 'false' }));
    await settle();
    await opt('true');
    expect(await revisions()).toBe(1);
    await opt('false');
    expect(Object.keys((await web()).metadata.annotations ?? {})).not.toContain('symphony.dev/config-hashes');
    await put('ConfigMap', 'env', { a: '2' });
    await opt('true');
    expect(await revisions()).toBe(2);
  });

  it('lets an undo be, also when kubectl drops what it does not find on the old ReplicaSet', async () => {
    await put('ConfigMap', 'env', { a: '1' });
    await cluster.objects.create(aDeployment(everywhere));
    await settle();
    await put('ConfigMap', 'env', { a: '2' });
    await settle();
    const sets = (await cluster.store.list('replicasets.apps')).objects as ReplicaSet[];
    const old = sets.find(({ spec }) => spec.template?.metadata?.annotations === undefined) as ReplicaSet;
    expect(old.metadata.annotations).not.toHaveProperty(['symphony.dev/config-hashes']);
    const template = structuredClone(old.spec.template) as Deployment['spec']['template'];
    delete template.metadata?.labels?.['pod-template-hash'];
    const current = await web();
    const annotations = { [RESTART_ON_CHANGE]: 'true' };
    const metadata = { ...current.metadata, annotations };
    await cluster.objects.update({ ...current, metadata, spec: { ...current.spec, template } });
    await settle();
    expect(await revisions()).toBe(2);
    expect((await web()).spec.template.metadata?.annotations).toBeUndefined();
    await put('ConfigMap', 'env', { a: '3' });
    await settle();
    expect(await revisions()).toBe(3);
  });

  it('rolls out when the configuration of an undone template comes back', async () => {
    const change = async (a: string): Promise<void> => {
      await put('ConfigMap', 'env', { a });
      await settle();
    };
    await put('ConfigMap', 'env', { a: '1' });
    await cluster.objects.create(aDeployment(everywhere));
    await settle();
    await change('2');
    const { template } = (await web()).spec;
    await change('1');
    const current = await web();
    await cluster.objects.update({ ...current, spec: { ...current.spec, template } });
    await settle();
    const before = (await web()).metadata.generation ?? 0;
    await change('2');
    expect((await web()).metadata.generation).toBe(before + 1);
  });

  it('survives nonsense in its memory', async () => {
    await put('ConfigMap', 'env', { a: '1' });
    const nonsense = { [RESTART_ON_CHANGE]: 'true', 'symphony.dev/config-hashes': '{' };
    await cluster.objects.create(aDeployment(everywhere, nonsense));
    await settle();
    expect(await revisions()).toBe(1);
    await put('ConfigMap', 'env', { a: '2' });
    await settle();
    expect(await revisions()).toBe(2);
  });
});

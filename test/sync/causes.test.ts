import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TransientError } from '../../src/base/errors.ts';
import { createLogger } from '../../src/base/logger.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { asRecords } from '../../src/schemas/json-access.ts';
import { POLL_MS, type Harness, configMap, createHarness, deployment } from './harness.ts';

const pod = (name: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: api, image: a:1}]}\n`;
const service = (name: string, type = 'ClusterIP'): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {type: ${type}, ports: [{port: 80}]}\n`;
const driver = (name: string): string =>
  `apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: ${name}}\nspec: {}\n`;
const BROKEN = {
  'a.yaml': 'kind: {\n',
  'b.yaml': `${configMap('b', {})}foo: 1\nbar: 2\n`,
  'c.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: 7\n',
};
const STABLE_MS = 11_000;

/** The part of an Application's status that the tests read. */
interface Told {
  readonly conditions?: unknown;
  readonly health: { readonly message?: string };
  readonly operationState: { readonly message: string };
  readonly commitStatus: { readonly state: string; readonly description: string };
}

describe('why an application is not healthy', () => {
  let at: Harness;
  let logged = '';
  beforeEach(async () => {
    logged = '';
    const destination = { write: (line: string) => void (logged += line) };
    at = await createHarness({ logger: createLogger({ level: 'info', destination }) });
  });
  afterEach(() => at[Symbol.asyncDispose]());

  const status = async (): Promise<Told> => ((await at.application())?.status ?? {}) as unknown as Told;
  const conditionOf = async (type: string): Promise<string | undefined> =>
    asRecords((await status()).conditions).find((one) => one['type'] === type)?.['message'] as string;

  const setStatus = async (resource: string, key: string, next: object): Promise<void> => {
    const live = (await at.get(resource, key)) as KubeObject;
    await at.objects.update(
      { ...live, status: { ...(live.status as object), ...next } },
      { subresource: 'status' },
    );
  };
  const warn = async (about: KubeObject | undefined, reason: string, message: string): Promise<void> => {
    const { name, namespace, uid } = about!.metadata;
    const involvedObject = { apiVersion: about!.apiVersion, kind: about!.kind, name, namespace, uid };
    const time = new Date(at.clock.now()).toISOString().replace(/\.\d+Z/, 'Z');
    const object = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${reason.toLowerCase()}`, namespace: namespace ?? 'default' },
      involvedObject,
      type: 'Warning',
      reason,
      message,
      firstTimestamp: time,
      lastTimestamp: time,
    };
    await at.objects.create(object);
  };
  const WAITING = {
    phase: 'Pending',
    containerStatuses: [
      {
        name: 'api',
        ready: false,
        image: 'a:1',
        imageID: '',
        restartCount: 0,
        state: { waiting: { reason: 'ContainerCreating' } },
      },
    ],
  };

  it('is told by an event that comes when nothing else changes, and forgotten when the pod is ready', async () => {
    at.repository.commit({ 'pod.yaml': pod('web') });
    await at.start();
    await at.pass();
    await setStatus('pods', 'default/web', WAITING);
    await at.pass();
    await warn(await at.get('pods', 'default/web'), 'FailedMount', 'configmap "settings" not found');
    await at.pass(500);
    const cause = 'FailedMount: configmap "settings" not found';
    expect(await status()).toMatchObject({
      health: { status: 'Progressing', message: `pod/web: ${cause}` },
      resources: [{ name: 'web', health: { message: cause } }],
    });
    await at.pass(6_000);
    expect((await status()).commitStatus).toMatchObject({
      state: 'failure',
      description: `pod/web: ${cause}`,
    });
    await setStatus('pods', 'default/web', {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
    });
    await at.pass(STABLE_MS);
    expect(await status()).toMatchObject({
      health: { status: 'Healthy' },
      commitStatus: { state: 'success' },
    });
    expect((await status()).health.message).toBeUndefined();
  });

  it('is the event of a claim that Git does not hold, for the pod that waits for it', async () => {
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data', namespace: 'default' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        storageClassName: 'gp2',
      },
    };
    await at.objects.create(claim);
    const volumes = 'volumes: [{name: d, persistentVolumeClaim: {claimName: data}}], ';
    at.repository.commit({ 'pod.yaml': pod('web').replace('spec: {', `spec: {${volumes}`) });
    await at.start();
    await at.pass();
    const message = '0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found';
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    await setStatus('pods', 'default/web', { phase: 'Pending', conditions });
    await at.pass();
    const live = await at.get('persistentvolumeclaims', 'default/data');
    await warn(live, 'ProvisioningFailed', 'storageclass.storage.k8s.io "gp2" not found');
    await at.pass(500);
    expect((await status()).health.message).toMatch(/^pod\/web: claim data is not bound: .*"gp2" not found$/);
  });

  it('names the namespace of objects that have one name', async () => {
    const claim = (namespace: string): string =>
      `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: ${namespace}}\n` +
      `spec: {accessModes: [ReadWriteOnce], storageClassName: '', resources: {requests: {storage: 1Gi}}}\n`;
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n';
    at.repository.commit({ 'a.yaml': claim('default'), 'b.yaml': claim('shop'), 'c.yaml': namespace });
    await at.start();
    await at.pass();
    const text = 'No PersistentVolume fits this claim, and it has no StorageClass';
    expect((await status()).health.message).toBe(
      `persistentvolumeclaim/data in default: ${text}\npersistentvolumeclaim/data in shop: ${text}`,
    );
  });

  it('is the node that was lost, as soon as it is', async () => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, status: { conditions: [] } };
    await at.objects.create(node);
    await setStatus('nodes', 'n1', { conditions: [{ type: 'Ready', status: 'True' }] });
    at.repository.commit({ 'pod.yaml': pod('web').replace('spec: {', 'spec: {nodeName: n1, ') });
    await at.start();
    await at.pass();
    const lost = { type: 'Ready', status: 'Unknown', message: 'Kubelet stopped posting node status.' };
    await setStatus('nodes', 'n1', { conditions: [lost] });
    await at.pass();
    expect((await status()).health.message).toBe(
      'pod/web: node n1 is lost (NotReady): Kubelet stopped posting node status.',
    );
  });

  it('is every error of a render, in the condition, the operation and the log', async () => {
    at.repository.commit(BROKEN);
    await at.start();
    await at.pass();
    const all = [/^a\.yaml:/m, /^b\.yaml:\d+:\d+: foo/m, /^b\.yaml:\d+:\d+: bar/m, /^c\.yaml:/m];
    for (const error of all) {
      expect(await conditionOf('ComparisonError')).toMatch(error);
      expect((await status()).operationState.message).toMatch(error);
    }
    expect((await status()).commitStatus.description).toMatch(/^a\.yaml:.* \(and \d more\)$/);
    const { errors } = JSON.parse(
      logged.split('\n').find((line) => line.includes('ComparisonError')) ?? '{}',
    );
    for (const error of all) expect(errors.join('\n')).toMatch(error);
  });

  it('bounds the errors of a render and counts those that are left out', async () => {
    const files = Array.from({ length: 80 }, (_unit, number) => [
      `f${number}.yaml`,
      `kind: {${'x'.repeat(50)}\n`,
    ]);
    at.repository.commit(Object.fromEntries(files) as Record<string, string>);
    await at.start();
    await at.pass();
    const message = (await conditionOf('ComparisonError')) ?? '';
    const lines = message.split('\n');
    const listed = lines.length - 1;
    expect(listed).toBeGreaterThan(10);
    expect(lines.at(-1)).toBe(`and ${80 - listed} more`);
    expect(message.length).toBeLessThan(8_000);
    expect((await status()).commitStatus.description).toMatch(/ \(and 79 more\)$/);
  });

  it('is unknown where a render failed and nothing runs, and what runs where something does', async () => {
    at.repository.commit(BROKEN);
    await at.start();
    await at.pass();
    expect(await status()).toMatchObject({ sync: { status: 'Unknown' }, health: { status: 'Unknown' } });
    expect((await status()).health.message).toMatch(/^Nothing is applied: a\.yaml:/);
    at.repository.commit({ 'a.yaml': pod('web'), 'b.yaml': null, 'c.yaml': null });
    await at.pass(POLL_MS * 1.2);
    expect((await status()).health).toMatchObject({ status: 'Progressing' });
    at.repository.commit(BROKEN);
    await at.pass(POLL_MS * 1.2);
    expect((await status()).health).toMatchObject({ status: 'Progressing' });
  });

  it('is what an earlier process applied, for one that cannot render', async () => {
    at.repository.commit({ 'pod.yaml': pod('web') });
    const first = await at.start();
    await at.pass();
    await setStatus('pods', 'default/web', {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
    });
    await at.pass();
    await first[Symbol.asyncDispose]();
    at.repository.commit(BROKEN);
    await at.start();
    await at.pass();
    expect((await status()).health).toMatchObject({ status: 'Healthy' });
    await setStatus('pods', 'default/web', { phase: 'Failed', reason: 'Evicted', conditions: [] });
    await at.pass();
    expect((await status()).health).toMatchObject({ status: 'Degraded', message: 'pod/web: Evicted' });
  });

  it('is unknown while Git has never been read', async () => {
    at.repository.failFetch(new TransientError('Cannot reach git.example'));
    await at.start();
    await at.pass();
    expect((await status()).health).toMatchObject({
      status: 'Unknown',
      message: 'Nothing is applied: Cannot reach git.example',
    });
  });

  it('says what is only stored, and does not fail for it', async () => {
    at.repository.commit({
      'a.yaml': configMap('a', {}),
      'b.yaml': driver('web.example'),
      'c.yaml': driver('api.example'),
    });
    await at.start();
    await at.pass();
    await at.pass(STABLE_MS);
    expect(await status()).toMatchObject({
      health: { status: 'Healthy' },
      commitStatus: {
        state: 'success',
        description: '3 objects healthy; 2 CSIDrivers only stored (no node runs drivers of CSI)',
      },
    });
    expect(await conditionOf('OnlyStoredWarning')).toBe(
      'CSIDriver api.example, web.example: only stored: no node runs drivers of CSI',
    );
    at.repository.commit({ 'b.yaml': null, 'c.yaml': null });
    await at.pass(POLL_MS * 1.2);
    expect(await conditionOf('OnlyStoredWarning')).toBeUndefined();
  });

  it('says that a load balancer waits for its address', async () => {
    at.repository.commit({ 'a.yaml': service('web', 'LoadBalancer') });
    await at.start();
    await at.pass();
    expect((await status()).health).toMatchObject({
      status: 'Progressing',
      message: expect.stringContaining('Waiting for an address of the load balancer'),
    });
  });

  it('fails a commit whose wave waits for what does not run', async () => {
    const later = configMap('later', {}).replace(
      'name: later',
      'name: later\n  annotations: {argocd.argoproj.io/sync-wave: "1"}',
    );
    at.repository.commit({ 'pod.yaml': pod('web'), 'later.yaml': later });
    await at.start();
    await at.pass();
    const terminated = { exitCode: 7, reason: 'Error' };
    await setStatus('pods', 'default/web', {
      phase: 'Running',
      containerStatuses: [{ ...WAITING.containerStatuses[0], state: { terminated } }],
    });
    await at.pass();
    expect((await status()).commitStatus.state).toBe('pending');
    await at.pass(6_000);
    expect((await status()).commitStatus).toMatchObject({
      state: 'failure',
      description: 'pod/web: container api exited 7 (and 1 more)',
    });
  });

  it('names the most telling object first', async () => {
    at.repository.commit({ 'a.yaml': deployment('slow', 'a:1'), 'b.yaml': pod('web') });
    await at.start();
    await at.pass();
    await setStatus('pods', 'default/web', {
      ...WAITING,
      containerStatuses: [
        {
          ...WAITING.containerStatuses[0],
          state: { waiting: { reason: 'ErrImagePull', message: 'not found' } },
        },
      ],
    });
    await at.pass();
    const [first, second] = (await status()).health.message!.split('\n');
    expect(first).toBe('pod/web: container api cannot start: image "a:1": ErrImagePull: not found');
    expect(second).toMatch(/^deployment\/slow: Waiting for rollout/);
  });

  it('looks no more often because events come about what is healthy', async () => {
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    const before = (await at.application())!.metadata.resourceVersion;
    const live = await at.get('configmaps', 'default/a');
    await warn(live, 'Odd', 'nothing is wrong');
    await at.pass(500);
    expect((await at.application())!.metadata.resourceVersion).toBe(before);
  });
});

/** The autoscaler on a cluster: what it reads, what it writes, and what it says. */
import { afterEach, describe, expect, it } from 'vitest';
import type {
  GetMetric,
  MetricsSource,
} from '../../../src/controllers/horizontal-pod-autoscaler/metrics-source.ts';
import { badRequest } from '../../../src/schemas/errors/status.ts';
import { asRecord } from '../../../src/schemas/json-access.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Deployment, Event, HorizontalPodAutoscaler, Pod } from '../../../src/schemas/types.ts';
import { aDeployment, aReplicationController } from '../../support/builders.ts';
import { type FakeKubelet, startFakeKubelet } from '../../support/fake-kubelet/fake-kubelet.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

const PERIOD_MS = 15_000;
const NS = 'default';

type Spec = Partial<HorizontalPodAutoscaler['spec']>;

const autoscaler = (spec: Spec = {}, name = 'h'): KubeObject => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name, namespace: NS },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
      },
    ],
    ...spec,
  },
});

describe('the horizontal pod autoscaler', () => {
  let cluster: TestCluster;
  let kubelet: FakeKubelet;
  afterEach(async () => {
    await kubelet[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  /** Millicores that each pod uses; undefined for one that is not measured. */
  let used: (pod: Pod) => number | undefined = () => 0;

  async function start(more: Omit<MetricsSource, 'usages'> = {}, isMeasured = true): Promise<void> {
    used = () => 0;
    const usages: MetricsSource['usages'] = {
      of: async (nodes) => {
        const pods = (await cluster.store.list('pods')).objects as Pod[];
        const containersOn = (node: string) =>
          pods.flatMap((pod) => {
            const milli = pod.spec.nodeName === node ? used(pod) : undefined;
            if (milli === undefined) return [];
            const { uid = '' } = pod.metadata;
            const usage = { podUid: uid, atMs: cluster.clock.now(), windowMs: 10_000, memoryBytes: 2 ** 20 };
            return [
              { ...usage, container: 'c', cpuNanoCores: milli * 1e6 },
              // The container of the pod's network says nothing about its load.
              { ...usage, container: '', cpuNanoCores: 9e9 },
            ];
          });
        return new Map(nodes.map((node) => [node, { containers: containersOn(node) }]));
      },
    };
    cluster = await startTestCluster({
      autoscaling: { metrics: { ...more, ...(isMeasured ? { usages } : {}) } },
    });
    kubelet = await startFakeKubelet(cluster);
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'm1' }, spec: {} });
    // Past the grace that every node gets at a start.
    await cluster.clock.advance(8000);
  }

  async function deploy(
    replicas: number,
    requests: Readonly<Record<string, string>> = { cpu: '100m' },
  ): Promise<void> {
    const deployment = aDeployment({ replicas, namespace: NS });
    const [container] = deployment.spec.template.spec?.containers ?? [];
    if (container) Object.assign(container, { name: 'c', resources: { requests } });
    await cluster.objects.create(deployment);
    // Until they have been ready for as long as a measurement takes.
    await cluster.clock.advance(15_000);
  }

  const create = (object: KubeObject): Promise<unknown> => cluster.objects.create(object);
  async function sync(times = 1): Promise<void> {
    for (let time = 0; time < times; time += 1) await cluster.clock.advance(PERIOD_MS + 100);
  }
  const get = async (name = 'h'): Promise<HorizontalPodAutoscaler> =>
    (await cluster.store.get(
      'horizontalpodautoscalers.autoscaling',
      `${NS}/${name}`,
    )) as HorizontalPodAutoscaler;
  const replicas = async (): Promise<unknown> =>
    asRecord((await cluster.store.get('deployments.apps', `${NS}/web`))?.['spec'])['replicas'];
  const conditions = async (name = 'h'): Promise<readonly string[]> =>
    ((await get(name)).status?.conditions ?? []).map(
      ({ type, status, reason }) => `${type}=${status} ${reason ?? ''}`,
    );
  const messageOf = async (type: string, name = 'h'): Promise<string | undefined> =>
    (await get(name)).status?.conditions?.find((condition) => condition.type === type)?.message;
  async function events(): Promise<readonly string[]> {
    await cluster.context.events.flush();
    const { objects } = await cluster.store.list('events');
    return (objects as Event[])
      .filter(({ involvedObject }) => involvedObject.kind === 'HorizontalPodAutoscaler')
      .map(({ reason, message }) => `${reason ?? ''}: ${message ?? ''}`);
  }

  it('adds pods for their load, and takes them away once the window is over', async () => {
    await start();
    await deploy(2);
    await create(autoscaler());
    used = () => 100;
    await sync();
    expect(await replicas()).toBe(4);
    expect(await conditions()).toEqual([
      'AbleToScale=True SucceededRescale',
      'ScalingActive=True ValidMetricFound',
      'ScalingLimited=False DesiredWithinRange',
    ]);
    expect((await get()).status).toMatchObject({
      currentReplicas: 2,
      desiredReplicas: 4,
      currentMetrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', current: { averageUtilization: 100, averageValue: '100m' } },
        },
      ],
    });
    expect(await events()).toEqual([
      'SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target',
    ]);
    used = () => 10;
    await sync(10);
    expect(await replicas()).toBe(4);
    expect(await conditions()).toContain('AbleToScale=True ScaleDownStabilized');
    await sync(12);
    expect(await replicas()).toBe(1);
    expect(await events()).toContain('SuccessfulRescale: New size: 1; reason: All metrics below target');
  });

  it('says nothing new, and writes nothing, while nothing changes', async () => {
    await start();
    await deploy(2);
    await create(autoscaler());
    used = () => 50;
    await sync(2);
    const { metadata } = await get();
    await sync(5);
    expect((await get()).metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect(await events()).toEqual([]);
  });

  it('remembers the number of replicas at a start: a new process takes nothing away at once', async () => {
    await start();
    await deploy(4);
    used = () => 1;
    await create(autoscaler());
    await sync(3);
    expect(await replicas()).toBe(4);
    expect(await conditions()).toContain('AbleToScale=True ScaleDownStabilized');
  });

  it('does nothing while the store is rebuilt', async () => {
    await start();
    await deploy(2);
    cluster.setMayAct(false);
    await create(autoscaler());
    used = () => 100;
    await sync(2);
    expect([await replicas(), await conditions()]).toEqual([2, []]);
    cluster.setMayAct(true);
    await sync();
    expect(await replicas()).toBeGreaterThan(2);
  });

  it.each([
    [
      'a target that is missing',
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone' },
      'deployments.apps "gone" not found',
    ],
    [
      'a kind that is missing',
      { apiVersion: 'example.com/v1', kind: 'Thing', name: 'x' },
      'no matches for kind "Thing" in group "example.com"',
    ],
    [
      'a kind without a scale',
      { apiVersion: 'apps/v1', kind: 'ControllerRevision', name: 'x' },
      'the server could not find the requested resource',
    ],
  ])('tells of %s, and stops no other autoscaler', async (_, scaleTargetRef, message) => {
    await start();
    await deploy(2);
    used = () => 100;
    await create(autoscaler({ scaleTargetRef }, 'bad'));
    await create(autoscaler());
    await sync();
    expect(await conditions('bad')).toEqual(['AbleToScale=False FailedGetScale']);
    const whole = `the HPA controller was unable to get the target's current scale: ${message}`;
    expect(await messageOf('AbleToScale', 'bad')).toBe(whole);
    expect(await events()).toContain(`FailedGetScale: ${message}`);
    expect(await replicas()).toBe(4);
  });

  it('tells of pods without a request, and heals once they have one', async () => {
    await start();
    await deploy(1, {});
    await create(autoscaler());
    await sync();
    const [{ metadata }] = (await cluster.store.list('pods')).objects as [Pod];
    const why = `failed to get cpu utilization: missing request for cpu in container c of Pod ${metadata.name}`;
    expect(await messageOf('ScalingActive')).toBe(`the HPA was unable to compute the replica count: ${why}`);
    expect(await events()).toEqual([
      `FailedGetResourceMetric: ${why}`,
      `FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${why}`,
    ]);
    expect((await get()).status).toMatchObject({
      currentReplicas: 1,
      desiredReplicas: 0,
      currentMetrics: [{ type: '' }],
    });
    const deployment = (await cluster.store.get('deployments.apps', `${NS}/web`)) as Deployment;
    const [container] = deployment.spec.template.spec?.containers ?? [];
    const template = {
      ...deployment.spec.template,
      spec: { containers: [{ ...container!, resources: { requests: { cpu: '100m' } } }] },
    };
    await cluster.objects.update({ ...deployment, spec: { ...deployment.spec, template } });
    await sync(3);
    expect(await conditions()).toContain('ScalingActive=True ValidMetricFound');
  });

  it('tells when nobody serves metrics', async () => {
    await start({}, false);
    await deploy(1);
    const metric = { name: 'm' };
    await create(
      autoscaler({
        metrics: [
          ...((autoscaler()['spec'] as HorizontalPodAutoscaler['spec']).metrics ?? []),
          { type: 'Pods', pods: { metric, target: { type: 'AverageValue', averageValue: '1' } } },
          { type: 'External', external: { metric, target: { type: 'Value', value: '1' } } },
        ],
      }),
    );
    await sync();
    expect(await conditions()).toEqual([
      'AbleToScale=True SucceededGetScale',
      'ScalingActive=False FailedGetResourceMetric',
    ]);
    expect(await events()).toEqual(
      expect.arrayContaining([
        'FailedGetResourceMetric: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)',
        'FailedGetPodsMetric: unable to get metric m: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
        'FailedGetExternalMetric: unable to get external metric default/m/nil: unable to fetch metrics from external metrics API: the server could not find the requested resource (get m.external.metrics.k8s.io)',
      ]),
    );
  });

  it('scales up for one metric while another fails, but never down', async () => {
    const asked: string[] = [];
    let value = '60';
    const external: GetMetric = (path) => {
      asked.push(path);
      return Promise.resolve({ items: [{ value }, { value: '20' }] });
    };
    await start({ external }, false);
    await deploy(4);
    const selector = { matchLabels: { team: 'a' } };
    const target = { type: 'AverageValue', averageValue: '10' };
    const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } };
    await create(
      autoscaler({
        metrics: [
          { type: 'Resource', resource },
          { type: 'External', external: { metric: { name: 'queue', selector }, target } },
        ],
      }),
    );
    await sync();
    expect(asked[0]).toBe(
      '/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue?labelSelector=team%3Da',
    );
    expect(await replicas()).toBe(8);
    value = '1';
    await sync(25);
    expect(await replicas()).toBe(8);
    expect(await conditions()).toContain('ScalingActive=False FailedGetResourceMetric');
  });

  it('asks an adapter for metrics of pods and of objects', async () => {
    const asked: string[] = [];
    const custom: GetMetric = async (path) => {
      asked.push(path);
      if (path.includes('v1beta2')) throw new Error('the server could not find the requested resource');
      const pods = (await cluster.store.list('pods')).objects;
      const items = path.includes('/pods/*/')
        ? pods.map(({ metadata }) => ({ describedObject: { name: metadata.name }, value: '30' }))
        : [{ value: '100' }];
      return { items };
    };
    await start({ custom }, false);
    await deploy(2);
    const describedObject = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'front' };
    await create(
      autoscaler({
        metrics: [
          {
            type: 'Pods',
            pods: { metric: { name: 'hits' }, target: { type: 'AverageValue', averageValue: '15' } },
          },
          {
            type: 'Object',
            object: { describedObject, metric: { name: 'rate' }, target: { type: 'Value', value: '20' } },
          },
        ],
      }),
    );
    await sync();
    expect(asked).toContain(
      '/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/*/hits?labelSelector=app%3Dweb',
    );
    expect(asked).toContain(
      '/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/ingresses.networking.k8s.io/front/rate',
    );
    // Five times the target, with two ready pods; no more than four at once.
    expect(await replicas()).toBe(4);
    expect(await events()).toEqual([
      'SuccessfulRescale: New size: 4; reason: Ingress metric rate above target',
    ]);
  });

  it('leaves pods alone that two autoscalers want', async () => {
    await start();
    await deploy(2);
    used = () => 100;
    await create(autoscaler({}, 'a'));
    await create(autoscaler({}, 'b'));
    await sync(3);
    const why = 'pods by selector app=web are controlled by multiple HPAs: [default/a default/b]';
    expect(await messageOf('ScalingActive', 'a')).toBe(why);
    expect(await messageOf('ScalingActive', 'b')).toBe(why);
    const kind = cluster.context.registry.byId('horizontalpodautoscalers.autoscaling')!;
    await cluster.objects.delete(kind, `${NS}/b`);
    await sync(2);
    expect(await conditions('a')).toContain('ScalingActive=True ValidMetricFound');
  });

  it('is no rival any more once its target is another one, even one that is missing', async () => {
    await start();
    await deploy(2);
    await create(autoscaler({}, 'a'));
    await create(autoscaler({}, 'b'));
    await sync(2);
    expect(await conditions('a')).toContain('ScalingActive=False AmbiguousSelector');
    const b = await get('b');
    const scaleTargetRef = { ...b.spec.scaleTargetRef, name: 'gone' };
    await cluster.objects.update({ ...b, spec: { ...b.spec, scaleTargetRef } });
    await sync(2);
    expect(await conditions('a')).toContain('ScalingActive=True ValidMetricFound');
  });

  it('is not stopped by another one that an older program stored with nonsense in it', async () => {
    await start();
    await deploy(2);
    used = () => 100;
    await create(autoscaler());
    const { apiVersion, kind } = autoscaler();
    for (const [name, spec] of Object.entries({
      bare: undefined,
      empty: {},
      list: { scaleTargetRef: [], metrics: 3, behavior: 'x' },
      odd: { ...(await get()).spec, maxReplicas: 'many', metrics: [null, { type: 'Resource' }, {}] },
    })) {
      const object = { apiVersion, kind, metadata: { name, namespace: 'other' }, spec } as KubeObject;
      await cluster.store.commit([
        { type: 'create', resource: 'horizontalpodautoscalers.autoscaling', key: `other/${name}`, object },
      ]);
    }
    await sync(3);
    expect(await replicas()).toBeGreaterThan(2);
  });

  it('scales a ReplicationController', async () => {
    await start();
    await cluster.objects.create(aReplicationController({ replicas: 1, namespace: NS }));
    await create(
      autoscaler({
        minReplicas: 3,
        scaleTargetRef: { apiVersion: 'v1', kind: 'ReplicationController', name: 'web' },
      }),
    );
    await sync();
    const scaled = await cluster.store.get('replicationcontrollers', `${NS}/web`);
    expect(asRecord(scaled?.['spec'])['replicas']).toBe(3);
  });

  it('tells a refusal of the new number once a period, and counts it as no change', async () => {
    await start();
    await deploy(2);
    used = () => 100;
    await create(
      autoscaler({ behavior: { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } } }),
    );
    const { writer } = cluster.context;
    const write = writer.write.bind(writer);
    let refusals = 0;
    Object.assign(writer, {
      write(...[plan, options]: Parameters<typeof write>) {
        if (plan.writes.some(({ object }) => object.kind === 'Deployment' && object['spec'] === undefined)) {
          refusals += 1;
          if (refusals <= 2) throw badRequest('too many');
        }
        return write(plan, options);
      },
    });
    await sync(2);
    expect(refusals).toBe(2);
    expect(await conditions()).toContain('AbleToScale=False FailedUpdateScale');
    expect(await replicas()).toBe(2);
    await sync();
    expect(await replicas()).toBe(3);
    Object.assign(writer, { write });
  });
});

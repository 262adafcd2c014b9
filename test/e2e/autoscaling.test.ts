/** Autoscaling under load: what containers really use decides how many pods there are. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type KubeJson } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';

/** Computes while /tmp/load is there, and rests otherwise. Its limit keeps the machine usable. */
const worker = (label = 'one'): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: worker, labels: {version: ${label}}}
spec:
  replicas: 1
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: symphony.example/tools:1
          imagePullPolicy: IfNotPresent
          resources: {requests: {cpu: 20m}, limits: {cpu: 200m}}
          command:
            - sh
            - -c
            - |
              while :; do
                i=0
                [ -e /tmp/load ] && while [ $i -lt 2000 ]; do i=$((i+1)); done || sleep 1
              done
`;

const autoscaler = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: worker}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: worker}
  minReplicas: 1
  maxReplicas: 3
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 100}}
`;

const idle = `apiVersion: apps/v1
kind: Deployment
metadata: {name: silent}
spec:
  selector: {matchLabels: {app: silent}}
  template:
    metadata: {labels: {app: silent}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {name: main, image: 'symphony.example/tools:1', imagePullPolicy: IfNotPresent, command: [sleep, '86400']}
`;

describe('an autoscaler', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];
  beforeAll(async () => {
    symphony = await startSymphony({
      files: { 'worker.yaml': worker(), 'autoscaler.yaml': autoscaler },
      args: [
        ...['--horizontal-pod-autoscaler-sync-period', '2s'],
        ...['--horizontal-pod-autoscaler-downscale-stabilization', '4s'],
        ...['--horizontal-pod-autoscaler-cpu-initialization-period', '0s'],
        ...['--horizontal-pod-autoscaler-initial-readiness-delay', '0s'],
      ],
    });
    kubectl = symphony.kubectl;
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const deployment = (): Promise<KubeJson> => kubectl.json('get', 'deployment', 'worker');
  const untilReplicas = (count: number): Promise<unknown> =>
    eventually(`${count} replicas are available`, async () => {
      const { spec, status } = await deployment();
      return spec.replicas === count && status.availableReplicas === count && status.replicas === count;
    });
  const untilMeasured = (name: string, cell: RegExp): Promise<unknown> =>
    eventually(`${name} is measured`, async () => cell.test(await kubectl('get', 'hpa', name)));

  it('adds pods under load, and Git does not take them away', async () => {
    await untilMeasured('worker', /cpu: \d+%\/100%/);
    await kubectl('exec', 'deployment/worker', '--', 'touch', '/tmp/load');
    await untilReplicas(3);
    const events = await kubectl('get', 'events', '--field-selector', 'involvedObject.name=worker');
    expect(events).toMatch(
      /Normal +SuccessfulRescale .*New size: [23]; reason: cpu resource utilization \(percentage of request\) above target/,
    );
    const commit = await symphony.repository.commit({ 'worker.yaml': worker('two') });
    await eventually('the commit has been applied', async () => {
      const { metadata } = await deployment();
      return metadata.labels.version === 'two';
    });
    expect((await deployment()).spec.replicas).toBe(3);
    expect(commit).toBeDefined();
  });

  it('keeps its pods when the store is lost, although Git has another number', async () => {
    const containers = await symphony.containers();
    await symphony.loseStore();
    await eventually('the autoscaler has measured again', async () => {
      const { status } = await kubectl.json('get', 'horizontalpodautoscalers.v2.autoscaling', 'worker');
      return status?.desiredReplicas === 3 && status.currentMetrics?.length === 1;
    });
    await untilReplicas(3);
    expect(await symphony.containers()).toEqual(containers);
  });

  it('takes pods away once the load has gone', async () => {
    const { items } = await kubectl.json('get', 'pods', '-l', 'app=worker');
    for (const { metadata } of items as readonly KubeJson[])
      await kubectl('exec', metadata.name, '--', 'rm', '-f', '/tmp/load');
    await untilReplicas(1);
    const { status } = await kubectl.json('get', 'horizontalpodautoscalers.v2.autoscaling', 'worker');
    expect(status).toMatchObject({ desiredReplicas: 1 });
    expect(status.conditions).toMatchObject([
      { type: 'AbleToScale', status: 'True' },
      { type: 'ScalingActive', status: 'True', reason: 'ValidMetricFound' },
      { type: 'ScalingLimited' },
    ]);
  });

  it('made by kubectl says what is missing of a target without requests', async () => {
    await kubectl.withInput(idle, 'apply', '-f', '-');
    await kubectl('autoscale', 'deployment', 'silent', '--min=1', '--max=2', '--cpu-percent=50');
    const missing = /missing request for cpu in container main of Pod silent-/;
    await eventually('the condition tells it', async () => {
      const { status } = await kubectl.json('get', 'horizontalpodautoscalers.v2.autoscaling', 'silent');
      return (status.conditions as KubeJson[] | undefined)?.some(
        ({ reason, message }) => reason === 'FailedGetResourceMetric' && missing.test(message),
      );
    });
    const described = await kubectl('describe', 'hpa', 'silent');
    expect(described).toMatch(/resource cpu on pods +\(as a percentage of request\): +<unknown> \/ 50%/);
    expect(await kubectl('get', 'horizontalpodautoscalers.v1.autoscaling', 'silent', '-o', 'yaml')).toContain(
      'targetCPUUtilizationPercentage: 50',
    );
  });
});

/** Workloads on real containers: Jobs, hooks, restarts of configuration, budgets and schedules. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type KubeJson, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { configMap, documents, STAY, web } from './manifests.ts';

const COMPLETIONS = 20;
const FAILURES = 3;

const work = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: work}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
`;

interface JobOptions {
  readonly name: string;
  readonly script: string;
  /** In braces. */
  readonly annotations?: string;
  /** More lines of the Job's spec, indented by two spaces. */
  readonly spec?: string;
  /** More lines of the pod's spec, indented by six spaces. */
  readonly podSpec?: string;
  /** More lines of the container, indented by ten spaces. */
  readonly container?: string;
}

const job = ({
  name,
  script,
  annotations = '{}',
  spec = '',
  podSpec = '',
  container = '',
}: JobOptions): string => `apiVersion: batch/v1
kind: Job
metadata: {name: ${name}, annotations: ${annotations}}
spec:
${spec}  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
${podSpec}      containers:
        - name: main
          image: symphony.example/tools:1
          imagePullPolicy: IfNotPresent
          command: ["sh", "-c", ${JSON.stringify(script)}]
${container}`;

/** The first pods fail. Each one leaves its name, so that the disk knows which ones really ran. */
const tally = job({
  name: 'tally',
  script: [
    'hostname >> /data/runs',
    `i=0; while [ $i -lt ${FAILURES} ]; do i=$((i+1)); mkdir /data/failure-$i 2>/dev/null && exit 3; done`,
    'sleep 1',
  ].join('; '),
  spec: `  completions: ${COMPLETIONS}\n  parallelism: 5\n`,
  podSpec: '      volumes: [{name: work, persistentVolumeClaim: {claimName: work}}]\n',
  container: '          volumeMounts: [{name: work, mountPath: /data}]\n',
});

const hook = (name: string, phase: string, script: string, policy = 'BeforeHookCreation'): string =>
  job({
    name,
    script,
    spec: '  backoffLimit: 0\n',
    annotations: `{argocd.argoproj.io/hook: ${phase}, argocd.argoproj.io/hook-delete-policy: ${policy}}`,
  });

const greeter = `apiVersion: apps/v1
kind: Deployment
metadata: {name: greeter, annotations: {symphony.dev/restart-on-change: "true"}}
spec:
  selector: {matchLabels: {app: greeter}}
  template:
    metadata: {labels: {app: greeter}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: main
          image: symphony.example/tools:1
          imagePullPolicy: IfNotPresent
          command: ["sh", "-c", ${JSON.stringify(`echo "$GREETING"; ${STAY}`)}]
          env: [{name: GREETING, valueFrom: {configMapKeyRef: {name: greeting, key: text}}}]
`;

const budget = (minAvailable: number): string => `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: guarded}
spec: {minAvailable: ${minAvailable}, selector: {matchLabels: {app: guarded}}}
`;

/** A schedule that is due every ten minutes, for tests that do not wait for the second time. */
const EVERY_MS = 600_000;
const cronJob = `apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "@every 10m"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - {name: main, image: "symphony.example/tools:1", imagePullPolicy: IfNotPresent, command: ["true"]}
`;

describe('workloads on real containers', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];

  beforeAll(async () => {
    symphony = await startSymphony({ nodes: 2 });
    kubectl = symphony.kubectl;
    await kubectl('wait', '--for=condition=Ready', 'nodes', '--all', WAIT_TIMEOUT);
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const apply = (text: string): Promise<string> => kubectl.withInput(text, 'apply', '-f', '-');
  const items = async (...args: readonly string[]): Promise<readonly KubeJson[]> =>
    (await kubectl.json('get', ...args))['items'] as readonly KubeJson[];

  it('count each pod of a Job of 20 completions once, across a crash of everything', async () => {
    await apply(documents(work, tally));
    const status = async (): Promise<KubeJson> => (await kubectl.json('get', 'job', 'tally'))['status'];
    await eventually('some have ended', async () => (await status())['succeeded'] >= 3);
    await symphony.kill({ withRedis: true });
    await symphony.start();
    await eventually('the Job is complete', async () =>
      ((await status())['conditions'] as KubeJson[] | undefined)?.some(({ type }) => type === 'Complete'),
    );
    expect(await status()).toMatchObject({ succeeded: COMPLETIONS, failed: FAILURES, ready: 0 });
    expect((await status())['uncountedTerminatedPods']).toEqual({});
    const pods = await items('pods', '-l', 'batch.kubernetes.io/job-name=tally');
    const ended = (phase: string): number => pods.filter((pod) => pod['status'].phase === phase).length;
    expect([ended('Succeeded'), ended('Failed'), pods.length]).toEqual([20, 3, 23]);
    expect(pods.flatMap(({ metadata }) => (metadata.finalizers as string[] | undefined) ?? [])).toEqual([]);
    const path = await kubectl('get', 'pv', '-o', 'jsonpath={.items[0].spec.local.path}');
    const runs = (await readFile(join(path, 'runs'), 'utf8')).trim().split('\n');
    expect(runs.sort()).toEqual(pods.map(({ metadata }) => metadata.name as string).sort());
    await kubectl('delete', 'job/tally', 'pvc/work');
    await eventually('the data of the claim is gone', async () => !existsSync(path));
  });

  it('run the Jobs that are hooks of a commit, around what it applies', async () => {
    const operation = async (): Promise<KubeJson> =>
      (await kubectl.json('get', 'app', 'root', '-n', 'symphony-system'))['status'].operationState;
    const failing = await symphony.repository.commit({
      'web.yaml': web({ name: 'hooked', replicas: 1 }),
      'migrate.yaml': hook('migrate', 'PreSync', 'exit 3'),
      'notify.yaml': hook('notify', 'PostSync', 'true', 'HookSucceeded'),
    });
    expect((await symphony.untilNote(failing, 'failure')).description).toMatch(/migrate.*exited 3/);
    expect((await kubectl.try('get', 'deployment', 'hooked')).stderr).toContain('NotFound');
    const mended = await symphony.repository.commit({
      'migrate.yaml': hook('migrate', 'PreSync', 'sleep 1'),
    });
    await symphony.untilNote(mended, 'success');
    expect(await operation()).toMatchObject({
      phase: 'Succeeded',
      syncResult: {
        revision: mended,
        resources: expect.arrayContaining([
          expect.objectContaining({ name: 'migrate', hookType: 'PreSync', hookPhase: 'Succeeded' }),
          expect.objectContaining({ name: 'notify', hookType: 'PostSync', hookPhase: 'Succeeded' }),
        ]) as unknown,
      },
    });
    const { status } = await kubectl.json('get', 'job', 'migrate');
    const { metadata } = await kubectl.json('get', 'deployment', 'hooked');
    expect(status.completionTime <= metadata.creationTimestamp).toBe(true);
    await eventually('the hook that succeeded is gone with its container', async () => {
      expect((await kubectl.try('get', 'job', 'notify')).stderr).toContain('NotFound');
      return !(await symphony.containers()).some(({ pod }) => pod.startsWith('notify-'));
    });
  });

  it('start anew, once, when a commit changes their configuration alone', async () => {
    const greeting = (text: string): Record<string, string> => ({
      'greeting.json': configMap('greeting', { text }),
    });
    const first = await symphony.repository.commit({ 'greeter.yaml': greeter, ...greeting('hello') });
    await symphony.untilNote(first, 'success');
    const says = async (text: string, revision: number): Promise<void> => {
      await eventually(`the greeter says ${text}`, async () => {
        const [pod, ...others] = await items('pods', '-l', 'app=greeter');
        if (!pod || others.length > 0) return false;
        return (await kubectl('logs', pod['metadata'].name as string)) === `${text}\n`;
      });
      expect(await items('replicasets', '-l', 'app=greeter')).toHaveLength(revision);
    };
    await says('hello', 1);
    await symphony.untilNote(await symphony.repository.commit(greeting('good day')), 'success');
    await says('good day', 2);
    const events = await kubectl('get', 'events', '--field-selector', 'reason=ConfigurationChanged');
    expect(events).toContain('Rolling out because of a change of ConfigMap "greeting"');
    await symphony.stop();
    await symphony.start();
    await symphony.untilNote(await symphony.repository.commit(greeting('good night')), 'success');
    await says('good night', 3);
  });

  it('are drained no faster than their budget allows', async () => {
    await apply(documents(web({ name: 'guarded', replicas: 3 }), budget(3)));
    await kubectl('rollout', 'status', 'deployment/guarded', WAIT_TIMEOUT);
    await kubectl('wait', '--for=jsonpath={.status.currentHealthy}=3', 'pdb/guarded', WAIT_TIMEOUT);
    const before = await items('pods', '-l', 'app=guarded');
    const node = before[0]?.['spec'].nodeName as string;
    const drain = (timeout: string) =>
      kubectl.try('drain', node, '--pod-selector=app=guarded', `--timeout=${timeout}`);
    const refused = await drain('2s');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("Cannot evict pod as it would violate the pod's disruption budget.");
    const uids = (pods: readonly KubeJson[]): readonly unknown[] =>
      pods.map(({ metadata }) => metadata.uid as string);
    expect(uids(await items('pods', '-l', 'app=guarded'))).toEqual(uids(before));

    const line =
      '{.metadata.name} {.status.conditions[?(@.type=="Ready")].status} {.metadata.deletionTimestamp}';
    await using watched = kubectl.start(
      ...['get', 'pods', '-l', 'app=guarded', '-w', '-o', `jsonpath=${line}{"\\n"}`],
    );
    await eventually('the pods are watched', async () => watched.stdout().split('\n').length > 3);
    await apply(budget(2));
    const drained = await drain('85s');
    expect(drained).toMatchObject({ code: 0 });
    const left = await items('pods', '-l', 'app=guarded', '--field-selector', `spec.nodeName=${node}`);
    expect(left).toEqual([]);
    await kubectl('rollout', 'status', 'deployment/guarded', WAIT_TIMEOUT);
    const healthy = healthyAtEachStep(watched.stdout());
    expect(healthy[2]).toBe(3);
    expect(Math.min(...healthy.slice(2))).toBe(2);
    await kubectl('uncordon', node);
  });

  it('start at a time that came while the control plane was down, and only once', async () => {
    const text = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+/, '');
    const dueMs = Math.ceil(Date.now() / 1000) * 1000 + 8_000;
    const schedule = (): Promise<string> => {
      const patch = JSON.stringify({ status: { lastScheduleTime: text(dueMs - EVERY_MS) } });
      return kubectl('patch', 'cronjob', 'tick', '--subresource=status', '--type=merge', '-p', patch);
    };
    const untilScheduled = (): Promise<string> =>
      kubectl('wait', `--for=jsonpath={.status.lastScheduleTime}=${text(dueMs)}`, 'cj/tick', WAIT_TIMEOUT);
    const jobs = async (): Promise<readonly KubeJson[]> =>
      (await items('jobs')).filter(({ metadata }) => metadata.ownerReferences?.[0].name === 'tick');
    await apply(cronJob);
    await schedule();
    await symphony.kill();
    await eventually('the time has come', async () => Date.now() > dueMs);
    await symphony.start();
    await untilScheduled();
    const [started, ...others] = await jobs();
    expect([started?.['metadata'].name, others]).toEqual([`tick-${Math.floor(dueMs / 60_000)}`, []]);
    await kubectl('wait', '--for=condition=Complete', `job/${started?.['metadata'].name}`, WAIT_TIMEOUT);
    // The control plane forgets that it started the Job, and recognises it.
    await schedule();
    await untilScheduled();
    expect((await jobs()).map(({ metadata }) => metadata.uid as string)).toEqual([started?.['metadata'].uid]);
    expect((await kubectl.json('get', 'cronjob', 'tick'))['status'].active).toBeUndefined();
    expect((await symphony.containers()).filter(({ pod }) => pod.startsWith('tick-'))).toHaveLength(1);
  });
});

/** The pods that were ready and are not being deleted, after each line of the watch. */
function healthyAtEachStep(output: string): readonly number[] {
  const healthy = new Set<string>();
  return output
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', ready, deleted = ''] = line.split(' ');
      if (deleted !== '') healthy.delete(name);
      else if (ready === 'True') healthy.add(name);
      return healthy.size;
    });
}

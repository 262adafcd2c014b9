/**
 * Workloads of many pods, through the API of the whole built program: a Deployment of 2,000 replicas
 * from its creation until all are bound and until all are ready, the way back to 0, a Job of 2,000
 * short pods, and the cost of the cluster at rest. Every write is durable in Redis (AOF) as always.
 * The baseline is Kubernetes 1.36 on a machine of the same kind: 200 pods bound a second.
 *
 * Hollow agents run in a process of their own, as agents are on other hosts. With `--no-agents`
 * there are Node objects only: the figure that compares with Kubernetes' fake nodes.
 * `--profile DIR` writes a CPU profile of the control plane.
 */
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { fromKubeconfig, type HttpApiClient } from '../src/client/http.ts';
import { resources } from '../src/client/types.ts';
import type { KubeObject } from '../src/schemas/object.ts';
import type { Job, Pod } from '../src/schemas/types.ts';
import { median, numberAfter, progress, reporter, spread, textAfter } from './support/figures.ts';
import { type HollowNodes, startHollowNodes } from './support/hollow-nodes.ts';
import { countRequests, difference } from './support/request-counts.ts';
import { startSymphony } from './support/symphony.ts';
import { usageOf } from './support/usage.ts';

const PODS = numberAfter('--pods', 2_000);
const NODES = numberAfter('--nodes', 100);
const REPEATS = numberAfter('--repeats', 3);
const HAS_AGENTS = !process.argv.includes('--no-agents');
const HAS_JOB = HAS_AGENTS && !process.argv.includes('--no-job');
const REST_SECONDS = numberAfter('--rest', 60);
const PROFILE = textAfter('--profile');
const KUBERNETES_PODS_PER_SECOND = 200;
/** Long enough to be seen as running, short enough not to count. */
const JOB_RUNS_MS = 1_000;

const report = reporter('workloads');
const symphony = await startSymphony({
  program: 'control-plane',
  flags: [
    // A share of the pod addresses for each of the nodes.
    ...['--node-cidr-mask-size', '27'],
    // Nobody renews the Leases of mere objects. All agents are one process, which a busy machine
    // holds up for seconds: Kubernetes' own period keeps evictions out of the figures.
    ...['--node-grace-period', HAS_AGENTS ? '40s' : '1h'],
  ],
  nodeFlags: PROFILE === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${PROFILE}`],
});
const client = await fromKubeconfig(symphony.kubectlConfig, { clock: systemClock, logger: silentLogger });
const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments' };
const JOBS = { group: 'batch', version: 'v1', plural: 'jobs' };

const podSpec = {
  terminationGracePeriodSeconds: 0,
  containers: [
    {
      name: 'main',
      image: 'registry.example/app:1',
      resources: { requests: { cpu: '10m', memory: '16Mi' } },
    },
  ],
};

const deployment = (name: string, replicas: number): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: podSpec },
  },
});

const job = (name: string): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, namespace: 'default' },
  spec: {
    completions: PODS,
    parallelism: PODS,
    template: { spec: { ...podSpec, restartPolicy: 'Never' } },
  },
});

/** A Node that says it is ready, with room for its share of the pods. */
function nodeObject(name: string): KubeObject {
  const room = { cpu: '32', memory: '64Gi', pods: '110' };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { capacity: room, allocatable: room, conditions };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, status };
}

/** Follows the pods of the namespace until `done` says so; resolves with the time that it took. */
async function follow(begin: () => Promise<unknown>, done: (pods: PodCount) => boolean): Promise<number> {
  const abort = new AbortController();
  const { resourceVersion, items } = await client.list<Pod>(resources.pods, { namespace: 'default' });
  const pods = new Map(items.map((pod) => [pod.metadata.name, pod]));
  const beganMs = performance.now();
  await begin();
  const watched = client.watch<Pod>(resources.pods, {
    namespace: 'default',
    resourceVersion,
    signal: abort.signal,
  });
  const count = { all: 0, bound: 0, ready: 0 };
  const add = (pod: Pod | undefined, by: 1 | -1): void => {
    if (pod?.spec.nodeName) count.bound += by;
    if (pod && isReady(pod)) count.ready += by;
  };
  for (const pod of items) add(pod, 1);
  if (done({ ...count, all: pods.size })) return 0;
  for await (const { type, object } of watched) {
    if (type === 'BOOKMARK') continue;
    const { name } = object.metadata;
    add(pods.get(name), -1);
    if (type === 'DELETED') pods.delete(name);
    else {
      pods.set(name, object);
      add(object, 1);
    }
    if (done({ ...count, all: pods.size })) break;
  }
  const tookMs = performance.now() - beganMs;
  abort.abort();
  return tookMs;
}

interface PodCount {
  readonly all: number;
  readonly bound: number;
  readonly ready: number;
}

const isReady = ({ status }: Pod): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

const rate = (ms: number): number => PODS / (ms / 1_000);
const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

async function scale(api: HttpApiClient, name: string, replicas: number): Promise<void> {
  const patch = { spec: { replicas } };
  await api.patch(DEPLOYMENTS, 'default', name, patch);
}

/** The CPU of the parts for each pod, until calm after `task`; and the requests that were answered. */
async function costing(what: string, task: () => Promise<void>): Promise<void> {
  const pids = { 'control plane': symphony.pid, Redis: symphony.redisPid, agents: agents?.pid };
  const look = (): (readonly [string, number])[] =>
    Object.entries(pids).flatMap(([name, pid]) =>
      pid === undefined ? [] : [[name, usageOf(pid).cpuSeconds] as const],
    );
  const [before, requests] = [new Map(look()), await countRequests(client)];
  await task();
  await pause(5);
  for (const [name, seconds] of look()) {
    const value = ((seconds - (before.get(name) ?? 0)) * 1_000) / PODS;
    report({ name: `${what}: CPU of ${name} per pod`, value, unit: 'ms' });
  }
  const counted = difference(requests, await countRequests(client))
    .map(([name, times]) => `${name} ${(times / PODS).toFixed(2)}`)
    .slice(0, 12);
  progress(`${what}: requests per pod: ${counted.join(', ')}`);
}

let agents: HollowNodes | undefined;
try {
  if (HAS_AGENTS) agents = await startHollowNodes(symphony, { nodes: NODES, runForMs: JOB_RUNS_MS });
  else
    for (let index = 0; index < NODES; index += 1)
      await client.create(resources.nodes, nodeObject(`node-${index}`));
  // The first pods of a cluster wait for nodes that may still come.
  await follow(
    () => client.create(DEPLOYMENTS, deployment('first', 1)),
    ({ bound }) => bound === 1,
  );
  await follow(
    () => scale(client, 'first', 0),
    ({ all }) => all === 0,
  );
  const times = { up: [] as number[], ready: [] as number[], down: [] as number[], job: [] as number[] };
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    progress(`repeat ${repeat + 1} of ${REPEATS}`);
    const name = `web-${repeat}`;
    await costing('Deployment up', async () => {
      const beganMs = performance.now();
      times.up.push(
        await follow(
          () => client.create(DEPLOYMENTS, deployment(name, PODS)),
          ({ bound }) => bound === PODS,
        ),
      );
      if (!HAS_AGENTS) return;
      await follow(
        () => Promise.resolve(),
        ({ ready }) => ready === PODS,
      );
      times.ready.push(performance.now() - beganMs);
    });
    if (repeat === REPEATS - 1 && REST_SECONDS > 0) await rest();
    await costing('Deployment down', async () => {
      times.down.push(
        await follow(
          () => scale(client, name, 0),
          ({ all }) => all === 0,
        ),
      );
    });
    if (HAS_JOB)
      await costing('Job', async () => {
        const beganMs = performance.now();
        await completed(`job-${repeat}`);
        times.job.push(performance.now() - beganMs);
      });
  }
  const names = {
    up: `${PODS} replicas created to all bound`,
    ready: `${PODS} replicas created to all ready`,
    down: `${PODS} replicas to none`,
    job: `Job of ${PODS} pods to Complete`,
  };
  for (const what of ['up', 'ready', 'down', 'job'] as const)
    if (times[what].length > 0)
      report({
        name: names[what],
        value: rate(median(times[what])),
        unit: 'pods/s',
        baseline: KUBERNETES_PODS_PER_SECOND,
        ratio: rate(median(times[what])) / KUBERNETES_PODS_PER_SECOND,
        note: `${spread(times[what])} ms`,
      });
} finally {
  client[Symbol.dispose]();
  await agents?.[Symbol.asyncDispose]();
  await symphony[Symbol.asyncDispose]();
}

/** Runs a Job until it is Complete; rejects when it fails, or is not over when its watch ends. */
async function completed(name: string): Promise<void> {
  const abort = new AbortController();
  const { metadata } = await client.create(JOBS, job(name));
  const { resourceVersion = '0' } = metadata;
  const watched = client.watch<Job>(JOBS, { namespace: 'default', resourceVersion, signal: abort.signal });
  let status: Job['status'];
  for await (const { object } of watched) {
    if (object.metadata.name !== name) continue;
    ({ status } = object);
    if (status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed')) break;
  }
  abort.abort();
  if (!status?.conditions?.some(({ type }) => type === 'Complete') || status.succeeded !== PODS)
    throw new Error(`The Job did not complete: ${JSON.stringify(status)}`);
}

async function rest(): Promise<void> {
  progress(`${PODS} pods run on ${NODES} nodes; measuring ${REST_SECONDS} s at rest`);
  await pause(30);
  const parts = [
    ['control plane', symphony.pid],
    ['Redis', symphony.redisPid],
    ...(agents ? [['agents', agents.pid] as const] : []),
  ] as const;
  const look = (): readonly number[] => parts.map(([, pid]) => usageOf(pid).cpuSeconds);
  const [before, requests] = [look(), await countRequests(client)];
  await pause(REST_SECONDS);
  const after = look();
  for (const [index, [name]] of parts.entries()) {
    const value = (((after[index] ?? 0) - (before[index] ?? 0)) / REST_SECONDS) * 100;
    report({ name: `CPU at rest, ${name}`, value, unit: '% of a core' });
  }
  const counted = difference(requests, await countRequests(client));
  progress(
    `requests a second at rest: ${counted.map(([name, times]) => `${name} ${(times / REST_SECONDS).toFixed(2)}`).join(', ')}`,
  );
  const { residentMib } = usageOf(symphony.pid);
  report({ name: 'memory at rest, control plane', value: residentMib, unit: 'MiB' });
}

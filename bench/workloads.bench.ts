/**
 * Workloads of many pods, through the API of the whole built program: a Deployment of 2,000 replicas
 * from its creation until all are bound, the way back to 0, and the cost of the cluster at rest.
 * Every write is durable in Redis (AOF) as always. The baseline is Kubernetes 1.36 on a machine of
 * the same kind: 200 pods bound a second.
 *
 * As it stands, hollow agents run in the process. With `--no-agents` there are Node objects only and
 * no agents: the figure that compares with Kubernetes' fake nodes.
 */
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { fromKubeconfig, type HttpApiClient } from '../src/client/http.ts';
import { resources } from '../src/client/types.ts';
import type { KubeObject } from '../src/schemas/object.ts';
import type { Pod } from '../src/schemas/types.ts';
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';
import { startSymphony } from './support/symphony.ts';
import { usageOf } from './support/usage.ts';

const PODS = numberAfter('--pods', 2_000);
const NODES = numberAfter('--nodes', 100);
const REPEATS = numberAfter('--repeats', 3);
const HAS_AGENTS = !process.argv.includes('--no-agents');
const REST_SECONDS = numberAfter('--rest', 60);
const KUBERNETES_PODS_PER_SECOND = 200;

const report = reporter('workloads');
/** A share of the pod addresses for each of the nodes. */
const SLICES = ['--node-cidr-mask-size', '27'];
const symphony = await startSymphony(
  HAS_AGENTS
    ? { flags: ['--runtime', 'hollow', '--nodes', String(NODES), ...SLICES] }
    : // Nobody renews the Leases of the nodes.
      { program: 'control-plane', flags: ['--node-grace-period', '1h', ...SLICES] },
);
const client = await fromKubeconfig(symphony.kubectlConfig, { clock: systemClock, logger: silentLogger });
const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments' };

const deployment = (name: string, replicas: number): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'main',
            image: 'registry.example/app:1',
            resources: { requests: { cpu: '10m', memory: '16Mi' } },
          },
        ],
      },
    },
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
  let bound = items.filter(({ spec }) => spec.nodeName).length;
  for await (const { type, object } of watched) {
    const { name } = object.metadata;
    const wasBound = pods.get(name)?.spec.nodeName ? 1 : 0;
    if (type === 'DELETED') pods.delete(name);
    else pods.set(name, object);
    bound += (type !== 'DELETED' && object.spec.nodeName ? 1 : 0) - wasBound;
    if (done({ all: pods.size, bound })) break;
  }
  const tookMs = performance.now() - beganMs;
  abort.abort();
  return tookMs;
}

interface PodCount {
  readonly all: number;
  readonly bound: number;
}

const rate = (ms: number): number => PODS / (ms / 1_000);
/** Milliseconds of CPU that each pod costs, of the control plane and of Redis. */
async function measured(figures: Measured, follows: Promise<number>): Promise<void> {
  const cpu = (): number[] => [symphony.pid, symphony.redisPid].map((pid) => usageOf(pid).cpuSeconds);
  const before = cpu();
  figures.tookMs.push(await follows);
  const spent = cpu().map((seconds, index) => ((seconds - (before[index] ?? 0)) * 1_000) / PODS);
  figures.cpu.push(spent[0] ?? 0);
  figures.redisCpu.push(spent[1] ?? 0);
}

interface Measured {
  readonly tookMs: number[];
  readonly cpu: number[];
  readonly redisCpu: number[];
}

const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

async function scale(api: HttpApiClient, name: string, replicas: number): Promise<void> {
  const patch = { spec: { replicas } };
  await api.patch(DEPLOYMENTS, 'default', name, patch);
}

try {
  for (let index = 0; !HAS_AGENTS && index < NODES; index += 1)
    await client.create(resources.nodes, nodeObject(`node-${index}`));
  // The first pods of a cluster wait for nodes that may still come.
  await follow(
    () => client.create(DEPLOYMENTS, deployment('first', 1)),
    ({ bound }) => bound === 1,
  );
  await follow(
    () => client.delete(DEPLOYMENTS, 'default', 'first'),
    ({ all }) => all === 0,
  );
  const none = (): Measured => ({ tookMs: [], cpu: [], redisCpu: [] });
  const times = { up: none(), down: none() };
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    progress(`repeat ${repeat + 1} of ${REPEATS}`);
    const name = `web-${repeat}`;
    await measured(
      times.up,
      follow(
        () => client.create(DEPLOYMENTS, deployment(name, PODS)),
        ({ bound }) => bound === PODS,
      ),
    );
    await pause(10);
    const isLast = repeat === REPEATS - 1;
    if (isLast && REST_SECONDS > 0) await rest();
    await measured(
      times.down,
      follow(
        () => scale(client, name, 0),
        ({ all }) => all === 0,
      ),
    );
    await pause(5);
  }
  for (const [way, { tookMs, cpu, redisCpu }] of Object.entries(times)) {
    const what = way === 'up' ? `${PODS} replicas created to all bound` : `${PODS} replicas to none`;
    report({
      name: what,
      value: rate(median(tookMs)),
      unit: 'pods/s',
      baseline: KUBERNETES_PODS_PER_SECOND,
      ratio: rate(median(tookMs)) / KUBERNETES_PODS_PER_SECOND,
      note: `${spread(tookMs)} ms`,
    });
    report({ name: `${what}: CPU of the control plane`, value: median(cpu), unit: 'ms/pod' });
    report({ name: `${what}: CPU of Redis`, value: median(redisCpu), unit: 'ms/pod' });
  }
} finally {
  client[Symbol.dispose]();
  await symphony[Symbol.asyncDispose]();
}

async function rest(): Promise<void> {
  progress(`${PODS} pods run on ${NODES} nodes; measuring ${REST_SECONDS} s at rest`);
  await pause(30);
  const before = [usageOf(symphony.pid), usageOf(symphony.redisPid)] as const;
  await pause(REST_SECONDS);
  const after = [usageOf(symphony.pid), usageOf(symphony.redisPid)] as const;
  const share = (index: 0 | 1): number =>
    ((after[index].cpuSeconds - before[index].cpuSeconds) / REST_SECONDS) * 100;
  const unit = '% of a core';
  report({ name: 'CPU at rest, control plane and agents', value: share(0), unit });
  report({ name: 'CPU at rest, Redis', value: share(1), unit });
  report({ name: 'memory at rest, control plane and agents', value: after[0].residentMib, unit: 'MiB' });
}

/**
 * CPU of one change of a pod's readiness in a Service with many pods: the controllers of Endpoints,
 * EndpointSlices and mirrors on a store in Redis, until everything that follows is written and the
 * later look at the own writes is over. The same change of a pod without a Service is subtracted.
 * A second figure changes many pods at once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger as logger } from '../src/base/logger.ts';
import { createAbort } from '../src/base/abort.ts';
import { systemClock as clock } from '../src/base/clock.ts';
import { systemRng as rng } from '../src/base/rng.ts';
import { createEventRecorder, writerEventSink } from '../src/client/event-recorder.ts';
import type { ControllerContext } from '../src/controllers/controller.ts';
import { endpointsController } from '../src/controllers/endpoints/endpoints-controller.ts';
import { endpointSliceController } from '../src/controllers/endpoint-slice/endpoint-slice-controller.ts';
import { mirroringController } from '../src/controllers/endpoint-slice-mirroring/endpoint-slice-mirroring-controller.ts';
import { startControllers } from '../src/controllers/start-controllers.ts';
import { createResourceCore } from '../src/resources/resource-core.ts';
import { createPlacementProofs } from '../src/resources/writing/placement-proof.ts';
import { asSoleWriter } from '../src/store/embedded/sole-writer.ts';
import type { KubeObject } from '../src/schemas/object.ts';
import { builtinFormat, builtinRegistry as registry } from '../src/schemas/registry.ts';
import type { EndpointSlice, Pod } from '../src/schemas/types.ts';
import { createCacheSet } from '../src/store/cache/cache-set.ts';
import { createRedisStore } from '../src/store/redis/redis-store.ts';
import { aNode } from '../test/support/builders.ts';
import { createObjects } from '../test/support/objects.ts';
import { startTestRedis } from '../test/support/redis.ts';
import { benchPod } from './support/api-pod.ts';
import { median, numberAfter, percentile, progress, reporter, spread } from './support/figures.ts';

const PODS = numberAfter('--pods', 2_000);
const CHANGES = numberAfter('--changes', 15);
const NODES = 20;
const BATCH = 500;
/** Longer than the delay after which controllers look at slices that they wrote. */
const REST_MS = 1_500;
const report = reporter('endpoints');

const redis = await startTestRedis();
const inner = await createRedisStore({ url: redis.url, logger, clock, format: builtinFormat });
const store = asSoleWriter(inner, { logger });
await store.setClusterState({ epoch: 'bench', phase: 'normal' }, undefined);
const caches = createCacheSet({ store, clock, logger });
const proofs = createPlacementProofs(Buffer.alloc(32, 7));
const objects = createObjects({ store, registry, clock, rng, proofs });
const core = createResourceCore({ store, caches, registry, clock, rng, logger, proofs });
const abort = createAbort();
const events = createEventRecorder({
  sink: writerEventSink(objects, registry),
  clock,
  logger,
  source: { component: 'bench' },
});
const context: ControllerContext = {
  caches,
  writer: core.as({ user: { name: 'system:kube-controller-manager', groups: [] } }),
  store,
  registry,
  clock,
  rng,
  logger,
  events,
  signal: abort.signal,
  mayAct: () => true,
  onConditionChange: () => ({ [Symbol.dispose]: () => undefined }),
};
const pods = await caches.open<Pod>('pods');
const slices = await caches.open<EndpointSlice>('endpointslices.discovery.k8s.io');
let writes = 0;
for (const resource of ['endpoints', 'endpointslices.discovery.k8s.io'] as const)
  (await caches.open(resource)).subscribe(() => (writes += 1));

progress(`creating ${PODS} pods`);
await objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
for (let index = 0; index < NODES; index += 1)
  await objects.create(
    aNode({ name: `node-${index}`, labels: { 'topology.kubernetes.io/zone': `z${index % 3}` } }),
  );
/** Creates pods, and reports of them as an agent does. */
async function createPods(made: readonly KubeObject[]): Promise<void> {
  const verbs = [{ verb: 'create' as const }, { verb: 'update' as const, subresource: 'status' as const }];
  for (const verb of verbs) await objects.apply(made.map((object) => ({ ...verb, object })));
}
for (let start = 0; start < PODS; start += BATCH) {
  const indexes = Array.from({ length: Math.min(BATCH, PODS - start) }, (_, index) => start + index);
  await createPods(indexes.map((index) => benchPod(`web-${index}`, index, `node-${index % NODES}`)));
}
const stray = benchPod('stray', PODS, 'node-1');
await createPods([{ ...stray, metadata: { ...stray.metadata, labels: { app: 'other' } } }]);
await objects.create({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    clusterIP: '10.96.0.10',
    ipFamilies: ['IPv4'],
    selector: { app: 'web' },
    ports: [{ port: 80, protocol: 'TCP', targetPort: 'http' }],
  },
});

const controllers = await startControllers(context, [
  endpointsController,
  endpointSliceController,
  mirroringController,
]);
const endpointCount = (): number =>
  slices.list().reduce((sum, { endpoints }) => sum + (endpoints ?? []).length, 0);
while (endpointCount() < PODS) await delay(50);
await delay(REST_MS);

async function flip(names: readonly string[]): Promise<void> {
  const status = (pod: Pod): Pod => {
    const conditions = (pod.status?.conditions ?? []).map((condition) =>
      condition.type === 'Ready'
        ? { ...condition, status: condition.status === 'True' ? ('False' as const) : ('True' as const) }
        : condition,
    );
    return { ...pod, status: { ...pod.status, conditions } };
  };
  await Promise.all(
    names.map((name) =>
      objects.update(status(pods.get(`default/${name}`) as Pod), { subresource: 'status' }),
    ),
  );
}

async function cost(names: readonly string[]): Promise<{ readonly cpuMs: number; readonly written: number }> {
  const begin = process.cpuUsage();
  writes = 0;
  await flip(names);
  await delay(REST_MS);
  const { user, system } = process.cpuUsage(begin);
  return { cpuMs: (user + system) / 1000, written: writes };
}

const [ours, idle, written]: [number[], number[], number[]] = [[], [], []];
for (let round = 0; round < CHANGES; round += 1) {
  progress(`change ${round + 1} of ${CHANGES}`);
  idle.push((await cost(['stray'])).cpuMs);
  const { cpuMs, written: count } = await cost([`web-${round * 7}`]);
  ours.push(cpuMs);
  written.push(count);
}
const base = median(idle);
report({
  name: `CPU of a change in a Service of ${PODS} pods`,
  value: median(ours) - base,
  unit: 'ms',
  note: `p95 ${percentile(ours, 95).toFixed(1)}; ${spread(ours)} with ${base.toFixed(1)} ms of the change itself`,
});
report({ name: 'objects written for a change', value: median(written), unit: 'objects' });
const crowd = Array.from({ length: Math.min(500, PODS) }, (_, index) => `web-${index}`);
const together = await cost(crowd);
report({
  name: `CPU of a change when ${crowd.length} pods change at once`,
  value: together.cpuMs / crowd.length,
  unit: 'ms',
  note: `${together.written} objects written; the changes of the pods are part of it`,
});

abort.abort();
await controllers[Symbol.asyncDispose]();
await events.flush();
await caches[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]?.();
await redis[Symbol.asyncDispose]();

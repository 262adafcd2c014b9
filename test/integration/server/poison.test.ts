/**
 * A stored value that nobody can read, or that is no proper object, stops nobody else; its key is
 * told.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources } from '../../../src/client/types.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { type InProcess, startInProcess } from '../../support/in-process.ts';
import { eventually } from '../../support/kubectl.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';

const type = { apiVersion: 'v1', kind: 'Pod' };
const metadata = { name: 'x', namespace: 'default', uid: 'u', labels: { app: 'web' } };

/** Values in the place of a pod. The key names the pod; the value may name another. */
const POISON: Readonly<Record<string, string>> = {
  'no-json': '{broken',
  null: 'null',
  list: '[]',
  'no-metadata': JSON.stringify(type),
  'no-name': JSON.stringify({ ...type, metadata: {} }),
  'no-spec': JSON.stringify({ ...type, metadata: { ...metadata, name: 'no-spec' } }),
  'null-spec': JSON.stringify({ ...type, metadata: { ...metadata, name: 'null-spec' }, spec: null }),
  'no-containers': JSON.stringify({ ...type, metadata: { ...metadata, name: 'no-containers' }, spec: {} }),
  'bad-containers': JSON.stringify({
    ...type,
    metadata: { ...metadata, name: 'bad-containers' },
    spec: { containers: [null], volumes: 7, tolerations: 'all' },
    status: { phase: 'Pending', conditions: { a: 'b' } },
  }),
  'bad-metadata': JSON.stringify({
    ...type,
    metadata: {
      name: 'bad-metadata',
      namespace: 'default',
      labels: [],
      ownerReferences: 'me',
      finalizers: {},
    },
    spec: { containers: [{ name: 'a', image: 'b', resources: { requests: { cpu: {} } } }] },
  }),
};

let directory: string;
let redis: TestRedis;
let symphony: InProcess;

/** Kinds whose controllers meet values without a spec, or with one that is none. */
const OTHER_KINDS: readonly (readonly [resource: string, apiVersion: string, kind: string])[] = [
  ['deployments.apps', 'apps/v1', 'Deployment'],
  ['replicasets.apps', 'apps/v1', 'ReplicaSet'],
  ['statefulsets.apps', 'apps/v1', 'StatefulSet'],
  ['daemonsets.apps', 'apps/v1', 'DaemonSet'],
  ['controllerrevisions.apps', 'apps/v1', 'ControllerRevision'],
  ['jobs.batch', 'batch/v1', 'Job'],
  ['cronjobs.batch', 'batch/v1', 'CronJob'],
  ['horizontalpodautoscalers.autoscaling', 'autoscaling/v2', 'HorizontalPodAutoscaler'],
  ['services', 'v1', 'Service'],
  ['endpoints', 'v1', 'Endpoints'],
  ['endpointslices.discovery.k8s.io', 'discovery.k8s.io/v1', 'EndpointSlice'],
  ['persistentvolumeclaims', 'v1', 'PersistentVolumeClaim'],
];
const SPECS = {
  none: undefined,
  null: null,
  number: 7,
  strange: { selector: 'x', template: [], schedule: 9 },
};

async function poisonOtherKinds(): Promise<void> {
  for (const [resource, apiVersion, kind] of OTHER_KINDS)
    for (const [name, spec] of Object.entries(SPECS)) {
      const object = {
        apiVersion,
        kind,
        metadata: { name, namespace: 'default', uid: `${kind}-${name}` },
        spec,
      };
      await poison(`default/${name}`, JSON.stringify(object), resource);
    }
}

/** As the script of a commit would write it, log entry and all. */
async function poison(key: string, value: string, resource = 'pods'): Promise<void> {
  const version = String(Number(await redis.command('HGET', '{symphony}:meta', 'last')) + 1_000_000);
  await redis.command('HSET', `{symphony}:o:${resource}`, key, `${version} ${value}`);
  await redis.command('XADD', `{symphony}:log:${resource}`, `${version}-0`, `A${key}`, value);
  await redis.command('HSET', '{symphony}:meta', 'last', version, `last:${resource}`, version);
}

/** Each makes the given number of pods on one node. */
const WORKLOADS = [
  { group: 'apps', kind: 'Deployment', plural: 'deployments', pods: 2, spec: { replicas: 2 } },
  { group: 'apps', kind: 'StatefulSet', plural: 'statefulsets', pods: 1, spec: { serviceName: 'x' } },
  { group: 'apps', kind: 'DaemonSet', plural: 'daemonsets', pods: 1, spec: {} },
  { group: 'batch', kind: 'Job', plural: 'jobs', pods: 1, spec: {} },
] as const;

function workload(name: string, { group, kind, spec }: (typeof WORKLOADS)[number]): KubeObject {
  const isJob = kind === 'Job';
  const containers = [{ name: 'a', image: 'example.test/web:1' }];
  return {
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name, namespace: 'default' },
    spec: {
      ...spec,
      ...(isJob ? {} : { selector: { matchLabels: { app: kind } } }),
      template: {
        metadata: { labels: { app: kind, of: name } },
        spec: { containers, ...(isJob ? { restartPolicy: 'Never' } : {}) },
      },
    },
  };
}

async function rollsOut(name: string): Promise<void> {
  for (const one of WORKLOADS)
    await symphony.client.create(
      { group: one.group, version: 'v1', plural: one.plural },
      workload(name, one),
    );
  await eventually(
    `${name} runs`,
    async () => {
      const { items } = await symphony.client.list<Pod>(resources.pods, {
        namespace: 'default',
        labelSelector: `of=${name}`,
      });
      const started = items.filter(({ status }) => ['Running', 'Succeeded'].includes(status?.phase ?? ''));
      return WORKLOADS.every(
        ({ kind, pods }) =>
          started.filter(({ metadata }) => metadata.labels?.['app'] === kind).length === pods,
      );
    },
    30_000,
  );
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-poison-'));
  redis = await startTestRedis();
  symphony = await startInProcess({ directory, redisUrl: redis.url });
});
afterAll(async () => {
  await symphony[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

describe('poison in the store', () => {
  it('that comes while everybody watches stops nobody', async () => {
    const seen: string[] = [];
    const { resourceVersion } = await symphony.client.list(resources.pods, { namespace: 'default' });
    const abort = new AbortController();
    const watching = (async () => {
      const { signal } = abort;
      const options = { namespace: 'default', resourceVersion, signal };
      for await (const { object } of symphony.client.watch<Pod>(resources.pods, options))
        seen.push(object.metadata.name);
    })();
    for (const [name, value] of Object.entries(POISON)) await poison(`default/${name}`, value);
    await poisonOtherKinds();
    await rollsOut('after-poison');
    await eventually('the watch goes on', async () => seen.some((name) => name.startsWith('after-poison-')));
    abort.abort();
    await watching;
    expect(seen.filter((name) => !name.startsWith('after-poison-'))).toEqual([]);
  });

  it('names its key in an error', () => {
    const named = new Set(symphony.log.filter(({ level }) => level === 50).map(({ key }) => key));
    expect([...Object.keys(POISON)].filter((name) => !named.has(`default/${name}`))).toEqual([]);
  });

  it('that is there at the start stops nobody either', async () => {
    await symphony[Symbol.asyncDispose]();
    symphony = await startInProcess({ directory, redisUrl: redis.url });
    await rollsOut('after-start');
    const { items } = await symphony.client.list(resources.pods, { namespace: 'default' });
    expect(items.map((pod) => pod.metadata.name).filter((name) => !name.startsWith('after-'))).toEqual([]);
    const named = new Set(symphony.log.filter(({ level }) => level === 50).map(({ key }) => key));
    expect([...Object.keys(POISON)].filter((name) => !named.has(`default/${name}`))).toEqual([]);
  });

  it('can be overcome: a pod of that name is refused with the reason, and others are served', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'no-json', namespace: 'default' },
      spec: { containers: [{ name: 'a', image: 'b' }] },
    };
    await expect(symphony.client.create(resources.pods, pod)).rejects.toMatchObject({
      reason: 'AlreadyExists',
    });
    await expect(symphony.client.get(resources.pods, 'default', 'no-json')).rejects.toMatchObject({
      reason: 'NotFound',
    });
  });
});

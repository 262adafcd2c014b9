/** The whole agent on a real engine: several containers, an init container, a ConfigMap volume, probes, a restart, the agent's own restart. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { systemRng } from '../../../src/base/rng.ts';
import { type NodeAgent, createNodeAgent } from '../../../src/node-agent/agent.ts';
import { createDiskPodVolumes } from '../../../src/node-agent/disk-pod-volumes.ts';
import { createSocketProbeIo } from '../../../src/node-agent/probes/socket-probe-io.ts';
import { createFileRecordStore } from '../../../src/node-agent/records/file-record-store.ts';
import { createDockerRuntime } from '../../../src/node-agent/runtime/docker/create-docker-runtime.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { createAgentFakeApi } from '../../support/agent-fake-api.ts';
import { aPod } from '../../support/agent-world.ts';
import {
  TEST_IMAGE,
  connectDocker,
  engineHost,
  ensureTestImages,
  freeSubnet,
  removeCluster,
  uniqueCluster,
} from '../../support/docker.ts';

const cluster = uniqueCluster('agent');
const api = createAgentFakeApi();
const docker = connectDocker();
let dataDir: string;
let agent: NodeAgent;
let network: { name: string; subnet: string; gateway: string };

function makeAgent(): NodeAgent {
  const clock = systemClock;
  const logger = silentLogger;
  return createNodeAgent({
    client: api.client,
    runtime: createDockerRuntime({ host: engineHost(), cluster, node: 'n1', clock, logger }),
    clock,
    rng: systemRng,
    logger,
    nodeName: 'n1',
    nodeIp: '127.0.0.1',
    cluster,
    records: createFileRecordStore(join(dataDir, 'record'), logger),
    volumes: createDiskPodVolumes({
      client: api.client,
      dataDir,
      clock,
      logger,
      isRoot: false,
      engineSees: () => Promise.resolve(true),
      clusterDomain: 'cluster.local',
    }),
    probeIo: createSocketProbeIo(clock),
    network,
  });
}

beforeAll(async () => {
  await ensureTestImages();
  dataDir = await mkdtemp(join(tmpdir(), 'symphony-agent-'));
  const free = await freeSubnet();
  network = { name: `symphony-${cluster}`, subnet: free.subnet, gateway: free.gateway };
  api.put('nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec: { podCIDR: free.subnet },
  });
  agent = makeAgent();
  await agent.start();
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await removeCluster(cluster, docker);
  await rm(dataDir, { recursive: true, force: true });
});

const statusOf = (): Pod['status'] => api.get<Pod>('pods', 'default/web')?.status;
const isReady = (): boolean =>
  statusOf()?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
const eventually = (check: () => unknown): Promise<void> =>
  vi.waitFor(
    () => {
      expect(check()).toBeTruthy();
    },
    { timeout: 30_000, interval: 50 },
  );
const listed = () =>
  docker.listContainers({ all: true, filters: { label: [`symphony.dev/cluster=${cluster}`] } });

it('runs, restarts, takes over and ends a pod of several containers on a real engine', async () => {
  api.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'page', namespace: 'default' },
    data: { 'index.html': 'hello' },
  });
  api.put(
    'pods',
    aPod('web', {
      terminationGracePeriodSeconds: 2,
      volumes: [
        { name: 'page', configMap: { name: 'page' } },
        { name: 'shared', emptyDir: {} },
      ],
      initContainers: [
        {
          name: 'prepare',
          image: TEST_IMAGE,
          command: ['sh', '-c', 'cp /page/index.html /shared/'],
          volumeMounts: [
            { name: 'page', mountPath: '/page' },
            { name: 'shared', mountPath: '/shared' },
          ],
        },
      ],
      containers: [
        {
          name: 'httpd',
          image: TEST_IMAGE,
          command: ['httpd', '-f', '-p', '8080', '-h', '/shared'],
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
          readinessProbe: { httpGet: { port: 8080, path: '/index.html' }, periodSeconds: 1 },
          livenessProbe: { exec: { command: ['cat', '/shared/index.html'] }, periodSeconds: 1 },
        },
        {
          name: 'side',
          image: TEST_IMAGE,
          command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'],
          readinessProbe: {
            tcpSocket: { host: '127.0.0.1', port: 1 },
            periodSeconds: 1,
            failureThreshold: 1000,
          },
        },
      ],
    }),
  );
  await eventually(() => statusOf()?.containerStatuses?.find(({ name }) => name === 'httpd')?.ready);
  expect(statusOf()).toMatchObject({ phase: 'Running' });
  expect(isReady()).toBe(false);
  expect(statusOf()?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 0,
    reason: 'Completed',
  });

  const httpd = (await listed()).find(
    ({ Names, State }) => Names[0]?.includes('k8s_httpd') && State === 'running',
  );
  await docker.getContainer(httpd?.Id ?? '').kill();
  await eventually(() => {
    const status = statusOf()?.containerStatuses?.find(({ name }) => name === 'httpd');
    return status?.restartCount === 1 && status.ready;
  });
  expect(statusOf()?.containerStatuses?.find(({ name }) => name === 'httpd')?.lastState).toMatchObject({
    terminated: { exitCode: 137, reason: 'Error' },
  });

  const before = (await listed()).map(({ Id, State }) => `${Id} ${State}`).sort();
  await agent[Symbol.asyncDispose]();
  agent = makeAgent();
  await agent.start();
  await eventually(() => agent.synced);
  expect((await listed()).map(({ Id, State }) => `${Id} ${State}`).sort()).toEqual(before);

  const pod = api.get<Pod>('pods', 'default/web');
  if (pod) {
    const metadata = {
      ...pod.metadata,
      deletionTimestamp: '2026-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 2,
    };
    api.put('pods', { ...pod, metadata });
  }
  await eventually(() => api.get('pods', 'default/web') === undefined);
  expect(await listed()).toEqual([]);
});

it('makes a crashed container again without the control plane, with its configuration, and keeps its last words', async () => {
  const object = (kind: string, name: string, data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: 'default' },
    data,
  });
  api.put('configmaps', object('ConfigMap', 'greeting', { text: 'hello' }));
  api.put('secrets', object('Secret', 'key', { KEY: Buffer.from('s3cret').toString('base64') }));
  api.put(
    'pods',
    aPod('away', {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'greeting', configMap: { name: 'greeting' } }],
      containers: [
        {
          name: 'main',
          image: TEST_IMAGE,
          command: ['sh', '-c', 'echo "$KEY $(cat /greeting/text)"; sleep 3600; echo ended'],
          envFrom: [{ secretRef: { name: 'key' } }],
          volumeMounts: [{ name: 'greeting', mountPath: '/greeting' }],
        },
      ],
    }),
  );
  const status = () => api.get<Pod>('pods', 'default/away')?.status?.containerStatuses?.[0];
  const attempt = async (number: number) =>
    (await listed()).find(({ Names, State }) => Names[0]?.endsWith(`_${number}`) && State === 'running');
  await eventually(() => status()?.ready);
  api.setAway(true);
  await agent[Symbol.asyncDispose]();
  agent = makeAgent();
  await agent.start();
  await docker.getContainer((await attempt(0))?.Id ?? '').kill();
  await vi.waitFor(async () => expect(await attempt(1)).toBeDefined(), { timeout: 30_000, interval: 50 });
  const logs = await docker.getContainer((await attempt(1))?.Id ?? '').logs({ stdout: true });
  expect(logs.toString()).toContain('s3cret hello');
  api.setAway(false);
  await eventually(() => status()?.restartCount === 1);
  expect(status()?.lastState?.terminated).toMatchObject({ exitCode: 137, message: 's3cret hello' });
});

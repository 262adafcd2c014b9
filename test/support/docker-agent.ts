/**
 * A whole agent on the real engine, with the API in memory: for tests of what agent and engine do
 * together.
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { expect } from 'vitest';
import { comesTrue } from './comes-true.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRng } from '../../src/base/rng.ts';
import { type NodeAgent, createNodeAgent } from '../../src/node-agent/agent.ts';
import { createDiskPodVolumes } from '../../src/node-agent/volumes/disk-pod-volumes.ts';
import { createSocketProbeIo } from '../../src/node-agent/probes/socket-probe-io.ts';
import { createFileRecordStore } from '../../src/node-agent/records/file-record-store.ts';
import { createDockerRuntime } from '../../src/node-agent/runtime/docker/create-docker-runtime.ts';
import { listMountsBelow, unmount } from '../../src/node-agent/volumes/mounts.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { type AgentFakeApi, createAgentFakeApi } from './agent-fake-api.ts';
import {
  connectDocker,
  engineHost,
  ensureTestImages,
  freeSubnet,
  removeCluster,
  uniqueCluster,
} from './docker.ts';

export interface DockerAgent extends AsyncDisposable {
  readonly api: AgentFakeApi;
  readonly docker: Docker;
  readonly dataDir: string;
  readonly agent: NodeAgent;
  /** Ends the agent, not the containers, and starts another on the same records. */
  restart(): Promise<void>;
  pod(name: string): Pod | undefined;
  /** Marks the pod as being deleted, with a short grace. */
  deletePod(name: string): void;
  /** All containers of the cluster. */
  listed(): Promise<readonly Docker.ContainerInfo[]>;
}

/** `isRoot`: whether the agent may mount. `given`: its directory, which the caller has made. */
export async function startDockerAgent(name: string, isRoot: boolean, given?: string): Promise<DockerAgent> {
  await ensureTestImages();
  const cluster = uniqueCluster(name);
  const api = createAgentFakeApi();
  const docker = connectDocker();
  const dataDir = given ?? (await realpath(await mkdtemp(join(tmpdir(), 'symphony-agent-'))));
  const { subnet, gateway } = await freeSubnet();
  const clock = systemClock;
  const logger = silentLogger;
  api.put('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec: { podCIDR: subnet } });

  async function start(): Promise<NodeAgent> {
    const runtime = createDockerRuntime({ host: engineHost(), cluster, node: 'n1', clock, logger });
    const made = createNodeAgent({
      client: api.client,
      runtime,
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
        isRoot,
        engineSees: (path) => runtime.sees(path),
        clusterDomain: 'cluster.local',
      }),
      probeIo: createSocketProbeIo(clock),
      network: { name: `symphony-${cluster}`, subnet, gateway },
    });
    await made.start();
    return made;
  }
  let agent = await start();
  return {
    api,
    docker,
    dataDir,
    get agent() {
      return agent;
    },
    async restart() {
      await agent[Symbol.asyncDispose]();
      agent = await start();
    },
    pod: (podName) => api.get<Pod>('pods', `default/${podName}`),
    deletePod(podName) {
      const pod = api.get<Pod>('pods', `default/${podName}`);
      if (!pod) throw new Error(`there is no pod ${podName}`);
      const deletion = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 2 };
      api.put('pods', { ...pod, metadata: { ...pod.metadata, ...deletion } });
    },
    listed: () =>
      docker.listContainers({ all: true, filters: { label: [`symphony.dev/cluster=${cluster}`] } }),
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await removeCluster(cluster, docker);
      for (const point of await listMountsBelow(dataDir)) await unmount(point);
      if (given === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Waits until the check is true. */
export const eventually = (check: () => unknown): Promise<void> =>
  comesTrue(async () => {
    expect(await check()).toBeTruthy();
  });

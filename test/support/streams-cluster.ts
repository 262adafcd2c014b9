/**
 * A real API server and a real agent on the real engine, joined by a real tunnel: what streams
 * need, and nothing else.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { comesTrue } from './comes-true.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRng } from '../../src/base/rng.ts';
import { createHttpClient } from '../../src/client/http.ts';
import { createNodeAgent } from '../../src/node-agent/agent.ts';
import { createDiskPodVolumes } from '../../src/node-agent/volumes/disk-pod-volumes.ts';
import { createSocketProbeIo } from '../../src/node-agent/probes/socket-probe-io.ts';
import { createMemoryRecordStore } from './memory-record-store.ts';
import { createDockerRuntime } from '../../src/node-agent/runtime/docker/create-docker-runtime.ts';
import { startTestServer, type TestServer } from '../api/test-server.ts';
import {
  connectDocker,
  engineHost,
  ensureTestImages,
  freeSubnet,
  removeCluster,
  uniqueCluster,
} from './docker.ts';
import { WAIT_TIMEOUT } from './kubectl.ts';

export interface StreamsCluster extends AsyncDisposable {
  readonly server: TestServer;
  /** Creates a pod of this specification and waits until it is Ready. */
  run(name: string, spec: object): Promise<void>;
}

export async function startStreamsCluster(): Promise<StreamsCluster> {
  await ensureTestImages();
  const docker = connectDocker();
  const cluster = uniqueCluster('streams');
  const server = await startTestServer({}, ['default', 'kube-node-lease']);
  const dataDir = await mkdtemp(join(tmpdir(), 'symphony-streams-'));
  const free = await freeSubnet();
  const clock = systemClock;
  const logger = silentLogger;
  const token = await server.tokens.issue('system:node:n1', ['system:nodes']);
  const client = createHttpClient({ server: server.server.url, ca: server.caPem, token, clock, logger });
  const runtime = createDockerRuntime({ host: engineHost(), cluster, node: 'n1', clock, logger });
  const kubectl = async (args: readonly string[], input?: string): Promise<void> => {
    const result = await server.kubectl(args, input);
    expect(result).toMatchObject({ code: 0 });
  };
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec: { podCIDR: free.subnet, podCIDRs: [free.subnet] },
  };
  await kubectl(['create', '-f', '-'], JSON.stringify(node));
  const agent = createNodeAgent({
    client,
    runtime,
    clock,
    rng: systemRng,
    logger,
    nodeName: 'n1',
    nodeIp: '127.0.0.1',
    cluster,
    records: createMemoryRecordStore(),
    volumes: createDiskPodVolumes({
      client,
      dataDir,
      clock,
      logger,
      isRoot: false,
      engineSees: () => Promise.resolve(true),
      clusterDomain: 'cluster.local',
    }),
    probeIo: createSocketProbeIo(clock),
    tunnel: client.connection,
    network: { name: `symphony-${cluster}`, subnet: free.subnet, gateway: free.gateway },
  });
  await agent.start();
  await comesTrue(() => expect(server.server.connectedNodes).toEqual(['n1']));
  return {
    server,
    async run(name, spec) {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default' },
        // Tokens are made by a part that is not here.
        spec: {
          nodeName: 'n1',
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 1,
          ...spec,
        },
      };
      await kubectl(['create', '-f', '-'], JSON.stringify(pod));
      await kubectl(['wait', '--for=condition=Ready', `pod/${name}`, WAIT_TIMEOUT]);
    },
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await runtime[Symbol.asyncDispose]();
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await removeCluster(cluster, docker);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

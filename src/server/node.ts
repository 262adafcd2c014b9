/** A node process, composed from its real parts: HTTP client, engine, volumes, records and tunnel. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAbort } from '../base/abort.ts';
import { sleep, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { systemRng } from '../base/rng.ts';
import { createHttpClient } from '../client/http.ts';
import type { IdentitySource } from '../client/identity.ts';
import { type Config, defaultDockerHost } from '../config/index.ts';
import { createNodeAgent } from '../node-agent/agent.ts';
import { createDiskPodVolumes } from '../node-agent/disk-pod-volumes.ts';
import { createMemoryPodVolumes } from '../node-agent/pod-volumes.ts';
import { systemRoutes } from '../node-agent/node/read-routes.ts';
import { readMachineUsage } from '../node-agent/node/read-usage.ts';
import { createPodTokens } from '../node-agent/service-account-tokens.ts';
import { createSocketProbeIo } from '../node-agent/probes/socket-probe-io.ts';
import { createFileRecordStore } from '../node-agent/records/file-record-store.ts';
import { createDockerRuntime } from '../node-agent/runtime/docker/create-docker-runtime.ts';
import { createFakeRuntime } from '../node-agent/runtime/fake/create-fake-runtime.ts';
import type { ContainerRuntime } from '../node-agent/runtime/types.ts';
import { CLUSTER_FILE, defaultNodeIp, gatewayOf, networkNameOf } from './cluster-identity.ts';
import { sweepOrphans } from './sweep-orphans.ts';

export interface NodeOptions {
  readonly server: string;
  readonly caPem: string;
  /** Of the node; disposed by whoever made it. */
  readonly identity: IdentitySource;
  readonly nodeName: string;
  readonly nodeIp: string | undefined;
  /** Undefined: the engine that the Docker command line would use. */
  readonly dockerHost: string | undefined;
  readonly runtime: Config['runtime'];
  readonly clusterCidr: string;
  readonly maxPodSecurity: Config['maxPodSecurity'];
  readonly allowedUnsafeSysctls: Config['allowedUnsafeSysctls'];
  readonly cluster: string;
  /** The agent's own state. */
  readonly directory: string;
  readonly logger: Logger;
}

export interface RunningNode extends AsyncDisposable {
  readonly name: string;
  /** Resolves when the control plane shows this node with its state, and when the node is disposed. */
  readonly reported: Promise<void>;
}

const CLUSTER_DOMAIN = 'cluster.local';

export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { nodeName, cluster, directory, clusterCidr } = options;
  const clock = systemClock;
  const logger = options.logger.child({ node: nodeName });
  await sweepOrphans(logger);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, CLUSTER_FILE), `${cluster}\n`);
  const client = createHttpClient({
    server: options.server,
    ca: options.caPem,
    identity: options.identity,
    clock,
    logger,
  });
  const runtime = createRuntime(options, logger);
  const agent = createNodeAgent({
    client,
    runtime,
    clock,
    rng: systemRng,
    logger,
    nodeName,
    nodeIp: options.nodeIp ?? defaultNodeIp(),
    cluster,
    records: createFileRecordStore(join(directory, 'records'), logger),
    volumes:
      options.runtime === 'hollow'
        ? createMemoryPodVolumes(createPodTokens({ client, clock, rng: systemRng, logger }))
        : createDiskPodVolumes({
            client,
            dataDir: directory,
            clock,
            rng: systemRng,
            logger,
            isRoot: isRoot(),
            engineSees: (path) => runtime.sees(path),
            clusterDomain: CLUSTER_DOMAIN,
          }),
    probeIo: createSocketProbeIo(clock),
    maxPodSecurity: options.maxPodSecurity,
    allowedUnsafeSysctls: options.allowedUnsafeSysctls,
    ...(isOnThisMachine(options)
      ? { readUsage: () => readMachineUsage(directory), routes: systemRoutes }
      : {}),
    tunnel: client.connection,
    network: { name: networkNameOf(cluster), subnet: clusterCidr, gateway: gatewayOf(clusterCidr) },
  });
  await agent.start();
  return {
    name: nodeName,
    reported: agent.reported,
    async [Symbol.asyncDispose]() {
      await agent[Symbol.asyncDispose]();
      await runtime[Symbol.asyncDispose]();
      client[Symbol.dispose]();
    },
  };
}

/** An engine that hangs, or a control plane that is away, must not keep the rest from being used. */
const REPORT_TIMEOUT_MS = 10_000;

/** So that whoever is told that nodes run finds them in the control plane; given up after 10 s. */
export async function untilReported(nodes: readonly RunningNode[]): Promise<void> {
  const patience = createAbort();
  const reported = Promise.all(nodes.map((node) => node.reported));
  await Promise.race([reported, sleep(systemClock, REPORT_TIMEOUT_MS, patience.signal)]);
  patience.abort();
}

function createRuntime(
  { runtime, dockerHost, cluster, nodeName }: NodeOptions,
  logger: Logger,
): ContainerRuntime {
  const clock = systemClock;
  if (runtime === 'hollow') return createFakeRuntime({ clock, rng: systemRng, cluster, node: nodeName });
  return createDockerRuntime({
    host: dockerHost ?? defaultDockerHost(),
    cluster,
    node: nodeName,
    clock,
    logger,
  });
}

/** Whether what this machine says of its memory and disk is true of the engine as well. */
function isOnThisMachine({ runtime, dockerHost }: NodeOptions): boolean {
  return runtime !== 'hollow' && (dockerHost ?? defaultDockerHost()).startsWith('unix:');
}

/** Only root can mount, and give files to other users. */
function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** A node process, composed from its real parts: HTTP client, engine, volumes, records and tunnel. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAbort } from '../base/abort.ts';
import { sleep, systemClock } from '../base/clock.ts';
import { claimDirectory, releaseDirectory } from '../base/directory-owner.ts';
import { errorMessage, UserError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { readIfThere } from '../base/private-file.ts';
import { systemRng } from '../base/rng.ts';
import { createHttpClient } from '../client/http.ts';
import type { IdentitySource } from '../client/identity.ts';
import { type Config, defaultDockerHost } from '../config/index.ts';
import { createNodeAgent } from '../node-agent/agent.ts';
import { createDiskPodVolumes } from '../node-agent/disk-pod-volumes.ts';
import { createMemoryPodVolumes } from '../node-agent/pod-volumes.ts';
import { readMachineUsage } from '../node-agent/node/read-usage.ts';
import { createPodTokens } from '../node-agent/service-account-tokens.ts';
import { createSocketProbeIo } from '../node-agent/probes/socket-probe-io.ts';
import { createFileRecordStore } from '../node-agent/records/file-record-store.ts';
import { createDockerRuntime } from '../node-agent/runtime/docker/create-docker-runtime.ts';
import { readEngineIdentity } from '../node-agent/runtime/docker/read-engine.ts';
import { createFakeRuntime } from '../node-agent/runtime/fake/create-fake-runtime.ts';
import { type ContainerRuntime, RuntimeError } from '../node-agent/runtime/types.ts';
import { CLUSTER_FILE, defaultNodeIp, gatewayOf, networkNameOf } from './cluster-identity.ts';
import { openEngineRecord, recordingRuntime } from './engine-record.ts';
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
  await claimDirectory(
    directory,
    (pid) =>
      `Cannot start node "${nodeName}" in "${directory}": symphony (process ${pid}) runs it already; stop that first, or choose another --data-dir or --node-name`,
  );
  await sweepOrphans(logger);
  await openRecords(options);
  const network = { name: networkNameOf(cluster), subnet: clusterCidr, gateway: gatewayOf(clusterCidr) };
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
    ...(isOnThisMachine(options) ? { readUsage: () => readMachineUsage(directory) } : {}),
    tunnel: client.connection,
    network,
  });
  const dispose = async (): Promise<void> => {
    await agent[Symbol.asyncDispose]();
    await runtime[Symbol.asyncDispose]();
    client[Symbol.dispose]();
    await releaseDirectory(directory);
  };
  try {
    if (options.runtime === 'docker') await reserveNetwork(runtime, network, logger);
    await agent.start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return { name: nodeName, reported: agent.reported, [Symbol.asyncDispose]: dispose };
}

/** Written down before anything is made: for `symphony down`. */
async function openRecords({ directory, cluster, runtime, dockerHost }: NodeOptions): Promise<void> {
  const before = (await readIfThere(join(directory, CLUSTER_FILE)))?.trim();
  await openEngineRecord(
    directory,
    // A release without records has run here.
    before && runtime === 'docker'
      ? { cluster: before, dockerHost: dockerHost ?? defaultDockerHost() }
      : undefined,
  );
  await writeFile(join(directory, CLUSTER_FILE), `${cluster}\n`);
}

/**
 * The network is made at once, not with the first pod: it shows other clusters that its addresses are taken. An Engine
 * that is away gets it later. Throws UserError where the Engine refuses it.
 */
async function reserveNetwork(
  runtime: ContainerRuntime,
  network: Parameters<ContainerRuntime['ensureNetwork']>[0],
  logger: Logger,
): Promise<void> {
  try {
    await runtime.ensureNetwork(network);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    if (error.code === 'invalid') throw new UserError(error.message, { cause: error });
    logger.warn({ error: errorMessage(error) }, 'Cannot make the network of the pods yet');
  }
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
  { runtime, dockerHost = defaultDockerHost(), cluster, nodeName, directory }: NodeOptions,
  logger: Logger,
): ContainerRuntime {
  const clock = systemClock;
  if (runtime === 'hollow') return createFakeRuntime({ clock, rng: systemRng, cluster, node: nodeName });
  return recordingRuntime(createDockerRuntime({ host: dockerHost, cluster, node: nodeName, clock, logger }), {
    directory,
    cluster,
    dockerHost,
    readIdentity: () => readEngineIdentity(dockerHost, clock),
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

/** A node process: HTTP client, engine, volumes, records and tunnel. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAbort } from '../base/abort.ts';
import { sleep, systemClock } from '../base/clock.ts';
import { claimDirectory, releaseDirectory } from '../base/directory-owner.ts';
import { type Scope, openScope } from '../base/scope.ts';
import { errorMessage, UserError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { readIfThere } from '../base/private-file.ts';
import { systemRng } from '../base/rng.ts';
import { createHttpClient } from '../client/http.ts';
import type { ApiClient } from '../client/types.ts';
import type { IdentitySource } from '../client/identity.ts';
import { type Config, defaultDockerHost } from '../config/index.ts';
import { createNodeAgent, type NodeAgent, type NodeAgentOptions } from '../node-agent/agent.ts';
import { createDiskPodVolumes } from '../node-agent/volumes/disk-pod-volumes.ts';
import type { EngineShare } from '../node-agent/node/plan-share.ts';
import { systemRoutes } from '../node-agent/node/read-routes.ts';
import { readMachineUsage } from '../node-agent/node/read-usage.ts';
import { createSocketProbeIo } from '../node-agent/probes/socket-probe-io.ts';
import { createFileRecordStore } from '../node-agent/records/file-record-store.ts';
import { createDockerRuntime } from '../node-agent/runtime/docker/create-docker-runtime.ts';
import { bridgeName } from '../node-agent/runtime/docker/networks.ts';
import { readEngineIdentity } from '../node-agent/runtime/docker/read-engine.ts';
import { createHollowParts } from '../node-agent/runtime/hollow/create-hollow-parts.ts';
import { type ContainerRuntime, RuntimeError } from '../node-agent/runtime/types.ts';
import { CLUSTER_FILE, defaultNodeIp, gatewayOf, networkNameOf } from './identity/cluster-identity.ts';
import { INGRESS_NODE_LABEL } from '../schemas/networking/ingress-classes.ts';
import { bridgeMtu, type JoinedNetwork, type NodeNetworkOptions } from './host-networks.ts';
import { podLinksAt } from './pod-links.ts';
import { networkView } from './network-view.ts';
import { openEngineRecord, recordingRuntime } from './removal/engine-record.ts';

export interface NodeOptions {
  readonly server: string;
  readonly caPem: string;
  /** The identity of the node; disposed by the one that made it. */
  readonly identity: IdentitySource;
  readonly nodeName: string;
  readonly nodeIp: string | undefined;
  /** Undefined: the engine that the Docker command line would use. */
  readonly dockerHost: string | undefined;
  readonly runtime: Config['runtime'];
  readonly hollowRunForMs: Config['hollowRunForMs'];
  /** The part of its engine's machine that this node counts as its own; all of it, unless said. */
  readonly share?: EngineShare | undefined;
  readonly clusterCidr: string;
  readonly clusterDomain: string;
  /** Undefined: pods have the ports of the host alone. */
  readonly network?: NodeNetworkOptions | undefined;
  readonly maxPodSecurity: Config['maxPodSecurity'];
  readonly allowedUnsafeSysctls: Config['allowedUnsafeSysctls'];
  readonly cluster: string;
  /** The agent's own state. */
  readonly directory: string;
  readonly logger: Logger;
  /** Told after each part of the start; tests fail there. */
  readonly onStep?: () => void;
}

export interface RunningNode extends AsyncDisposable {
  readonly name: string;
  /** Resolves when the control plane shows the node's state, or the node is disposed. */
  readonly reported: Promise<void>;
  /** Why the control plane does not show this node as ready; undefined when it does. */
  readonly problem: () => string | undefined;
}

export function startNode(options: NodeOptions): Promise<RunningNode> {
  return openScope((scope) => startIn(scope, options), options.onStep);
}

async function startIn(
  scope: Scope,
  options: NodeOptions,
): Promise<Omit<RunningNode, typeof Symbol.asyncDispose>> {
  const { nodeName, cluster, directory, clusterCidr } = options;
  const clock = systemClock;
  const logger = options.logger.child({ node: nodeName });
  await claimDirectory(
    directory,
    (pid) =>
      `Cannot start node "${nodeName}" in "${directory}": symphony (process ${pid}) runs it already; stop that first, or choose another --data-dir or --node-name`,
  );
  scope.defer(() => releaseDirectory(directory));
  await openRecords(options);
  const network = {
    ...{ name: networkNameOf(cluster), subnet: clusterCidr, gateway: gatewayOf(clusterCidr) },
    ...(await mtuOf(options)),
    ...(options.network ? { serviceCidr: options.network.serviceCidr } : {}),
  };
  const { server, caPem: ca, identity } = options;
  const client = scope.use(createHttpClient({ server, ca, identity, clock, logger }));
  let joined: JoinedNetwork | undefined;
  const parts =
    options.runtime === 'hollow'
      ? createHollowParts({
          ...{ client, clock, rng: systemRng, logger, cluster, node: nodeName },
          runForMs: options.hollowRunForMs,
          podOf: (namespace, name) => agent.findPod(namespace, name)?.pod,
        })
      : createDockerParts(options, client, logger, () => joined);
  scope.use(parts.runtime);
  const agent: NodeAgent = createNodeAgent({
    ...parts,
    client,
    clock,
    rng: systemRng,
    logger,
    nodeName,
    nodeIp: options.nodeIp ?? defaultNodeIp(),
    cluster,
    // No container outlives a hollow node: a power cut leaves none without its record.
    records: createFileRecordStore(join(directory, 'records'), logger, {
      syncs: options.runtime !== 'hollow',
    }),
    ...(options.share ? { share: options.share } : {}),
    maxPodSecurity: options.maxPodSecurity,
    allowedUnsafeSysctls: options.allowedUnsafeSysctls,
    tunnel: client.connection,
    network,
    clusterDomain: options.clusterDomain,
    // A node that has stopped serving says so: labels that are left out stay.
    ...(options.network
      ? { labels: () => ({ [INGRESS_NODE_LABEL]: String(servesIngresses(options, joined)) }) }
      : {}),
    annotations: () => Object.fromEntries(joined?.annotations ?? []),
    ...(options.network ? { hostNetwork: () => joined?.trouble } : {}),
    ...(options.network && options.runtime === 'docker'
      ? {
          networkView: networkView({
            ...options,
            ...options.network,
            bridge: bridgeName(cluster, network.name),
          }),
        }
      : {}),
    hostPods: () => joined?.pods,
  });
  scope.use(agent);
  if (options.runtime === 'docker') {
    const bridge = await reserveNetwork(parts.runtime, network, logger);
    if (options.network)
      joined = scope.use(await joinHostNetwork(options, options.network, client, network, bridge));
  }
  await agent.start();
  return { name: nodeName, reported: agent.reported, problem: () => agent.problem };
}

/** The proxy is a part of the host's network. */
const servesIngresses = ({ network }: NodeOptions, joined: JoinedNetwork | undefined): boolean =>
  joined?.pods !== undefined && network?.ingress !== undefined;

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
 * Makes the network at once, which shows other clusters that its addresses are taken. An Engine
 * that is away gets it later. Throws UserError where the Engine refuses it. Answers the network's
 * interface, where it can be seen.
 */
async function reserveNetwork(
  runtime: ContainerRuntime,
  network: Parameters<ContainerRuntime['ensureNetwork']>[0],
  logger: Logger,
): Promise<string | undefined> {
  try {
    return (await runtime.ensureNetwork(network)).bridge;
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    if (error.code === 'invalid') throw new UserError(error.message, { cause: error });
    logger.warn({ error: errorMessage(error) }, 'Cannot make the network of the pods yet');
    return undefined;
  }
}

/** The size of pods' packets, where it is not the engine's default. */
async function mtuOf({
  network,
  nodeIp,
  dockerHost,
  runtime,
}: NodeOptions): Promise<{ readonly mtu?: number }> {
  const isHere = runtime === 'docker' && (dockerHost ?? defaultDockerHost()).startsWith('unix:');
  const mtu = network && isHere ? await bridgeMtu(network.mode, nodeIp ?? defaultNodeIp()) : undefined;
  return mtu === undefined ? {} : { mtu };
}

/** The engine may be away, and then the interface has the name that we will give it. */
function joinHostNetwork(
  options: NodeOptions,
  { hosts, ...settings }: NodeNetworkOptions,
  client: ApiClient,
  network: { readonly name: string; readonly gateway: string },
  bridge: string | undefined,
): Promise<JoinedNetwork> {
  const { cluster, clusterCidr, clusterDomain, logger } = options;
  return hosts.join({
    name: options.nodeName,
    address: options.nodeIp ?? defaultNodeIp(),
    dockerHost: options.dockerHost ?? defaultDockerHost(),
    client,
    logger,
    isBridgeMade: bridge !== undefined,
    settings: {
      ...{ cluster, clusterCidr, clusterDomain, ...settings },
      server: options.server,
      gateway: network.gateway,
      bridge: bridge ?? bridgeName(cluster, network.name),
    },
  });
}

/** An engine that hangs, or a control plane that is away, must not stop the rest. */
const REPORT_TIMEOUT_MS = 10_000;

/** So that whoever is told that nodes run finds them in the control plane; given up after 10 s. */
export async function untilReported(nodes: readonly RunningNode[]): Promise<void> {
  const patience = createAbort();
  const reported = Promise.all(nodes.map((node) => node.reported));
  await Promise.race([reported, sleep(systemClock, REPORT_TIMEOUT_MS, patience.signal)]);
  patience.abort();
}

/** The parts of a node beside the agent itself. */
type NodeParts = Pick<
  NodeAgentOptions,
  'runtime' | 'volumes' | 'probeIo' | 'decideProbe' | 'readUsage' | 'routes'
>;

function createDockerParts(
  options: NodeOptions,
  client: ApiClient,
  logger: Logger,
  joined: () => JoinedNetwork | undefined,
): NodeParts {
  const { cluster, nodeName: node, directory } = options;
  const clock = systemClock;
  const host = options.dockerHost ?? defaultDockerHost();
  const runtime = recordingRuntime(
    createDockerRuntime({
      ...{ host, cluster, node, clock, logger },
      links: podLinksAt(host),
      ...(options.network && options.network.mode !== 'none' ? { programDirectory: directory } : {}),
    }),
    {
      directory,
      cluster,
      dockerHost: host,
      readIdentity: () => readEngineIdentity(host, clock),
    },
  );
  return {
    runtime,
    volumes: createDiskPodVolumes({
      client,
      dataDir: directory,
      clock,
      rng: systemRng,
      logger,
      isRoot: isRoot(),
      engineSees: (path) => runtime.sees(path),
      clusterDomain: options.clusterDomain,
      clusterDns: () => joined()?.dnsAddress,
      services: () => joined()?.services,
    }),
    probeIo: createSocketProbeIo(clock),
    // The memory, disk and routes of this machine tell nothing about an engine elsewhere.
    ...(host.startsWith('unix:')
      ? { readUsage: () => readMachineUsage(directory), routes: systemRoutes }
      : {}),
  };
}

/** Only root can mount, and give files to other users. */
function isRoot(): boolean {
  return process.getuid?.() === 0;
}

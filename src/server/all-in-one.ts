/** `symphony up`: the control plane and its nodes, which speak to it over HTTPS, in one process. */
import { createAbort } from '../base/abort.ts';
import { issueIdentity } from '../api/tls/authority.ts';
import { sleep, systemClock } from '../base/clock.ts';
import { openScope, type Scope } from '../base/scope.ts';
import type { Logger } from '../base/logger.ts';
import { systemRng } from '../base/rng.ts';
import type { Config } from '../config/index.ts';
import { type NodeIdentity, openNodeIdentity } from '../node-agent/identity/node-identity.ts';
import { settleAddressRanges } from './addresses/address-ranges.ts';
import { createHostNetworks, type HostNetworks, nodeNetworkOptions } from './host-networks.ts';
import { clusterIdOf } from './identity/cluster-identity.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type RunningNode, startNode, untilReported } from './node.ts';
import { type LocalNode, planLocalNodes } from './start/plan-local-nodes.ts';

export interface AllInOne extends AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly RunningNode[];
}

export async function startAllInOne(given: Config, logger: Logger): Promise<AllInOne> {
  // The ranges are the first file of a new cluster.
  const config = await settleAddressRanges(given, logger);
  return openScope((scope) => startParts(config, logger, scope));
}

async function startParts(
  config: Config,
  logger: Logger,
  scope: Scope,
): Promise<Omit<AllInOne, typeof Symbol.asyncDispose>> {
  const planned = planLocalNodes(config);
  const nodes: RunningNode[] = [];
  let ended: Promise<unknown> = Promise.resolve();
  scope.defer(() => ended);
  const ownNodes = planned.map(({ nodeName }) => nodeName);
  const controlPlane = scope.use(await startControlPlane({ config, logger, ownNodes }));
  scope.defer(async () => {
    ended = Promise.allSettled(nodes.map((node) => node[Symbol.asyncDispose]()));
    const patience = createAbort();
    await Promise.race([ended, sleep(systemClock, NODE_PATIENCE_MS, patience.signal)]);
    patience.abort();
  });
  const hostNetworks = scope.use(createHostNetworks());
  const starting = planned.map((node) => startLocalNode(config, controlPlane, node, hostNetworks, logger));
  const results = await Promise.allSettled(starting);
  for (const result of results) if (result.status === 'fulfilled') nodes.push(result.value);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  await untilReported(nodes);
  return { controlPlane, nodes };
}

/** Nodes end first, to report. A control plane without its store must not hold them. */
const NODE_PATIENCE_MS = 2_000;

/** Short, as those of agents: they are renewed while the node runs. */
const NODE_CERTIFICATE_MS = 24 * 3_600_000;

/** The authority is here: a local node gets certificates from it, and keeps them in memory. */
function localIdentity(
  { authority, tls }: ControlPlane,
  nodeName: string,
  logger: Logger,
): Promise<NodeIdentity> {
  return openNodeIdentity({
    nodeName,
    caPem: tls.caPem,
    file: undefined,
    obtain: () =>
      issueIdentity(authority, {
        commonName: `system:node:${nodeName}`,
        organizations: ['system:nodes'],
        purposes: ['client auth'],
        lifetimeMs: NODE_CERTIFICATE_MS,
      }),
    clock: systemClock,
    rng: systemRng,
    logger,
  });
}

function startLocalNode(
  config: Config,
  controlPlane: ControlPlane,
  node: LocalNode,
  hostNetworks: HostNetworks,
  logger: Logger,
): Promise<RunningNode> {
  const { nodeName } = node;
  const { url, tls, dataDir } = controlPlane;
  return openScope(async (scope) => {
    const identity = scope.use(await localIdentity(controlPlane, nodeName, logger));
    const { name, reported, problem } = scope.use(
      await startNode({
        server: url,
        caPem: tls.caPem,
        identity,
        ...node,
        nodeIp: config.nodeIp,
        runtime: config.runtime,
        hollowRunForMs: config.hollowRunForMs,
        clusterCidr: config.clusterCidr,
        clusterDomain: config.clusterDomain,
        network: nodeNetworkOptions(config, hostNetworks),
        maxPodSecurity: config.maxPodSecurity,
        allowedUnsafeSysctls: config.allowedUnsafeSysctls,
        cluster: clusterIdOf(tls.caPem),
        directory: dataDir.agent(nodeName),
        logger,
      }),
    );
    return { name, reported, problem };
  });
}

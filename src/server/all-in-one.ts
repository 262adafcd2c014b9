/** `symphony up`: the control plane and its nodes in one process; the nodes speak to it over HTTPS like any other. */
import type { Logger } from '../base/logger.ts';
import type { Config } from '../config/index.ts';
import { clusterIdOf } from './cluster-identity.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type RunningNode, startNode } from './node.ts';

export interface AllInOne extends AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly RunningNode[];
}

export async function startAllInOne(config: Config, logger: Logger): Promise<AllInOne> {
  const controlPlane = await startControlPlane({ config, logger });
  const nodes: RunningNode[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    await controlPlane[Symbol.asyncDispose]();
  };
  try {
    const tokens = await nodeTokens(config, controlPlane);
    const starting = tokens.map((token, index) => startLocalNode(config, controlPlane, token, index, logger));
    for (const result of await Promise.allSettled(starting)) {
      if (result.status === 'rejected') throw result.reason;
      nodes.push(result.value);
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { controlPlane, nodes, [Symbol.asyncDispose]: dispose };
}

/** `node-1`, `node-2`, …; the prefix is `--node-name`'s. */
function nodeNames(config: Config): readonly string[] {
  const prefix = config.nodeName ?? 'node';
  return Array.from({ length: config.nodes }, (_, index) => `${prefix}-${index + 1}`);
}

interface NodeToken {
  readonly nodeName: string;
  readonly token: string;
}

/** One after the other: they are all written to one table. */
async function nodeTokens(config: Config, { tokens, dataDir }: ControlPlane): Promise<readonly NodeToken[]> {
  const result: NodeToken[] = [];
  for (const nodeName of nodeNames(config)) {
    const user = `system:node:${nodeName}`;
    const file = `token-${nodeName}`;
    let token = (await dataDir.read(file))?.trim();
    if (token === undefined || !tokens.belongsTo(token, user)) {
      token = await tokens.issue(user, ['system:nodes', 'system:authenticated']);
      await dataDir.write(file, `${token}\n`);
    }
    result.push({ nodeName, token });
  }
  return result;
}

function startLocalNode(
  config: Config,
  { url, tls, dataDir }: ControlPlane,
  { nodeName, token }: NodeToken,
  index: number,
  logger: Logger,
): Promise<RunningNode> {
  const { dockerHosts } = config;
  return startNode({
    server: url,
    caPem: tls.caPem,
    token,
    nodeName,
    nodeIp: config.nodeIp,
    dockerHost: dockerHosts.length === 0 ? undefined : dockerHosts[index % dockerHosts.length],
    runtime: config.runtime,
    clusterCidr: config.clusterCidr,
    cluster: clusterIdOf(tls.caPem),
    directory: dataDir.agent(nodeName),
    logger,
  });
}

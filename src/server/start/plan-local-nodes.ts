/** Which nodes `symphony up` runs on which Engines, pure. */
import type { Config } from '../../config/index.ts';
import { planShares } from '../../node-agent/node/plan-share.ts';
import type { NodeOptions } from '../node.ts';

export type LocalNode = Pick<NodeOptions, 'nodeName' | 'dockerHost' | 'share'>;

/**
 * `node-1`, `node-2`, …; the prefix is `--node-name`'s. Nodes take turns on the Engines and share
 * the machine of theirs. Each hollow node pretends to a machine of its own.
 */
export function planLocalNodes(
  config: Pick<Config, 'nodeName' | 'nodes' | 'dockerHosts' | 'runtime'>,
): readonly LocalNode[] {
  const { nodeName: prefix = 'node', nodes, dockerHosts, runtime } = config;
  const hosts = Array.from({ length: nodes }, (_, index) => dockerHosts[index % dockerHosts.length]);
  const shares = planShares(hosts.map((host) => host ?? ''));
  return hosts.map((dockerHost, index) => ({
    nodeName: `${prefix}-${index + 1}`,
    dockerHost,
    share: runtime === 'hollow' ? undefined : shares[index],
  }));
}

/**
 * All that a cluster has in the kernel of a host, by the cluster's id, and the commands that remove
 * it. Pure. What is missing needs no command, so a removal that ended half way is done again.
 */
import { cidrContains } from '../base/cidr.ts';
import { type ObservedRoute, ROUTE_PROTOCOL, tunnelDevice } from './pod-network/plan-commands.ts';
import { firewallChain, parseFirewall, planFirewallRemoval } from './pod-network/plan-firewall.ts';

export interface NetworkLeftovers {
  /** As `nft list tables` has them. */
  readonly tables: string;
  /** As `iptables-save` has it. */
  readonly firewall: string;
  /** Names of all interfaces. */
  readonly interfaces: readonly string[];
  /** IPv4 routes with our protocol number. */
  readonly routes: readonly ObservedRoute[];
}

export interface RemovalStep {
  /** Names the removed thing, for people. */
  readonly name: string;
  readonly program: 'ip' | 'nft' | 'iptables-restore';
  readonly args: readonly string[];
  readonly input?: string;
}

/** `clusterCidr`: undefined where nobody knows it; then plain routes cannot be told from others'. */
export function planNetworkRemoval(
  cluster: string,
  clusterCidr: string | undefined,
  found: NetworkLeftovers,
): readonly RemovalStep[] {
  const device = tunnelDevice(cluster);
  const hasDevice = found.interfaces.includes(device);
  const firewall = planFirewallRemoval(parseFirewall(found.firewall), firewallChain(cluster));
  const tables = found.tables
    .split('\n')
    .flatMap((line) => /^table (\S+) (\S+)$/.exec(line.trim())?.slice(1, 3).join(' ') ?? [])
    .filter((table) => table.includes(` symphony-${cluster}-`));
  // Routes through the tunnel go with it.
  const routes = found.routes.filter(
    ({ dst, dev }) =>
      clusterCidr !== undefined && cidrContains(clusterCidr, dst) && !(hasDevice && dev === device),
  );
  return [
    ...(hasDevice
      ? [{ name: `interface ${device}`, program: 'ip', args: ['link', 'delete', device] } as const]
      : []),
    ...routes.map(
      ({ dst }) =>
        ({
          name: `route ${dst}`,
          program: 'ip',
          args: ['route', 'delete', dst, 'proto', String(ROUTE_PROTOCOL)],
        }) as const,
    ),
    ...(firewall === undefined
      ? []
      : [
          {
            name: `iptables chain ${firewallChain(cluster)}`,
            program: 'iptables-restore',
            args: ['--noflush', '--wait', '10'],
            input: firewall,
          } as const,
        ]),
    ...tables.map(
      (table) =>
        ({
          name: `nft table ${table}`,
          program: 'nft',
          args: ['delete', 'table', ...table.split(' ')],
        }) as const,
    ),
  ];
}

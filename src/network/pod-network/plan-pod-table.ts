/**
 * Addresses of pods on their way out of this host: a pod is seen by its own address within the
 * cluster, and by the host's elsewhere. Pure. Docker would give every packet that leaves its bridge
 * the host's address (at priority 100); the first decision counts, and Services decide before (90).
 */
import type { TableFrame } from '../nft/table-state.ts';

export interface PodTableOptions {
  readonly cluster: string;
  readonly clusterCidr: string;
  readonly bridge: string;
}

const BEFORE_DOCKER = 95;
/** As iptables' table `mangle`. */
const MANGLE = -150;

export function podTable({ cluster, clusterCidr, bridge }: PodTableOptions): TableFrame {
  const leaves = `oifname != "${bridge}" ip saddr ${clusterCidr}`;
  const syn = 'tcp flags & (syn | rst) == syn';
  return {
    family: 'ip',
    name: `symphony-${cluster}-pods`,
    sets: {},
    chains: {
      postrouting: {
        hook: `type nat hook postrouting priority ${BEFORE_DOCKER}`,
        rules: [
          `${leaves} ip daddr ${clusterCidr} snat ip to ip saddr`,
          `${leaves} ip daddr != 224.0.0.0/4 masquerade`,
        ],
      },
      // Connections fit through the narrowest link, also where no ICMP error comes back.
      forward: {
        hook: `type filter hook forward priority ${MANGLE}`,
        rules: [
          `ip saddr ${clusterCidr} ${syn} tcp option maxseg size set rt mtu`,
          `ip daddr ${clusterCidr} ${syn} tcp option maxseg size set rt mtu`,
        ],
      },
    },
  };
}

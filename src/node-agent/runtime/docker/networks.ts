/**
 * The pods' network: one user-defined bridge per Engine and cluster, shared by the nodes on that Engine. Several nodes
 * may make it at the same time; exactly one network remains.
 */
import { createHash } from 'node:crypto';
import type { NetworkInspectInfo } from 'dockerode';
import { type ContainerRuntime, labelKeys, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';

type Networks = Pick<ContainerRuntime, 'ensureNetwork' | 'removeNetwork'>;
interface PodNetwork {
  readonly name: string;
  readonly subnet: string;
  readonly gateway: string;
}

/** Interface names end at 15 characters, so the bridge's is derived: `sy-` and 12 hex digits. */
export function bridgeName(cluster: string, network: string): string {
  return `sy-${createHash('sha256').update(`${cluster}/${network}`).digest('hex').slice(0, 12)}`;
}

/** The Engine names the interface after the network, unless it was told a name. */
const bridgeOf = ({ Id, Options }: NetworkInspectInfo): string =>
  Options?.['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`;

const subnetsOf = (network: NetworkInspectInfo): readonly string[] =>
  (network.IPAM?.Config ?? []).map((config) => config['Subnet'] ?? '').filter((subnet) => subnet !== '');

export function createNetworks(engine: Engine, cluster: string): Networks {
  const { docker, call } = engine;

  const all = (): Promise<NetworkInspectInfo[]> =>
    call('list networks', ({ abortSignal }) =>
      docker.listNetworks({ abortSignal } as Parameters<typeof docker.listNetworks>[0] & object),
    );

  /** The name filter of the Engine matches parts of names, so it is done here. */
  const named = async (name: string): Promise<NetworkInspectInfo[]> =>
    (await all())
      .filter((network) => network.Name === name)
      .sort((a, b) => a.Created.localeCompare(b.Created) || a.Id.localeCompare(b.Id));

  function check(network: PodNetwork, existing: NetworkInspectInfo): void {
    const refuse = (why: string): never => {
      throw new RuntimeError('invalid', `Cannot use network "${network.name}": ${why}`);
    };
    const owner = existing.Labels?.[labelKeys.cluster];
    if (owner !== cluster) {
      refuse(owner === undefined ? 'it exists and is not ours' : `it belongs to cluster "${owner}"`);
    }
    const subnets = subnetsOf(existing);
    if (!subnets.includes(network.subnet)) {
      refuse(`its subnet is ${subnets.join(', ') || 'unknown'}, not ${network.subnet}`);
    }
  }

  async function create(network: PodNetwork): Promise<void> {
    try {
      await call(`create network "${network.name}"`, ({ abortSignal }) =>
        docker.createNetwork({
          Name: network.name,
          CheckDuplicate: true,
          Driver: 'bridge',
          IPAM: { Driver: 'default', Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
          Options: {
            'com.docker.network.bridge.enable_ip_masquerade': 'true',
            'com.docker.network.bridge.name': bridgeName(cluster, network.name),
          },
          Labels: { [labelKeys.cluster]: cluster },
          abortSignal,
        }),
      );
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      // Another node on this Engine was faster: its network is as good as ours.
      if ((await named(network.name)).length > 0) return;
      if (/overlap/i.test(error.message)) {
        const taken = (await all())
          .map((other) => `"${other.Name}" ${subnetsOf(other).join(', ')}`)
          .join('; ');
        throw new RuntimeError(
          'invalid',
          `Cannot create network "${network.name}": subnet ${network.subnet} overlaps with another network (${taken}); start the cluster with another --cluster-cidr`,
          { cause: error },
        );
      }
      throw error;
    }
  }

  async function drop(id: string): Promise<void> {
    try {
      await call(`remove network "${id}"`, ({ abortSignal }) =>
        docker.getNetwork(id).remove({ abortSignal }),
      );
    } catch (error) {
      // "network … not found": somebody else has removed it.
      if (!(error instanceof RuntimeError) || !['network', 'not-found'].includes(error.code)) throw error;
    }
  }

  return {
    async ensureNetwork(network) {
      if ((await named(network.name)).length === 0) await create(network);
      const [first, ...doubles] = await named(network.name);
      if (!first) {
        throw new RuntimeError('transient', `Cannot create network "${network.name}": it is gone again`);
      }
      for (const double of doubles) if (double.Labels?.[labelKeys.cluster] === cluster) await drop(double.Id);
      check(network, first);
      return { bridge: engine.local ? bridgeOf(first) : undefined };
    },
    async removeNetwork(name) {
      for (const network of await named(name)) {
        if (network.Labels?.[labelKeys.cluster] === cluster) await drop(network.Id);
      }
    },
  };
}

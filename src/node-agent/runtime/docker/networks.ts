/**
 * The pods' network: one bridge per Engine and cluster, shared by the nodes on that Engine. Several
 * nodes may make it at the same time; exactly one network remains.
 */
import { createHash } from 'node:crypto';
import type { NetworkInspectInfo } from 'dockerode';
import { cidrsOverlap } from '../../../base/cidr.ts';
import { type Clock, sleep } from '../../../base/clock.ts';
import { type ContainerRuntime, labelKeys, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';
import type { PodLinks } from './pod-links.ts';
import { listNetworks, subnetsOf } from './read-engine.ts';

type Networks = Pick<ContainerRuntime, 'ensureNetwork' | 'removeNetwork'>;
type PodNetwork = Parameters<Networks['ensureNetwork']>[0];

/** The Engine makes a network in less than a second. Nodes that make the same one wait. */
const MAX_TRIES = 25;
const RETRY_MS = 200;
/** An error names at most this many networks. */
const MAX_NAMED = 4;

/** Interface names end at 15 characters, so the bridge's is derived: `sy-` and 12 hex digits. */
export function bridgeName(cluster: string, network: string): string {
  return `sy-${createHash('sha256').update(`${cluster}/${network}`).digest('hex').slice(0, 12)}`;
}

/** The Engine names the interface after the network by default. */
const bridgeOf = ({ Id, Options }: NetworkInspectInfo): string =>
  Options?.['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`;

export interface NetworksOptions {
  readonly engine: Engine;
  readonly cluster: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /**
   * Makes the interface before the Engine's network: the Engine then leaves it alone when somebody
   * prunes networks. The agent connects containers that the Engine does not know of.
   */
  readonly bridges?: Pick<PodLinks, 'ensureBridge' | 'removeBridge'> | undefined;
}

export function createNetworks({ engine, cluster, clock, signal, bridges }: NetworksOptions): Networks {
  const { docker, call } = engine;

  const all = (): Promise<readonly NetworkInspectInfo[]> => listNetworks(engine);

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
    const bridge = bridgeName(cluster, network.name);
    // The Engine makes the interface where this process cannot.
    await bridges?.ensureBridge(bridge, network).catch(() => undefined);
    try {
      await call(`create network "${network.name}"`, ({ abortSignal }) =>
        docker.createNetwork({
          Name: network.name,
          CheckDuplicate: true,
          Driver: 'bridge',
          IPAM: { Driver: 'default', Config: [{ Subnet: network.subnet, Gateway: network.gateway }] },
          Options: {
            'com.docker.network.bridge.enable_ip_masquerade': 'true',
            'com.docker.network.bridge.name': bridge,
            ...(network.mtu === undefined ? {} : { 'com.docker.network.driver.mtu': String(network.mtu) }),
          },
          Labels: {
            [labelKeys.cluster]: cluster,
            ...(network.serviceCidr === undefined ? {} : { [labelKeys.serviceCidr]: network.serviceCidr }),
          },
          abortSignal,
        }),
      );
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      const listed = await all();
      // Another node on this Engine was faster: its network is as good as ours.
      if (listed.some(({ Name }) => Name === network.name)) return;
      if (!/overlap/i.test(error.message)) throw error;
      const taken = listed
        .filter((other) => subnetsOf(other).some((subnet) => cidrsOverlap(subnet, network.subnet)))
        .map((other) => `"${other.Name}" (${subnetsOf(other).join(', ')})`);
      // None is listed yet while another node on this Engine makes ours: its subnet is taken first.
      if (taken.length === 0) return;
      throw new RuntimeError(
        'invalid',
        `Cannot create network "${network.name}": its subnet ${network.subnet} overlaps network ${taken.slice(0, MAX_NAMED).join(', ')}; choose another with --cluster-cidr, or remove that network`,
        { cause: error },
      );
    }
  }

  async function untilListed(network: PodNetwork): Promise<readonly NetworkInspectInfo[]> {
    let found = await named(network.name);
    for (let tried = 0; found.length === 0 && tried < MAX_TRIES && !signal.aborted; tried += 1) {
      if (tried > 0) await sleep(clock, RETRY_MS, signal);
      await create(network);
      found = await named(network.name);
    }
    return found;
  }

  async function drop(id: string): Promise<void> {
    try {
      await call(`remove network "${id}"`, ({ abortSignal }) =>
        docker.getNetwork(id).remove({ abortSignal }),
      );
    } catch (error) {
      // "network … not found": another node has removed it.
      if (!(error instanceof RuntimeError) || !['network', 'not-found'].includes(error.code)) throw error;
    }
  }

  return {
    async ensureNetwork(network) {
      const [first, ...doubles] = await untilListed(network);
      if (!first) {
        const why = `the Engine has taken ${network.subnet} for a network that it does not list`;
        throw new RuntimeError('transient', `Cannot create network "${network.name}": ${why}`);
      }
      for (const double of doubles) if (double.Labels?.[labelKeys.cluster] === cluster) await drop(double.Id);
      check(network, first);
      return { bridge: engine.local ? bridgeOf(first) : undefined };
    },
    async removeNetwork(name) {
      const found = await named(name);
      // Somebody has removed the network (`docker network prune`), and the interface is left.
      if (found.length === 0) await bridges?.removeBridge(bridgeName(cluster, name));
      for (const network of found) {
        if (network.Labels?.[labelKeys.cluster] !== cluster) continue;
        if (bridges && !(await bridges.removeBridge(bridgeOf(network))))
          throw new RuntimeError('conflict', `Cannot remove network "${name}": it has active endpoints`);
        await drop(network.Id);
      }
    },
  };
}

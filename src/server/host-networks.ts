/**
 * The networks of the hosts that this process serves: one for each container engine on this
 * machine, shared by the nodes that it runs there. Nodes elsewhere have ports of the host alone.
 */
import { join, resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { systemRng } from '../base/rng.ts';
import type { ApiClient } from '../client/types.ts';
import type { Config } from '../config/index.ts';
import {
  type HostNetwork,
  type JoinedNetwork,
  type NetworkSettings,
  startHostNetwork,
} from '../network/host-network.ts';
import { runProgram } from '../network/run-program.ts';

export interface JoiningNode {
  readonly name: string;
  readonly address: string;
  /** The engine's address, which says which nodes share a host. */
  readonly dockerHost: string;
  readonly client: ApiClient;
  readonly logger: Logger;
  readonly settings: NetworkSettings;
}

export interface HostNetworks extends AsyncDisposable {
  /** Starts the host's network with its first node. The answer ends the node's part in it. */
  join(node: JoiningNode): Promise<JoinedNetwork>;
}

/** What all nodes of a process have in common. */
export interface NodeNetworkOptions extends Pick<NetworkSettings, 'mode' | 'serviceCidr' | 'directory'> {
  readonly hosts: HostNetworks;
}

export function nodeNetworkOptions(
  { network, serviceCidr, dataDir }: Pick<Config, 'network' | 'serviceCidr' | 'dataDir'>,
  hosts: HostNetworks,
): NodeNetworkOptions {
  return { hosts, mode: network, serviceCidr, directory: join(resolve(dataDir), 'network') };
}

export function createHostNetworks(): HostNetworks {
  const running = new Map<string, Promise<HostNetwork>>();
  return {
    async join({ name, address, dockerHost, ...options }) {
      const first = { name, address };
      let network = running.get(dockerHost);
      if (!network) {
        network = startHostNetwork({
          ...options,
          first,
          clock: systemClock,
          rng: systemRng,
          run: runProgram,
        });
        running.set(dockerHost, network);
        // A start that failed does not stand in the way of the next one.
        network.catch(() => running.delete(dockerHost));
      }
      return (await network).join(first);
    },
    async [Symbol.asyncDispose]() {
      const end = async (network: Promise<HostNetwork>): Promise<void> => {
        const started = await network.catch(() => undefined);
        await started?.[Symbol.asyncDispose]();
      };
      await Promise.all([...running.values()].map(end));
    },
  };
}

/**
 * The networks of the hosts that this process serves: one for each container engine on this
 * machine, shared by the nodes that it runs there. Nodes elsewhere have ports of the host alone.
 */
import { join, resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { systemRng } from '../base/rng.ts';
import type { ApiClient } from '../client/types.ts';
import type { Config } from '../config/index.ts';
import { removeAnnouncements } from '../network/announcements/host-addresses.ts';
import { whyHostPortsOnly } from '../network/host-ability.ts';
import type { HostNetwork, NetworkSettings, NetworkTrouble } from '../network/host-network.ts';
import type { HostPods } from '../network/host-pods.ts';
import type { IngressSettings } from '../network/ingress/render-caddy.ts';
import { observeInterfaces, planUplinks, USUAL_MTU } from '../network/pod-network/observe-host.ts';
import { tunnelMtu } from '../network/pod-network/plan-commands.ts';
import { removeNetwork } from '../network/remove-network.ts';
import type { Feed } from '../network/feeds.ts';
import { ANNOUNCE_NETWORKS } from '../schemas/load-balancers.ts';
import type { Service } from '../schemas/types.ts';
import { followProgram, runProgram } from '../network/run-program.ts';
import { startHostNetwork } from '../network/start-host-network.ts';
import { NETWORK_DIRECTORY, recordNetwork } from './removal/network-record.ts';
import { dnsAddressOf } from '../schemas/services/dns-service.ts';

export interface JoiningNode {
  readonly name: string;
  readonly address: string;
  /** The engine's address, which says which nodes share a host. */
  readonly dockerHost: string;
  readonly client: ApiClient;
  readonly logger: Logger;
  readonly settings: NetworkSettings;
  /** The engine has made the bridge of the settings, so that it can be seen on its machine. */
  readonly isBridgeMade: boolean;
}

export interface JoinedNetwork extends Disposable {
  /** Undefined where pods have the ports of the host alone. */
  readonly pods?: HostPods | undefined;
  /** The problem of the host's network; undefined when there is none. */
  readonly trouble: NetworkTrouble | undefined;
  /** Where pods of the node ask for names; absent where no address of a Service leads anywhere. */
  readonly dnsAddress?: string;
  /** Undefined where pods reach no Services. */
  readonly services: Feed<Service> | undefined;
  /** For the Node. */
  readonly annotations: ReadonlyMap<string, string>;
}

export interface HostNetworks extends AsyncDisposable {
  /** Starts the host's network with its first node. The answer ends the node's part in it. */
  join(node: JoiningNode): Promise<JoinedNetwork>;
}

/** Settings that all nodes of a process share. */
export interface NodeNetworkOptions
  extends Pick<NetworkSettings, 'mode' | 'serviceCidr' | 'directory' | 'ingress'> {
  readonly hosts: HostNetworks;
}

export function nodeNetworkOptions(
  config: Pick<Config, 'network' | 'serviceCidr' | 'dataDir' | IngressField>,
  hosts: HostNetworks,
): NodeNetworkOptions {
  const { network, serviceCidr, dataDir } = config;
  const ingress = ingressSettings(config);
  return { hosts, mode: network, serviceCidr, directory: join(resolve(dataDir), NETWORK_DIRECTORY), ingress };
}

type IngressField =
  | 'ingress'
  | 'ingressHttpPort'
  | 'ingressHttpsPort'
  | 'ingressAccessLog'
  | 'acmeEmail'
  | 'acmeUrl';

function ingressSettings(config: Pick<Config, IngressField>): IngressSettings | undefined {
  const { acmeEmail: email, acmeUrl: url } = config;
  if (!config.ingress) return undefined;
  const ports = { httpPort: config.ingressHttpPort, httpsPort: config.ingressHttpsPort };
  const settings = { ...ports, logsAccess: config.ingressAccessLog };
  if (url === 'internal') return { ...settings, issuer: { type: 'internal' } };
  if (email === undefined) return settings;
  return { ...settings, issuer: { type: 'acme', email, ...(url === undefined ? {} : { url }) } };
}

/** The size of packets of pods on a host with this address; undefined: the engine's default. */
export async function bridgeMtu(mode: NetworkSettings['mode'], address: string): Promise<number | undefined> {
  const interfaces = await observeInterfaces(runProgram).catch(() => []);
  const { mtu } = planUplinks(interfaces, address, []);
  if (mode === 'vxlan') return tunnelMtu(mtu);
  return mode === 'none' || mtu === USUAL_MTU ? undefined : mtu;
}

/** A host that had a network before does not answer for load balancers any more. */
const NO_NETWORK: ReadonlyMap<string, string> = new Map([[ANNOUNCE_NETWORKS, '']]);

/** Without a network: why pods have the ports of the host alone. */
type MaybeNetwork = HostNetwork | { readonly why: string };

export function createHostNetworks(): HostNetworks {
  const running = new Map<string, Promise<MaybeNetwork>>();
  return {
    async join(node) {
      const { name, address, dockerHost } = node;
      let starting = running.get(dockerHost);
      if (!starting) {
        starting = startNetwork(node);
        running.set(dockerHost, starting);
        // A start that failed does not stand in the way of the next one.
        starting.catch(() => running.delete(dockerHost));
      }
      const network = await starting;
      if ('why' in network) {
        node.logger.warn({}, network.why);
        return {
          trouble: { message: network.why, isCutOff: false },
          services: undefined,
          annotations: NO_NETWORK,
          [Symbol.dispose]: () => undefined,
        };
      }
      const joined = network.join({ name, address });
      const { services, annotations } = network;
      return {
        ...{ services, annotations },
        pods: joined.pods,
        dnsAddress: dnsAddressOf(node.settings.serviceCidr),
        get trouble() {
          return asOne(network.troubles);
        },
        [Symbol.dispose]: () => joined[Symbol.dispose](),
      };
    },
    async [Symbol.asyncDispose]() {
      const end = async (starting: Promise<MaybeNetwork>): Promise<void> => {
        const network = await starting.catch(() => undefined);
        if (network && !('why' in network)) await network[Symbol.asyncDispose]();
      };
      await Promise.all([...running.values()].map(end));
    },
  };
}

async function startNetwork(node: JoiningNode): Promise<MaybeNetwork> {
  const { name, address, dockerHost, isBridgeMade, ...options } = node;
  const { mode, bridge, cluster, clusterCidr, directory } = options.settings;
  const run = runProgram;
  const why = await whyHostPortsOnly({ mode, dockerHost, bridge: isBridgeMade ? bridge : undefined, run });
  if (why !== undefined) {
    // An earlier start may have had another mode.
    if (mode === 'none')
      await Promise.all([
        removeNetwork({ cluster, clusterCidr }, run),
        removeAnnouncements(directory, run),
      ]).catch((error: unknown) =>
        node.logger.warn({ error: errorMessage(error) }, 'Cannot remove the network of an earlier start'),
      );
    return { why };
  }
  await recordNetwork(directory, { cluster, clusterCidr });
  const first = { name, address };
  return startHostNetwork({
    ...options,
    first,
    clock: systemClock,
    rng: systemRng,
    run,
    follow: followProgram,
  });
}

function asOne(troubles: readonly NetworkTrouble[]): NetworkTrouble | undefined {
  if (troubles.length === 0) return undefined;
  return {
    message: troubles.map(({ message }) => message).join('; '),
    isCutOff: troubles.some(({ isCutOff }) => isCutOff),
  };
}

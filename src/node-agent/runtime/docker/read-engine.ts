/** Identifies the Docker Engine at an address and lists its networks, before a cluster is made. */
import type { NetworkInspectInfo } from 'dockerode';
import type { Clock } from '../../../base/clock.ts';
import { labelKeys } from '../types.ts';
import { connectEngine, type Engine } from './engine.ts';

export interface EngineNetwork {
  readonly name: string;
  /** The Symphony cluster that it belongs to. */
  readonly cluster: string | undefined;
  /** IPv4 and IPv6. */
  readonly subnets: readonly string[];
  /** Addresses of that cluster's Services. */
  readonly serviceCidr?: string;
}

/** A person waits at a terminal. */
const PATIENCE_MS = 5_000;

export interface EngineIdentity {
  /** The Engine's own id outlives a change of address. Engines that share /etc/docker share it. */
  readonly engineId: string;
  readonly rootDirectory: string;
}

/** Throws RuntimeError. */
export async function readEngineIdentity(host: string, clock: Clock): Promise<EngineIdentity> {
  const { docker, call } = connectEngine({ host }, clock);
  const daemon = docker as unknown as {
    info(options: { abortSignal: AbortSignal }): Promise<{ ID: string; DockerRootDir: string }>;
  };
  const { ID, DockerRootDir } = await call('ask the engine', (options) => daemon.info(options), PATIENCE_MS);
  return { engineId: ID, rootDirectory: DockerRootDir };
}

/** Throws RuntimeError. */
export async function readEngineNetworks(host: string, clock: Clock): Promise<readonly EngineNetwork[]> {
  return (await listNetworks(connectEngine({ host }, clock), PATIENCE_MS)).map((network) => ({
    name: network.Name,
    cluster: network.Labels?.[labelKeys.cluster],
    subnets: subnetsOf(network),
    ...serviceCidrOf(network),
  }));
}

function serviceCidrOf({ Labels }: NetworkInspectInfo): Pick<EngineNetwork, 'serviceCidr'> {
  const serviceCidr = Labels?.[labelKeys.serviceCidr];
  return serviceCidr === undefined ? {} : { serviceCidr };
}

export const listNetworks = (
  { docker, call }: Engine,
  timeoutMs?: number,
): Promise<readonly NetworkInspectInfo[]> =>
  call(
    'list networks',
    ({ abortSignal }) =>
      docker.listNetworks({ abortSignal } as Parameters<typeof docker.listNetworks>[0] & object),
    timeoutMs,
  );

export const subnetsOf = (network: NetworkInspectInfo): readonly string[] =>
  (network.IPAM?.Config ?? []).map((config) => config['Subnet'] ?? '').filter((subnet) => subnet !== '');

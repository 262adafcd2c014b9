/**
 * Settles the addresses of pods and Services before anything is made: reads what this machine and
 * its Docker Engines use, decides (plan-address-ranges.ts), and remembers the ranges.
 */
import { isIPv4 } from 'node:net';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Clock, systemClock } from '../../base/clock.ts';
import { errorMessage, UserError } from '../../base/errors.ts';
import { parsedJson } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import { readHostResolver } from '../../base/resolv-conf.ts';
import { type Config, defaultDockerHost, poolProblem, sliceProblem } from '../../config/index.ts';
import { readHostRoutes } from '../../node-agent/node/host-routes.ts';
import { readOwnRanges } from '../../network/pod-network/own-ranges.ts';
import { runProgram } from '../../network/run-program.ts';
import { bridgeName } from '../../node-agent/runtime/docker/networks.ts';
import { type EngineNetwork, readEngineNetworks } from '../../node-agent/runtime/docker/read-engine.ts';
import { RuntimeError } from '../../node-agent/runtime/types.ts';
import { asRecord } from '../../schemas/json-access.ts';
import { clusterIdOf, networkNameOf } from '../identity/cluster-identity.ts';
import { makeDataDir } from '../start/data-dir.ts';
import { removeClusterNetwork } from '../removal/remove-cluster.ts';
import {
  type AddressRanges,
  describeTaken,
  type MachineFacts,
  planAddressRanges,
  planNodeRange,
  type TakenRange,
} from './plan-address-ranges.ts';

/** In the identity directory: all control planes of a cluster share the ranges. */
const FILE = 'address-ranges.json';

/** A file of an earlier release does not say how the nodes share the range. */
type KeptRanges = AddressRanges & { readonly nodeCidrMaskSize?: number };

/** For `up`. Throws UserError where the addresses belong to something else. */
export async function settleAddressRanges(config: Config, logger: Logger): Promise<Config> {
  if (config.runtime === 'hollow') return config;
  const identity = identityOf(config);
  const caPem = await readIfThere(join(identity, 'tls', 'ca.crt'));
  const isNew = caPem === undefined;
  const remembered = isNew ? undefined : await rememberedRanges(identity);
  const cluster = caPem === undefined ? undefined : clusterIdOf(caPem);
  const hosts = config.dockerHosts.length > 0 ? config.dockerHosts : [defaultDockerHost()];
  const machine = await readMachine(hosts, cluster, systemClock, logger);
  const plan = planAddressRanges({ given: givenRanges(config), remembered, isNew, ...machine });
  if (plan.type === 'refuse') throw new UserError(plan.problem);
  const { avoided, overlaps } = plan;
  const nodeCidrMaskSize =
    givenRanges(config).nodeCidrMaskSize ?? remembered?.nodeCidrMaskSize ?? config.nodeCidrMaskSize;
  const ranges: KeptRanges = { ...plan.ranges, nodeCidrMaskSize };
  // The flags were checked against the usual range.
  const settled = { ...config, ...ranges };
  const problem = sliceProblem(settled, 'up') ?? poolProblem(settled);
  if (problem !== undefined) throw new UserError(problem);
  if (JSON.stringify(ranges) !== JSON.stringify(remembered)) {
    await makeDataDir(identity, config.identityDir === undefined ? '--data-dir' : '--identity-dir');
    await writePrivateFile(join(identity, FILE), `${JSON.stringify(ranges)}\n`);
  }
  if (avoided.length > 0) {
    logger.warn(
      { taken: describeTaken(avoided), ...ranges },
      'The usual addresses are taken on this machine; this cluster keeps others (agents need the same --cluster-cidr)',
    );
  }
  warnOfOverlaps(ranges.clusterCidr, overlaps, logger);
  return { ...config, ...ranges };
}

/** For `control-plane`: goes on with what `up` or an earlier start chose. */
export async function withRememberedRanges(config: Config): Promise<Config> {
  const remembered = await rememberedRanges(identityOf(config));
  return { ...config, ...remembered, ...givenRanges(config) };
}

/** For `agent`. Throws UserError where the addresses of its pods belong to something else. */
export async function checkNodeRange(
  node: AddressRanges & { readonly cluster: string; readonly dockerHost: string | undefined },
  logger: Logger,
): Promise<void> {
  const { clusterCidr, serviceCidr, cluster, dockerHost = defaultDockerHost() } = node;
  const machine = await readMachine([dockerHost], cluster, systemClock, logger);
  // An earlier start may have had a wrong flag: a network without pods is no reason to keep it.
  const isLeftOver =
    machine.own !== undefined &&
    machine.own !== clusterCidr &&
    (await removeClusterNetwork(cluster, dockerHost)) === 'removed';
  const facts = isLeftOver ? { ...machine, own: undefined } : machine;
  const { problem, overlaps } = planNodeRange({ ...facts, clusterCidr, serviceCidr });
  if (problem !== undefined) throw new UserError(problem);
  warnOfOverlaps(clusterCidr, overlaps, logger);
}

function warnOfOverlaps(clusterCidr: string, overlaps: readonly TakenRange[], logger: Logger): void {
  if (overlaps.length === 0) return;
  logger.warn(
    { clusterCidr, taken: describeTaken(overlaps) },
    'Something else on this machine has addresses of this cluster; connections may reach the wrong one',
  );
}

const identityOf = ({ identityDir, dataDir }: Config): string => resolve(identityDir ?? dataDir);

function givenRanges(config: Config): Partial<KeptRanges> {
  const { clusterCidr, serviceCidr, nodeCidrMaskSize, given } = config;
  return {
    ...(given.includes('clusterCidr') ? { clusterCidr } : {}),
    ...(given.includes('serviceCidr') ? { serviceCidr } : {}),
    ...(given.includes('nodeCidrMaskSize') ? { nodeCidrMaskSize } : {}),
  };
}

async function rememberedRanges(identity: string): Promise<KeptRanges | undefined> {
  const path = join(identity, FILE);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const { clusterCidr, serviceCidr, nodeCidrMaskSize: mask } = asRecord(parsedJson(text));
  if (typeof clusterCidr === 'string' && typeof serviceCidr === 'string')
    return { clusterCidr, serviceCidr, ...(typeof mask === 'number' ? { nodeCidrMaskSize: mask } : {}) };
  throw new UserError(
    `Cannot read "${path}": expected {"clusterCidr": "10.244.0.0/16", "serviceCidr": "10.96.0.0/16"}; correct it, or remove it and name the cluster's ranges with --cluster-cidr and --service-cidr`,
  );
}

/** Reads the networks and routes of this machine, apart from the cluster's own network. */
async function readMachine(
  dockerHosts: readonly string[],
  cluster: string | undefined,
  clock: Clock,
  logger: Logger,
): Promise<MachineFacts> {
  const own = new Set<string>();
  const taken: TakenRange[] = [];
  let enginesAway = false;
  for (const dockerHost of new Set(dockerHosts)) {
    const networks = await networksOf(dockerHost, clock, logger);
    enginesAway ||= networks === undefined;
    for (const network of networks ?? []) {
      const isOwn = cluster !== undefined && network.name === networkNameOf(cluster);
      const { serviceCidr } = network;
      const ranges = serviceCidr === undefined || isOwn ? network.subnets : [...network.subnets, serviceCidr];
      for (const cidr of ranges.filter(isIpv4Cidr)) {
        if (isOwn) own.add(cidr);
        else taken.push({ type: 'network', cidr, name: network.name, cluster: network.cluster, dockerHost });
      }
    }
  }
  // The routes of this machine say nothing about an Engine on another one.
  const isLocal = dockerHosts.some((host) => host.startsWith('unix:') || host.startsWith('/'));
  const ours = isLocal ? await readOwnRanges(runProgram) : [];
  const known = new Set([...own, ...taken.map(({ cidr }) => cidr), ...ours]);
  const bridge = cluster === undefined ? undefined : bridgeName(cluster, networkNameOf(cluster));
  const routes = (isLocal ? await readHostRoutes() : [])
    .filter(({ cidr, device }) => !known.has(cidr) && (device === undefined || device !== bridge))
    .map((route) => ({ type: 'route' as const, ...route }));
  const servers = isLocal ? await nameServers() : [];
  return { own: [...own][0], enginesAway, taken: [...taken, ...routes, ...servers] };
}

/** A server that the cluster's range covers could not be asked any more. */
async function nameServers(): Promise<readonly TakenRange[]> {
  const { nameservers } = await readHostResolver((path) => readFile(path, 'utf8').catch(() => ''));
  return nameservers.filter(isIPv4).map((address) => ({ type: 'name server', cidr: `${address}/32` }));
}

const isIpv4Cidr = (cidr: string): boolean => isIPv4(cidr.split('/')[0] ?? '');

/** Undefined where the Engine is away: it will refuse a network that overlaps itself. */
async function networksOf(
  dockerHost: string,
  clock: Clock,
  logger: Logger,
): Promise<readonly EngineNetwork[] | undefined> {
  try {
    return await readEngineNetworks(dockerHost, clock);
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code === 'invalid') throw error;
    logger.warn({ dockerHost, error: errorMessage(error) }, 'Cannot ask the Docker Engine for its networks');
    return undefined;
  }
}

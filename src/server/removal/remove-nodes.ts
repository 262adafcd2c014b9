/**
 * `symphony down`: finds the nodes of a data directory, and visits the Engines of their records.
 */
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { readIfThere } from '../../base/private-file.ts';
import { counted } from '../../base/text.ts';
import { removeIngress } from '../../network/ingress/ingress.ts';
import { removeAnnouncements } from '../../network/announcements/host-addresses.ts';
import { removeNetwork } from '../../network/remove-network.ts';
import { runProgram } from '../../network/run-program.ts';
import { readEngineIdentity, readEngineNetworks } from '../../node-agent/runtime/docker/read-engine.ts';
import { RuntimeError } from '../../node-agent/runtime/types.ts';
import { VOLUMES } from '../../node-agent/volumes/disk-pod-volumes.ts';
import { CLUSTER_FILE, networkNameOf } from '../identity/cluster-identity.ts';
import { readEngineRecord, type RecordedEngine, writeEngineRecord } from './engine-record.ts';
import { NETWORK_DIRECTORY, recordedClusterCidr } from './network-record.ts';
import {
  type EngineAnswer,
  locateEngine,
  type NodeToRemove,
  planVisits,
  type Visit,
} from './plan-removal.ts';
import {
  removeClusterNetwork,
  removeContainers,
  removeNodeDirectory,
  removeVolumes,
} from './remove-cluster.ts';

export interface RemovalOptions {
  /** The data directory. */
  readonly root: string;
  /** The addresses of `--docker-host`. */
  readonly given: readonly string[];
  /** Forgets what is on an Engine that cannot be found. */
  readonly force: boolean;
  /** Removes the data of local volumes as well. */
  readonly volumes: boolean;
  readonly say: (line: string) => void;
}

export interface RemovalProblem {
  readonly type: 'away' | 'another' | 'failed';
  readonly problem: string;
}

/** An agent makes these first in its directory; an empty one is of a start that failed at once. */
const MARKS = [CLUSTER_FILE, 'engines.json', 'node.pem', 'owner.json', VOLUMES];

/** The nodes that have run with this data directory; what else lies there is somebody else's. */
export async function nodeNamesIn(root: string): Promise<readonly string[]> {
  const agents = join(root, 'agents');
  const entries = await readdir(agents, { withFileTypes: true }).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  });
  const names: string[] = [];
  for (const entry of entries) {
    const inside = entry.isDirectory() ? await readdir(join(agents, entry.name)) : undefined;
    if (inside && (inside.length === 0 || inside.some((name) => MARKS.includes(name))))
      names.push(entry.name);
  }
  return names.sort();
}

/** Every node of this data directory. `fallback`: Engines of nodes without a record. */
export async function findNodes(
  root: string,
  fallback: readonly string[],
  say: (line: string) => void,
): Promise<readonly NodeToRemove[]> {
  const nodes: NodeToRemove[] = [];
  for (const nodeName of await nodeNamesIn(root)) {
    const directory = join(root, 'agents', nodeName);
    const record = await readEngineRecord(directory);
    const cluster = (await readIfThere(join(directory, CLUSTER_FILE)))?.trim() ?? '';
    const engines = record ?? (cluster === '' ? [] : fallback.map((dockerHost) => ({ cluster, dockerHost })));
    if (record === undefined && engines.length > 0)
      say(
        `${nodeName}: an earlier release kept no record of its Docker Engines; looking on ${fallback.join(', ')}`,
      );
    nodes.push({ nodeName, directory, isRecorded: record !== undefined, engines });
  }
  return nodes;
}

/** Goes on where one Engine fails; a node is forgotten when nothing of it is left anywhere. */
export async function removeNodes(
  nodes: readonly NodeToRemove[],
  { root, given, force, volumes, say }: RemovalOptions,
): Promise<readonly RemovalProblem[]> {
  const visits = planVisits(nodes);
  const answers = await askEngines([...visits.map(({ dockerHost }) => dockerHost), ...given]);
  const problems: RemovalProblem[] = [];
  const left = new Map<NodeToRemove, RecordedEngine[]>();
  for (const visit of visits) {
    const found = locateEngine(visit, visits, given, answers);
    const problem = found.type === 'found' ? await removeOn(visit, found.dockerHost, root, say) : found;
    if (problem === undefined) continue;
    problems.push(problem);
    const { nodes: here, ...engine } = visit;
    for (const node of here) left.set(node, [...(left.get(node) ?? []), engine]);
  }
  for (const node of nodes) {
    const engines = left.get(node) ?? [];
    if (engines.length === 0 || force) await removeFiles(node, volumes, say);
    else if (node.isRecorded) await writeEngineRecord(node.directory, engines);
    if (node.engines.length === 0) say(`${node.nodeName}: nothing was made on a Docker Engine`);
  }
  if (problems.length === 0) await rm(join(root, NETWORK_DIRECTORY), { recursive: true, force: true });
  return problems;
}

/** The data of volumes outlives its cluster, unless it is asked for. */
async function removeFiles(
  { nodeName, directory }: NodeToRemove,
  volumes: boolean,
  say: (line: string) => void,
): Promise<void> {
  const removed = volumes ? await removeVolumes(directory) : 0;
  if (removed > 0) say(`${nodeName}: ${counted(removed, 'volume')} removed`);
  const kept = await removeNodeDirectory(directory);
  if (kept > 0)
    say(
      `${nodeName}: ${counted(kept, 'volume')} kept in ${join(directory, VOLUMES)}; --volumes removes them`,
    );
}

async function removeOn(
  { cluster, nodes }: Visit,
  dockerHost: string,
  root: string,
  say: (line: string) => void,
): Promise<RemovalProblem | undefined> {
  try {
    for (const { nodeName } of nodes) {
      const count = await removeContainers(cluster, nodeName, dockerHost);
      say(`${nodeName}: ${counted(count, 'container')} removed on ${dockerHost}`);
    }
    const clusterCidr = await clusterCidrOf(cluster, dockerHost, root);
    const network = await removeClusterNetwork(cluster, dockerHost);
    if (network === 'removed') say(`network ${networkNameOf(cluster)}: removed`);
    if (network === 'in use')
      say(`network ${networkNameOf(cluster)}: left, other nodes of the cluster use it`);
    else if (dockerHost.startsWith('unix:')) {
      await removeIngress(resolve(root, NETWORK_DIRECTORY), systemClock);
      for (const address of await removeAnnouncements(join(root, NETWORK_DIRECTORY), runProgram))
        say(`address ${address} of a load balancer: removed`);
      for (const name of await removeNetwork({ cluster, clusterCidr }, runProgram)) say(`${name}: removed`);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof RuntimeError)) return { type: 'failed', problem: errorMessage(error) };
    return { type: error.code === 'unavailable' ? 'away' : 'failed', problem: error.message };
  }
}

/** An engine's network tells the range that a damaged record does not. */
async function clusterCidrOf(cluster: string, dockerHost: string, root: string): Promise<string | undefined> {
  const recorded = await recordedClusterCidr(join(root, NETWORK_DIRECTORY), cluster);
  if (recorded !== undefined) return recorded;
  const networks = await readEngineNetworks(dockerHost, systemClock);
  return networks.find(({ cluster: owner }) => owner === cluster)?.subnets[0];
}

async function askEngines(dockerHosts: readonly string[]): Promise<ReadonlyMap<string, EngineAnswer>> {
  const ask = async (dockerHost: string): Promise<[string, EngineAnswer]> => {
    try {
      return [dockerHost, await readEngineIdentity(dockerHost, systemClock)];
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      return [dockerHost, { problem: errorMessage(error) }];
    }
  };
  return new Map(await Promise.all([...new Set(dockerHosts)].map(ask)));
}

/** What `symphony down` does: finds the nodes of a data directory, visits the Engines of their records, and tells. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { readIfThere } from '../base/private-file.ts';
import { readEngineIdentity } from '../node-agent/runtime/docker/read-engine.ts';
import { RuntimeError } from '../node-agent/runtime/types.ts';
import { CLUSTER_FILE, networkNameOf } from './cluster-identity.ts';
import { readEngineRecord, type RecordedEngine, writeEngineRecord } from './engine-record.ts';
import {
  type EngineAnswer,
  locateEngine,
  type NodeToRemove,
  planVisits,
  type Visit,
} from './plan-removal.ts';
import { removeClusterNetwork, removeContainers, removeNodeDirectory } from './remove-cluster.ts';

export interface RemovalOptions {
  /** The addresses of `--docker-host`. */
  readonly given: readonly string[];
  /** Forgets what is on an Engine that cannot be found. */
  readonly force: boolean;
  readonly say: (line: string) => void;
}

export interface RemovalProblem {
  readonly type: 'away' | 'another' | 'failed';
  readonly problem: string;
}

/** Every node that has run with this data directory. `fallback`: where a node without a record may have containers. */
export async function findNodes(
  root: string,
  fallback: readonly string[],
  say: (line: string) => void,
): Promise<readonly NodeToRemove[]> {
  const agents = join(root, 'agents');
  const entries = await readdir(agents, { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  // A file beside them is nobody's node.
  const names = entries.filter((entry) => !entry.isFile()).map(({ name }) => name);
  const nodes: NodeToRemove[] = [];
  for (const nodeName of names.sort()) {
    const directory = join(agents, nodeName);
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
  { given, force, say }: RemovalOptions,
): Promise<readonly RemovalProblem[]> {
  const visits = planVisits(nodes);
  const answers = await askEngines([...visits.map(({ dockerHost }) => dockerHost), ...given]);
  const problems: RemovalProblem[] = [];
  const left = new Map<NodeToRemove, RecordedEngine[]>();
  for (const visit of visits) {
    const found = locateEngine(visit, visits, given, answers);
    const problem = found.type === 'found' ? await removeOn(visit, found.dockerHost, say) : found;
    if (problem === undefined) continue;
    problems.push(problem);
    const { nodes: here, ...engine } = visit;
    for (const node of here) left.set(node, [...(left.get(node) ?? []), engine]);
  }
  for (const node of nodes) {
    const engines = left.get(node) ?? [];
    if (engines.length === 0 || force) await removeNodeDirectory(node.directory);
    else if (node.isRecorded) await writeEngineRecord(node.directory, engines);
    if (node.engines.length === 0) say(`${node.nodeName}: nothing was made on a Docker Engine`);
  }
  return problems;
}

async function removeOn(
  { cluster, nodes }: Visit,
  dockerHost: string,
  say: (line: string) => void,
): Promise<RemovalProblem | undefined> {
  try {
    for (const { nodeName } of nodes) {
      const count = await removeContainers(cluster, nodeName, dockerHost);
      say(`${nodeName}: ${count} ${count === 1 ? 'container' : 'containers'} removed on ${dockerHost}`);
    }
    const network = await removeClusterNetwork(cluster, dockerHost);
    if (network === 'removed') say(`network ${networkNameOf(cluster)}: removed`);
    if (network === 'in use')
      say(`network ${networkNameOf(cluster)}: left, other nodes of the cluster use it`);
    return undefined;
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return { type: error.code === 'unavailable' ? 'away' : 'failed', problem: error.message };
  }
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

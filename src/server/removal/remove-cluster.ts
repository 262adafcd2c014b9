/** `symphony down`: removes containers and network of nodes on an Engine, and files. */
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { hasOwnName } from '../../node-agent/container-spec/identity.ts';
import { isCode } from '../../node-agent/files/held-directory.ts';
import { removeTree } from '../../node-agent/files/remove-tree.ts';
import { createDockerRuntime } from '../../node-agent/runtime/docker/create-docker-runtime.ts';
import { readEngineNetworks } from '../../node-agent/runtime/docker/read-engine.ts';
import { type ContainerRuntime, RuntimeError } from '../../node-agent/runtime/types.ts';
import { VOLUMES } from '../../node-agent/volumes/disk-pod-volumes.ts';
import { unmountBelow } from '../../node-agent/volumes/mounts.ts';
import { createProjectQuotas } from '../../node-agent/volumes/project-quotas.ts';
import { podLinksAt } from '../pod-links.ts';
import { networkNameOf } from '../identity/cluster-identity.ts';

/** The number of containers that were removed: by label and name, whatever the records say. */
export function removeContainers(cluster: string, node: string, dockerHost: string): Promise<number> {
  return withRuntime({ cluster, node, dockerHost }, async (runtime) => {
    const containers = (await runtime.list()).filter(hasOwnName);
    await Promise.all(containers.map((container) => runtime.remove(container.id)));
    return containers.length;
  });
}

/** A network stays as long as other nodes of the cluster use it on this Engine. */
export async function removeClusterNetwork(
  cluster: string,
  dockerHost: string,
): Promise<'removed' | 'absent' | 'in use'> {
  const name = networkNameOf(cluster);
  const networks = await readEngineNetworks(dockerHost, systemClock);
  const isThere = networks.some((network) => network.name === name && network.cluster === cluster);
  try {
    // An interface may be left of a network that is gone.
    await withRuntime({ cluster, node: '', dockerHost }, (runtime) => runtime.removeNetwork(name));
    return isThere ? 'removed' : 'absent';
  } catch (error) {
    if (error instanceof RuntimeError && error.message.includes('active endpoints')) return 'in use';
    throw error;
  }
}

async function withRuntime<T>(
  place: { readonly cluster: string; readonly node: string; readonly dockerHost: string },
  task: (runtime: ContainerRuntime) => Promise<T>,
): Promise<T> {
  const { cluster, node, dockerHost: host } = place;
  const runtime = createDockerRuntime({
    ...{ host, cluster, node, clock: systemClock, logger: silentLogger },
    links: podLinksAt(host),
  });
  try {
    return await task(runtime);
  } finally {
    await runtime[Symbol.asyncDispose]();
  }
}

/**
 * All files of the node but its volumes, and nothing of the host through a mount that was left
 * there. Answers the number of volumes that are kept.
 */
export async function removeNodeDirectory(directory: string): Promise<number> {
  await unmountBelow(directory);
  const kept = (await volumesIn(directory)).length;
  if (kept === 0) {
    await removeTree(directory);
    return 0;
  }
  for (const name of await readdir(directory)) {
    if (name === VOLUMES) continue;
    await unlink(join(directory, name)).catch((error: unknown) => {
      if (!isCode(error, 'EISDIR', 'EPERM')) throw error;
      return removeTree(join(directory, name));
    });
  }
  return kept;
}

/** Their directories and records; what a mount hides counts as none. */
export async function removeVolumes(directory: string): Promise<number> {
  const names = await volumesIn(directory);
  await unmountBelow(directory);
  const root = join(directory, VOLUMES);
  const quotas = createProjectQuotas({ root, rootMode: 0o711, logger: silentLogger });
  for (const name of names) await quotas.release(join(root, name));
  await removeTree(root);
  return names.length;
}

async function volumesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(join(directory, VOLUMES), { withFileTypes: true }).catch((error: unknown) => {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  });
  return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : []));
}

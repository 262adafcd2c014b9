/** `symphony down`: removes what an `up` left on the engines of this machine: its containers, volumes and network. */
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { hasOwnName } from '../node-agent/container-spec/identity.ts';
import { removeTree } from '../node-agent/files/remove-tree.ts';
import { createDockerRuntime } from '../node-agent/runtime/docker/create-docker-runtime.ts';
import { RuntimeError } from '../node-agent/runtime/types.ts';
import { unmountBelow } from '../node-agent/volumes/mounts.ts';
import { networkNameOf } from './cluster-identity.ts';

export interface RemovedNode {
  readonly nodeName: string;
  readonly containers: number;
}

/** By label and name, whatever the records say. */
export async function removeNode(options: {
  readonly cluster: string;
  readonly nodeName: string;
  readonly dockerHost: string;
}): Promise<RemovedNode> {
  const { cluster, nodeName, dockerHost } = options;
  const runtime = createDockerRuntime({
    host: dockerHost,
    cluster,
    node: nodeName,
    clock: systemClock,
    logger: silentLogger,
  });
  try {
    const containers = (await runtime.list()).filter(hasOwnName);
    await Promise.all(containers.map((container) => runtime.remove(container.id)));
    return { nodeName, containers: containers.length };
  } finally {
    await runtime[Symbol.asyncDispose]();
  }
}

/** False when other nodes of the cluster still use it on this engine; then it stays. */
export async function removeClusterNetwork(cluster: string, dockerHost: string): Promise<boolean> {
  const runtime = createDockerRuntime({
    host: dockerHost,
    cluster,
    node: '',
    clock: systemClock,
    logger: silentLogger,
  });
  try {
    await runtime.removeNetwork(networkNameOf(cluster));
    return true;
  } catch (error) {
    if (error instanceof RuntimeError && error.message.includes('active endpoints')) return false;
    throw error;
  } finally {
    await runtime[Symbol.asyncDispose]();
  }
}

/** All that the node left on the disk, and nothing of the host through a mount that it left there. */
export async function removeNodeDirectory(directory: string): Promise<void> {
  await unmountBelow(directory);
  await removeTree(directory);
}

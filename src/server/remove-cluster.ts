/** `symphony down`: removes what an `up` left on the engines of this machine: its containers, volumes and network. */
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { hasOwnName } from '../node-agent/container-spec/identity.ts';
import type { PodRecord } from '../node-agent/ports.ts';
import { createVolumeStore } from '../node-agent/volumes/create-volume-store.ts';
import { createFileRecordStore } from '../node-agent/records/file-record-store.ts';
import { createDockerRuntime } from '../node-agent/runtime/docker/create-docker-runtime.ts';
import { RuntimeError } from '../node-agent/runtime/types.ts';
import { networkNameOf } from './cluster-identity.ts';

export interface RemovedNode {
  readonly nodeName: string;
  readonly containers: number;
}

/** Containers are removed by label and name, whatever the records say; volumes by the records. */
export async function removeNode(options: {
  readonly cluster: string;
  readonly nodeName: string;
  readonly dockerHost: string;
  readonly directory: string;
}): Promise<RemovedNode> {
  const { cluster, nodeName, dockerHost, directory } = options;
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
    await removeVolumes(directory);
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

async function removeVolumes(directory: string): Promise<void> {
  const volumes = createVolumeStore({
    podsDir: join(directory, 'pods'),
    clock: systemClock,
    logger: silentLogger,
    canMount: () => Promise.resolve(false),
  });
  const records: readonly PodRecord[] = await createFileRecordStore(
    join(directory, 'records'),
    silentLogger,
  ).loadPods();
  for (const { pod } of records) await volumes.tearDown(pod.metadata.uid ?? '');
  await volumes.release();
}

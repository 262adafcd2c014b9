/**
 * The range of a cluster's pods, written down before anything is made in the kernel: `symphony down`
 * knows our routes by it.
 */
import { join } from 'node:path';
import { parsedJson } from '../../base/json.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import { asRecord } from '../../schemas/json-access.ts';

export interface RecordedNetwork {
  readonly cluster: string;
  readonly clusterCidr: string;
}

/** In the data directory. */
export const NETWORK_DIRECTORY = 'network';

const fileOf = (directory: string, cluster: string): string => join(directory, `${cluster}.json`);

export async function recordNetwork(
  directory: string,
  { cluster, clusterCidr }: RecordedNetwork,
): Promise<void> {
  await writePrivateFile(fileOf(directory, cluster), `${JSON.stringify({ clusterCidr })}\n`);
}

/** Undefined where there is no record, or a damaged one: an engine's network tells the range, too. */
export async function recordedClusterCidr(directory: string, cluster: string): Promise<string | undefined> {
  const text = await readIfThere(fileOf(directory, cluster));
  const { clusterCidr } = asRecord(text === undefined ? undefined : parsedJson(text));
  return typeof clusterCidr === 'string' ? clusterCidr : undefined;
}

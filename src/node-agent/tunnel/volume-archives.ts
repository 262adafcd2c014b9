/**
 * Back up and restore of this node's local volumes, over the tunnel. The control plane names the
 * volume and its claim. Only directories that this agent made are read or written: the limits of
 * the host's owner hold whatever the control plane asks for.
 */
import { chunkFrame, END_FRAME, failureFrame, readChunkFrames } from '../../base/chunk-frames.ts';
import { drained } from '../../base/drained.ts';
import { goWords } from '../../base/go-words.ts';
import type { ServerHttp2Stream } from 'node:http2';
import type { PersistentVolume } from '../../schemas/types.ts';
import { packVolume } from '../volumes/pack-volume.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';
import { checkEmpty, RestoreRefused, unpackVolume } from '../volumes/unpack-volume.ts';
import { Refused } from './refused.ts';

export interface VolumeArchivesOptions {
  readonly volumes: Pick<PodVolumes, 'directories' | 'usersOf'>;
  /** The pod is here and is not over. */
  isActive(podUid: string): boolean;
  /** Whether the agent may give files to other users. */
  readonly canChown: boolean;
}

export interface ArchiveCall {
  readonly stream: ServerHttp2Stream;
  readonly signal: AbortSignal;
  readonly query: URLSearchParams;
}

/** Volumes that are restored or backed up now, by path: a restore beside either would mix data. */
const restoring = new Set<string>();
const reading: string[] = [];

export async function backUpVolume(
  options: VolumeArchivesOptions,
  { stream, signal, query }: ArchiveCall,
): Promise<void> {
  const { path, name } = await ownVolume(options, query);
  if (restoring.has(path)) throw new Refused(409, `the volume "${name}" is being restored`);
  reading.push(path);
  try {
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    for await (const chunk of packVolume(path, signal)) {
      if (!stream.write(chunkFrame(chunk))) await drained(stream);
      signal.throwIfAborted();
    }
    stream.end(END_FRAME);
  } catch (error) {
    if (!stream.destroyed) stream.end(failureFrame(goWords(error)));
  } finally {
    reading.splice(reading.indexOf(path), 1);
  }
}

export async function restoreVolume(
  options: VolumeArchivesOptions,
  { stream, query }: ArchiveCall,
): Promise<void> {
  const { path, name } = await ownVolume(options, query);
  if (restoring.has(path)) throw new Refused(409, `the volume "${name}" is being restored already`);
  if (reading.includes(path)) throw new Refused(409, `the volume "${name}" is being backed up`);
  restoring.add(path);
  try {
    if (query.get('force') !== 'true') await checkUnused(options, path, name);
    stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
    const source = readChunkFrames(stream);
    const result = await unpackVolume(path, source, options.canChown).catch((error: unknown) => ({
      error: goWords(error),
    }));
    if (stream.destroyed) return;
    stream.write(chunkFrame(Buffer.from(JSON.stringify(result))));
    stream.end(END_FRAME);
  } finally {
    restoring.delete(path);
  }
}

async function ownVolume(
  { volumes }: VolumeArchivesOptions,
  query: URLSearchParams,
): Promise<{ readonly path: string; readonly name: string }> {
  const [name, claim] = [query.get('volume') ?? '', query.get('claim') ?? ''];
  const { directories } = volumes;
  const volume = (await directories.recorded()).find(({ metadata }) => metadata.name === name);
  if (!volume || claimOf(volume) !== claim)
    throw new Refused(404, `the volume "${name}" of the claim "${claim}" has no data on this node yet`);
  await directories.settle(volume);
  return { path: `${directories.root}/${name}`, name };
}

const claimOf = ({ spec: { claimRef } }: PersistentVolume): string =>
  `${claimRef?.namespace ?? ''}/${claimRef?.name ?? ''}`;

async function checkUnused(
  { volumes, isActive }: VolumeArchivesOptions,
  path: string,
  name: string,
): Promise<void> {
  const users = (await volumes.usersOf(name)).filter(isActive);
  if (users.length > 0)
    throw new Refused(409, `the volume is used by ${users.length} pod(s); stop them first, or give --force`);
  await checkEmpty(path).catch((error: unknown) => {
    throw error instanceof RestoreRefused ? new Refused(409, error.message) : error;
  });
}

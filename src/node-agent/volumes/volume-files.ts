/**
 * The files of a configMap, secret, projected or downwardAPI volume. Pure. A source that does not
 * exist yet is {@link Missing}, in kubelet's words.
 */
import type { ConfigMap, Pod, Secret, Volume } from '../../schemas/types.ts';
import { containerResourceValue, type PodPlace, podFieldValue } from '../container-spec/field-ref.ts';

/** A file of a volume, by its path below the volume. */
export interface VolumeFile {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
  /** The owner. Default: root. */
  readonly userId?: number;
}

export interface FilesInput {
  readonly pod: Pod;
  readonly place: PodPlace;
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Service account tokens already fetched, by `<volume>/<path>`. */
  readonly tokens: ReadonlyMap<string, string>;
  /** Whether files can be given to other users. */
  readonly canChown?: boolean;
}

/** It may come later: the pod waits. */
export class Missing extends Error {}
/** A path that leaves its volume; waiting does not help. The API should have refused it. */
export class Forbidden extends Error {}

const DEFAULT_MODE = 0o644;

type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;
type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
/** A ConfigMap or Secret, and the keys of it that become files. Default: all. */
type KeySource = NonNullable<ProjectedSource['configMap']>;

/**
 * Undefined for volumes that hold no files of the agent. The later of two files at one path wins.
 */
export function filesOf(input: FilesInput, volume: Volume): readonly VolumeFile[] | undefined {
  const files = listFiles(input, volume);
  return files && [...new Map(files.map((file) => [file.path, file])).values()];
}

function listFiles(input: FilesInput, volume: Volume): readonly VolumeFile[] | undefined {
  const { name, configMap, secret, downwardAPI, projected } = volume;
  const mode = (configMap ?? secret ?? downwardAPI ?? projected)?.defaultMode ?? DEFAULT_MODE;
  if (configMap) return configMapFiles(input, configMap, mode);
  if (secret) {
    const { secretName = '', ...source } = secret;
    return secretFiles(input, { ...source, name: secretName }, mode);
  }
  if (downwardAPI) return downwardFiles(input, downwardAPI.items ?? [], mode);
  return (
    projected && (projected.sources ?? []).flatMap((source) => projectedFiles(input, name, source, mode))
  );
}

function projectedFiles(
  input: FilesInput,
  volume: string,
  { configMap, secret, downwardAPI, serviceAccountToken }: ProjectedSource,
  mode: number,
): readonly VolumeFile[] {
  if (configMap) return configMapFiles(input, configMap, mode);
  if (secret) return secretFiles(input, secret, mode);
  if (downwardAPI) return downwardFiles(input, downwardAPI.items ?? [], mode);
  if (!serviceAccountToken) throw new Missing('this source of a projected volume is not implemented');
  const { path } = serviceAccountToken;
  const token = input.tokens.get(`${volume}/${path}`);
  if (token === undefined) throw new Missing(`failed to fetch token for "${path}"`);
  // If only one user or group needs the file, only they may read it.
  const userId = input.canChown === true ? onlyUserOf(input.pod) : undefined;
  const isPrivate = userId !== undefined || input.pod.spec.securityContext?.fsGroup !== undefined;
  const owner = userId === undefined ? {} : { userId };
  return [{ path: safePath(path), mode: isPrivate ? 0o600 : mode, content: Buffer.from(token), ...owner }];
}

/** The user of all containers, if there is just one. */
function onlyUserOf({ spec }: Pod): number | undefined {
  const users = [...(spec.initContainers ?? []), ...spec.containers].map(
    ({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  );
  const [first] = users;
  return users.every((user) => user === first) ? first : undefined;
}

function configMapFiles(input: FilesInput, source: KeySource, mode: number): readonly VolumeFile[] {
  const { name = '', optional } = source;
  const found = input.configMaps.get(name);
  if (!found && optional !== true) throw new Missing(`configmap "${name}" not found`);
  const content = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(found?.data ?? {})) content.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(found?.binaryData ?? {}))
    content.set(key, Buffer.from(value, 'base64'));
  return pick(content, source, mode, 'configmap references non-existent config key');
}

function secretFiles(input: FilesInput, source: KeySource, mode: number): readonly VolumeFile[] {
  const { name = '', optional } = source;
  const found = input.secrets.get(name);
  if (!found && optional !== true) throw new Missing(`secret "${name}" not found`);
  const entries = Object.entries(found?.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
  );
  return pick(new Map(entries), source, mode, 'references non-existent secret key');
}

/** Without items every key is a file; with them only those, under their own paths. */
function pick(
  content: ReadonlyMap<string, Buffer>,
  { items = [], optional }: KeySource,
  mode: number,
  missing: string,
): readonly VolumeFile[] {
  if (items.length === 0)
    return [...content]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ path: safePath(key), mode, content: value }));
  return items.flatMap((item) => {
    const value = content.get(item.key);
    if (value) return [{ path: safePath(item.path), mode: item.mode ?? mode, content: value }];
    if (optional === true) return [];
    throw new Missing(`${missing}: ${item.key}`);
  });
}

function downwardFiles(input: FilesInput, items: DownwardItems, mode: number): readonly VolumeFile[] {
  /** By the source: a value may be large, and requested many times. */
  const contents = new Map<string, Buffer>();
  return items.map((item) => {
    const source = JSON.stringify([item.fieldRef, item.resourceFieldRef]);
    const content = contents.get(source) ?? Buffer.from(downwardValue(input, item));
    contents.set(source, content);
    return { path: safePath(item.path), mode: item.mode ?? mode, content };
  });
}

function downwardValue(input: FilesInput, item: DownwardItems[number]): string {
  const { pod, place } = input;
  if (item.fieldRef) {
    const value = podFieldValue(pod, item.fieldRef.fieldPath, place);
    if (value === undefined) throw new Missing(`unsupported fieldPath: ${item.fieldRef.fieldPath}`);
    return value;
  }
  const ref = item.resourceFieldRef;
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const container = all.find(({ name }) => name === ref?.containerName);
  const value = ref && container ? containerResourceValue(container, ref, place) : undefined;
  if (value === undefined) throw new Missing(`container ${ref?.containerName ?? ''} not found`);
  return value;
}

/** Paths come from users: relative, and without the `..` names that the writer uses. */
function safePath(path: string): string {
  const parts = partsOf(path);
  const climbs = parts.includes('..') || (parts[0] ?? '..').startsWith('..');
  if (path.startsWith('/') || path.includes('\0') || climbs)
    throw new Forbidden(`invalid path: "${path}" must be relative and must not start with or contain '..'`);
  return parts.join('/');
}

export const partsOf = (path: string): readonly string[] =>
  path.split('/').filter((part) => part !== '' && part !== '.');

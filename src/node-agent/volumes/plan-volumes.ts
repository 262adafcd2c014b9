/**
 * A pod's volumes → the files and directories on the disk, pure. A ConfigMap or Secret that does
 * not exist yet makes the pod wait, in kubelet's words. All paths lie below the pod's own
 * directory, except hostPath.
 */
import type { ConfigMap, Pod, Secret, Volume } from '../../schemas/types.ts';
import { toBytes } from '../../schemas/values/quantity.ts';
import { containerResourceValue, type PodPlace, podFieldValue } from '../container-spec/field-ref.ts';

/** A file of a volume, by its path below the volume. */
export interface VolumeFile {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
  /** The owner. Default: root. */
  readonly userId?: number;
}

export type VolumePlan =
  | { readonly kind: 'directory'; readonly name: string; readonly path: string; readonly groupId?: number }
  | {
      readonly kind: 'memory';
      readonly name: string;
      readonly path: string;
      readonly sizeBytes?: number;
      readonly groupId?: number;
    }
  | { readonly kind: 'host'; readonly name: string; readonly path: string; readonly type: string }
  | {
      readonly kind: 'files';
      readonly name: string;
      readonly path: string;
      /** Secrets and tokens stay out of the disk where memory can be mounted. */
      readonly sensitive: boolean;
      readonly files: readonly VolumeFile[];
      readonly groupId?: number;
      /** Directories for what containers mount inside this volume. */
      readonly mountPoints?: readonly string[];
    };

export interface VolumesInput {
  readonly pod: Pod;
  /** `<agentDir>/pods`. */
  readonly podsDir: string;
  readonly place: PodPlace;
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Service account tokens already fetched, by `<volume>/<path>`. */
  readonly tokens: ReadonlyMap<string, string>;
  /** Whether files can be given to other users. */
  readonly canChown?: boolean;
  /** Directory in memory for Secrets and tokens. Default: among the pod's other files. */
  readonly memoryDir?: string | undefined;
}

export type VolumesPlan =
  | {
      readonly ok: true;
      readonly volumes: readonly VolumePlan[];
      readonly paths: ReadonlyMap<string, string>;
      /** Names of the volumes that only the agent writes; pods get them read-only. */
      readonly agentVolumes: ReadonlySet<string>;
    }
  | {
      readonly ok: false;
      readonly reason: 'FailedMount' | 'CreateContainerConfigError';
      readonly volume: string;
      readonly message: string;
      /** The same of the pod's other volumes. */
      readonly also: readonly string[];
    };

const PLUGIN_DIRS = {
  emptyDir: 'kubernetes.io~empty-dir',
  configMap: 'kubernetes.io~configmap',
  secret: 'kubernetes.io~secret',
  projected: 'kubernetes.io~projected',
  downwardAPI: 'kubernetes.io~downward-api',
} as const;

const DEFAULT_MODE = 0o644;
/**
 * Files that the agent writes for one pod. One key of a ConfigMap or Secret, or all annotations,
 * can be requested thousands of times. This is 64 of the largest Secrets, and a part of the memory
 * for them.
 */
const MAX_CONTENT_BYTES = 64 * 1024 * 1024;
/** Report the problems of at most this many volumes: enough to fix a manifest at once. */
const MAX_TOLD = 10;
const VOLUME_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const UID = /^[A-Za-z0-9-]{1,64}$/;

/** It may come later: the pod waits. */
class Missing extends Error {}
/** A path that leaves its volume; waiting does not help. The API should have refused it. */
class Forbidden extends Error {}

/** The pod's own directory. Throws on an invalid uid: the path would not be the pod's. */
export function podDirectory(podsDir: string, uid: string): string {
  if (!UID.test(uid)) throw new RangeError(`Cannot use pod uid "${uid}" as a directory's name`);
  return `${podsDir}/${uid}`;
}

/** One memory file system for Secrets and tokens of all pods: a mount per volume would be slow. */
export const memoryDirOf = (podsDir: string): string => `${podsDir}-memory`;

export function planVolumes(input: VolumesInput): VolumesPlan {
  const volumes: VolumePlan[] = [];
  const missing: Extract<VolumesPlan, { ok: false }>[] = [];
  const mountPoints = mountPointsOf(input.pod);
  let bytes = 0;
  for (const volume of input.pod.spec.volumes ?? []) {
    try {
      const plan = planVolume({ ...input, mountPoints }, volume);
      bytes += contentBytes(plan);
      if (bytes > MAX_CONTENT_BYTES)
        throw new Forbidden(`the pod's volumes have more than ${MAX_CONTENT_BYTES} bytes of files`);
      volumes.push(plan);
    } catch (error) {
      const isForbidden = error instanceof Forbidden;
      if (!isForbidden && !(error instanceof Missing)) throw error;
      const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`;
      const refusal = { ok: false, volume: volume.name, message, also: [] } as const;
      if (isForbidden) return { ...refusal, reason: 'CreateContainerConfigError' };
      missing.push({ ...refusal, reason: 'FailedMount' });
      if (missing.length >= MAX_TOLD) break;
    }
  }
  const [first, ...others] = missing;
  if (first) return { ...first, also: others.map(({ message }) => message) };
  return {
    ok: true,
    volumes,
    paths: new Map(volumes.map(({ name, path }) => [name, path])),
    agentVolumes: new Set(volumes.filter(({ kind }) => kind === 'files').map(({ name }) => name)),
  };
}

const contentBytes = (plan: VolumePlan): number =>
  plan.kind === 'files' ? plan.files.reduce((sum, { content }) => sum + content.length, 0) : 0;

interface Planning extends VolumesInput {
  readonly mountPoints: MountPoints;
}

function planVolume(input: Planning, volume: Volume): VolumePlan {
  const fsGroup = input.pod.spec.securityContext?.fsGroup;
  const group = fsGroup === undefined ? {} : { groupId: fsGroup };
  const root = `${podDirectory(input.podsDir, input.pod.metadata.uid ?? '')}/volumes`;
  const pathOf = (kind: keyof typeof PLUGIN_DIRS): string => `${root}/${PLUGIN_DIRS[kind]}/${volume.name}`;
  const { name } = volume;
  if (!VOLUME_NAME.test(name)) throw new Forbidden(`invalid name of a volume: "${name}"`);
  if (volume.hostPath) {
    checkHostPathText(volume.hostPath.path);
    return { kind: 'host', name, path: volume.hostPath.path, type: volume.hostPath.type ?? '' };
  }
  if (volume.emptyDir) {
    if (volume.emptyDir.medium !== 'Memory') {
      return { kind: 'directory', name, path: pathOf('emptyDir'), ...group };
    }
    const limit = toBytes(volume.emptyDir.sizeLimit);
    return {
      kind: 'memory',
      name,
      path: pathOf('emptyDir'),
      ...(limit > 0 ? { sizeBytes: limit } : {}),
      ...group,
    };
  }
  const files = (
    kind: keyof typeof PLUGIN_DIRS,
    list: readonly VolumeFile[],
    sensitive = false,
  ): VolumePlan => ({
    kind: 'files',
    name,
    path:
      sensitive && input.memoryDir !== undefined
        ? `${podDirectory(input.memoryDir, input.pod.metadata.uid ?? '')}/${name}`
        : pathOf(kind),
    sensitive,
    files: uniquePaths(list),
    mountPoints: [...(input.mountPoints.get(name) ?? [])],
    ...group,
  });
  if (volume.configMap) {
    const { name: source = '', items, optional, defaultMode } = volume.configMap;
    return files('configMap', configMapFiles(input, source, items, optional, defaultMode ?? DEFAULT_MODE));
  }
  if (volume.secret) {
    const { secretName = '', items, optional, defaultMode } = volume.secret;
    return files(
      'secret',
      secretFiles(input, secretName, items, optional, defaultMode ?? DEFAULT_MODE),
      true,
    );
  }
  if (volume.downwardAPI) {
    const { items = [], defaultMode } = volume.downwardAPI;
    return files('downwardAPI', downwardFiles(input, items, defaultMode ?? DEFAULT_MODE));
  }
  if (volume.projected) {
    const sources = volume.projected.sources ?? [];
    const sensitive = sources.some((source) => source.secret || source.serviceAccountToken);
    const mode = volume.projected.defaultMode ?? DEFAULT_MODE;
    return files(
      'projected',
      sources.flatMap((source) => projectedFiles(input, name, source, mode)),
      sensitive,
    );
  }
  throw new Missing('this type of volume is not implemented');
}

type KeyItems = NonNullable<NonNullable<Volume['configMap']>['items']>;
type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;
type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

function projectedFiles(
  input: VolumesInput,
  volume: string,
  source: ProjectedSource,
  mode: number,
): readonly VolumeFile[] {
  if (source.configMap) {
    return configMapFiles(
      input,
      source.configMap.name ?? '',
      source.configMap.items,
      source.configMap.optional,
      mode,
    );
  }
  if (source.secret) {
    return secretFiles(input, source.secret.name ?? '', source.secret.items, source.secret.optional, mode);
  }
  if (source.downwardAPI) return downwardFiles(input, source.downwardAPI.items ?? [], mode);
  if (source.serviceAccountToken) {
    const { path } = source.serviceAccountToken;
    const token = input.tokens.get(`${volume}/${path}`);
    if (token === undefined) throw new Missing(`failed to fetch token for "${path}"`);
    // If only one user or group needs the file, only they may read it.
    const userId = input.canChown === true ? onlyUserOf(input.pod) : undefined;
    const isPrivate = userId !== undefined || input.pod.spec.securityContext?.fsGroup !== undefined;
    const owner = userId === undefined ? {} : { userId };
    return [{ path: safePath(path), mode: isPrivate ? 0o600 : mode, content: Buffer.from(token), ...owner }];
  }
  throw new Missing('this source of a projected volume is not implemented');
}

/** The user of all containers, if there is just one. */
function onlyUserOf({ spec }: Pod): number | undefined {
  const users = [...(spec.initContainers ?? []), ...spec.containers].map(
    ({ securityContext }) => securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
  );
  const [first] = users;
  return users.every((user) => user === first) ? first : undefined;
}

function configMapFiles(
  input: VolumesInput,
  name: string,
  items: KeyItems | undefined,
  optional: boolean | undefined,
  mode: number,
): readonly VolumeFile[] {
  const found = input.configMaps.get(name);
  if (!found && optional !== true) throw new Missing(`configmap "${name}" not found`);
  const content = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(found?.data ?? {})) content.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(found?.binaryData ?? {}))
    content.set(key, Buffer.from(value, 'base64'));
  const missing = (key: string): string => `configmap references non-existent config key: ${key}`;
  return pick(content, items, optional, mode, missing);
}

function secretFiles(
  input: VolumesInput,
  name: string,
  items: KeyItems | undefined,
  optional: boolean | undefined,
  mode: number,
): readonly VolumeFile[] {
  const found = input.secrets.get(name);
  if (!found && optional !== true) throw new Missing(`secret "${name}" not found`);
  const entries = Object.entries(found?.data ?? {}).map(
    ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
  );
  const missing = (key: string): string => `references non-existent secret key: ${key}`;
  return pick(new Map(entries), items, optional, mode, missing);
}

/** Without items every key is a file; with them only those, under their own paths. */
function pick(
  content: ReadonlyMap<string, Buffer>,
  items: KeyItems | undefined,
  optional: boolean | undefined,
  mode: number,
  missing: (key: string) => string,
): readonly VolumeFile[] {
  if (!items || items.length === 0) {
    return [...content]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ path: safePath(key), mode, content: value }));
  }
  return items.flatMap((item) => {
    const value = content.get(item.key);
    if (value) return [{ path: safePath(item.path), mode: item.mode ?? mode, content: value }];
    if (optional === true) return [];
    throw new Missing(missing(item.key));
  });
}

function downwardFiles(input: VolumesInput, items: DownwardItems, mode: number): readonly VolumeFile[] {
  /** By what is asked for: it may be much, and asked for many times. */
  const contents = new Map<string, Buffer>();
  return items.map((item) => {
    const asked = JSON.stringify([item.fieldRef, item.resourceFieldRef]);
    const content = contents.get(asked) ?? Buffer.from(downwardValue(input, item));
    contents.set(asked, content);
    return { path: safePath(item.path), mode: item.mode ?? mode, content };
  });
}

function downwardValue(input: VolumesInput, item: DownwardItems[number]): string {
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

/**
 * File paths come from users: relative, without `..`, and outside of the writer's `..` name space.
 */
export function safePath(path: string): string {
  const parts = partsOf(path);
  const climbs = parts.includes('..') || (parts[0] ?? '..').startsWith('..');
  if (path.startsWith('/') || path.includes('\0') || climbs) {
    throw new Forbidden(`invalid path: "${path}" must be relative and must not start with or contain '..'`);
  }
  return parts.join('/');
}

function checkHostPathText(path: string): void {
  if (path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..')) return;
  throw new Forbidden(`invalid hostPath: "${path}" must be absolute and must not contain '..'`);
}

/** By volume, the paths below it where containers mount something else. */
type MountPoints = ReadonlyMap<string, ReadonlySet<string>>;

/** Only the innermost mount around another needs a place for it. Outer mounts come first. */
function mountPointsOf({ spec }: Pod): MountPoints {
  const found = new Map<string, Set<string>>();
  for (const { volumeMounts = [] } of [...(spec.initContainers ?? []), ...spec.containers]) {
    const mounts = volumeMounts
      .map((mount) => ({ ...mount, parts: partsOf(mount.mountPath) }))
      .filter(({ parts }) => !parts.includes('..'))
      .map(({ parts, ...mount }) => ({ ...mount, path: parts.map((part) => `${part}/`).join('') }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const around: typeof mounts = [];
    for (const next of mounts) {
      let outer = around.at(-1);
      while (outer && !next.path.startsWith(outer.path)) {
        around.pop();
        outer = around.at(-1);
      }
      around.push(next);
      if (!outer || outer.path === next.path || outer.subPath || outer.subPathExpr) continue;
      const inside = found.get(outer.name) ?? new Set();
      found.set(outer.name, inside.add(next.path.slice(outer.path.length, -1)));
    }
  }
  return found;
}

const partsOf = (path: string): readonly string[] =>
  path.split('/').filter((part) => part !== '' && part !== '.');

/** The later of two files at one path wins, as in kubelet's projected volumes. */
function uniquePaths(files: readonly VolumeFile[]): readonly VolumeFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

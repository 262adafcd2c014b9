/**
 * A pod's volumes → the files and directories on the disk, pure. A ConfigMap or Secret that does
 * not exist yet makes the pod wait, in kubelet's words. All paths lie below the pod's own
 * directory, except those of storage (plan-claim-volume.ts).
 */
import type { Pod, Volume } from '../../schemas/types.ts';
import { toBytes } from '../../schemas/values/quantity.ts';
import { NotMountable, planStorage, type StorageInput, type StoragePlan } from './plan-claim-volume.ts';
import { type FilesInput, filesOf, Forbidden, Missing, partsOf, type VolumeFile } from './volume-files.ts';

export type VolumePlan =
  | { readonly kind: 'directory'; readonly name: string; readonly path: string; readonly groupId?: number }
  | {
      readonly kind: 'memory';
      readonly name: string;
      readonly path: string;
      readonly sizeBytes?: number;
      readonly groupId?: number;
    }
  | StoragePlan
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

export interface VolumesInput extends FilesInput, Omit<StorageInput, 'pod' | 'place'> {
  /** Directory in memory for Secrets and tokens. Default: among the pod's other files. */
  readonly memoryDir?: string | undefined;
  /** Volumes that the pod has mounted already: whatever happens to their claims, they stay. */
  readonly mounted?: ReadonlyMap<string, StoragePlan>;
}

export type VolumesPlan =
  | {
      readonly ok: true;
      readonly volumes: readonly VolumePlan[];
      readonly paths: ReadonlyMap<string, string>;
      /** Names of the volumes that only the agent writes; pods get them read-only. */
      readonly agentVolumes: ReadonlySet<string>;
      /** Names of the volumes that no container may write. */
      readonly readOnlyVolumes: ReadonlySet<string>;
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

/**
 * Files that the agent writes for one pod, as 64 of the largest Secrets. One key or annotation can
 * be requested thousands of times.
 */
const MAX_CONTENT_BYTES = 64 * 1024 * 1024;
/** Report the problems of at most this many volumes: enough to fix a manifest at once. */
const MAX_TOLD = 10;
const VOLUME_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const UID = /^[A-Za-z0-9-]{1,64}$/;

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
      const message = failureText(volume.name, error);
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
    paths: new Map(volumes.map((plan) => [plan.name, mountedPath(plan)])),
    agentVolumes: new Set(volumes.filter(({ kind }) => kind === 'files').map(({ name }) => name)),
    readOnlyVolumes: new Set(volumes.filter(isReadOnly).map(({ name }) => name)),
  };
}

export const isStorage = (plan: VolumePlan): plan is StoragePlan =>
  plan.kind === 'local' || plan.kind === 'host' || plan.kind === 'nfs';

/** Kept for the pod's life. A hostPath of the pod itself needs no memory. */
export const isKept = (plan: VolumePlan): plan is StoragePlan =>
  isStorage(plan) && (plan.kind !== 'host' || plan.volumeName !== undefined);

const isReadOnly = (plan: VolumePlan): boolean => isStorage(plan) && plan.readOnly === true;

const mountedPath = (plan: VolumePlan): string =>
  plan.kind === 'local' ? (plan.target ?? plan.path) : plan.path;

/** Kubelet's words for each stage of a mount. */
function failureText(name: string, error: Error): string {
  const stage = error instanceof NotMountable ? error.stage : undefined;
  if (stage === 'process')
    return `Unable to attach or mount volumes: unmounted volumes=[${name}], unattached volumes=[], failed to process volumes=[${name}]: ${error.message}`;
  const check = stage === 'options' ? 'MountOptionSupport check' : 'NodeAffinity check';
  return `MountVolume.${stage === undefined ? 'SetUp' : check} failed for volume "${name}" : ${error.message}`;
}

const contentBytes = (plan: VolumePlan): number =>
  plan.kind === 'files' ? plan.files.reduce((sum, { content }) => sum + content.length, 0) : 0;

interface Planning extends VolumesInput {
  readonly mountPoints: MountPoints;
}

function planVolume(input: Planning, volume: Volume): VolumePlan {
  const fsGroup = input.pod.spec.securityContext?.fsGroup;
  const group = fsGroup === undefined ? {} : { groupId: fsGroup };
  const { uid = '' } = input.pod.metadata;
  const root = `${podDirectory(input.podsDir, uid)}/volumes`;
  const pathOf = (kind: keyof typeof PLUGIN_DIRS): string => `${root}/${PLUGIN_DIRS[kind]}/${volume.name}`;
  const { name } = volume;
  if (!VOLUME_NAME.test(name)) throw new Forbidden(`invalid name of a volume: "${name}"`);
  const storage = input.mounted?.get(name) ?? planStorage(input, volume);
  if (storage) return storage;
  if (volume.emptyDir) {
    if (volume.emptyDir.medium !== 'Memory')
      return { kind: 'directory', name, path: pathOf('emptyDir'), ...group };
    const limit = toBytes(volume.emptyDir.sizeLimit);
    const size = limit > 0 ? { sizeBytes: limit } : {};
    return { kind: 'memory', name, path: pathOf('emptyDir'), ...size, ...group };
  }
  const files = filesOf(input, volume);
  if (!files) throw new Missing('this type of volume is not implemented');
  const { configMap, secret, projected } = volume;
  const sensitive =
    secret !== undefined ||
    (projected?.sources ?? []).some((source) => source.secret || source.serviceAccountToken);
  const path =
    sensitive && input.memoryDir !== undefined
      ? `${podDirectory(input.memoryDir, uid)}/${name}`
      : pathOf(secret ? 'secret' : configMap ? 'configMap' : projected ? 'projected' : 'downwardAPI');
  const mountPoints = [...(input.mountPoints.get(name) ?? [])];
  return { kind: 'files', name, path, sensitive, files, mountPoints, ...group };
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

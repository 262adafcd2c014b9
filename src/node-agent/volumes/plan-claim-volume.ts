/**
 * A pod's claim → the directory on the host that it leads to, pure. Messages are kubelet's. A claim
 * or volume that is not ready yet is {@link NotMountable}: the pod waits.
 *
 * A pod reaches only volumes of claims in its own namespace: the claim is looked up there, and the
 * volume must name that claim with its uid.
 */
import { createHash } from 'node:crypto';
import { omit } from '../../schemas/json-access.ts';
import { PROTECTION_FINALIZERS } from '../../schemas/pods/volume-protection.ts';
import { persistentVolumeKind } from '../../schemas/kinds/persistent-volume/kind.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../schemas/types.ts';
import { isFullyBound } from '../../schemas/volumes/binding.ts';
import { driverOfVolume, VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import { ephemeralClaimName, foreignClaim } from '../../schemas/volumes/pod-claims.ts';
import { Forbidden, Missing } from './volume-files.ts';

/** The source of a pod's volume on the host, other than files that the agent writes. */
export type StoragePlan = LocalPlan | HostPlan | NfsPlan;

interface Storage {
  /** The name of the pod's volume. */
  readonly name: string;
  /** The host's path. */
  readonly path: string;
  readonly readOnly?: boolean;
  /** The PersistentVolume; absent for a volume that the pod defines itself. */
  readonly volumeName?: string;
}

export interface LocalPlan extends Storage {
  readonly kind: 'local';
  /** Set for a directory that this agent makes. */
  readonly made?: PersistentVolume;
  readonly mountOptions: readonly string[];
  /** Where the pod gets a mount of its own, because of mount options. */
  readonly target?: string;
  readonly groupId?: number;
  readonly onlyOnMismatch?: boolean;
}

export interface HostPlan extends Storage {
  readonly kind: 'host';
  readonly type: string;
}

export interface NfsPlan extends Storage {
  readonly kind: 'nfs';
  readonly server: string;
  readonly share: string;
  readonly mountOptions: readonly string[];
  /** The directory on the export is made when it is missing. */
  readonly isProvisioned: boolean;
}

/** The volume cannot be mounted yet. `stage` decides kubelet's words around the message. */
export class NotMountable extends Missing {
  readonly stage: 'process' | 'options' | 'affinity';

  constructor(stage: NotMountable['stage'], message: string) {
    super(message);
    this.stage = stage;
  }
}

export interface StorageInput {
  readonly pod: Pod;
  readonly place: { readonly nodeName: string };
  /** `<agentDir>/pods`. */
  readonly podsDir: string;
  /** The directory that holds the volumes of this node. */
  readonly volumesDir?: string | undefined;
  /** By name, in the pod's namespace. */
  readonly claims?: ReadonlyMap<string, PersistentVolumeClaim>;
  readonly persistentVolumes?: ReadonlyMap<string, PersistentVolume>;
}

/** The claim that a volume of the pod names: its own, or the one made for it. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? ephemeralClaimName(pod, volume) : undefined;
}

/** Undefined for a volume that is no storage. Throws Missing or Forbidden. */
export function planStorage(input: StorageInput, volume: Volume): StoragePlan | undefined {
  const { name, hostPath, nfs } = volume;
  if (hostPath) return hostPlan(name, hostPath.path, hostPath.type ?? '');
  if (nfs) {
    const { server, path, readOnly = false } = nfs;
    return nfsPlan(input, { name, server, share: path, readOnly, mountOptions: [], isProvisioned: false });
  }
  const claimName = claimNameOf(input.pod, volume);
  if (claimName === undefined) return undefined;
  return planVolumeOf(input, volume, boundVolume(input, volume, claimName));
}

/**
 * The binder writes the references of both sides before the phases, and the scheduler places the
 * pod in between. The reference of the volume is checked by uid, so the phase adds nothing to it.
 */
const isBound = (claim: PersistentVolumeClaim): boolean =>
  claim.status?.phase === 'Bound' || (claim.status?.phase !== 'Lost' && isFullyBound(claim));

function boundVolume(input: StorageInput, volume: Volume, claimName: string): PersistentVolume {
  const { namespace = '' } = input.pod.metadata;
  const at = `${namespace}/${claimName}`;
  const wait = (why: string): never => {
    throw new NotMountable('process', `error processing PVC ${at}: ${why}`);
  };
  const claim = input.claims?.get(claimName);
  if (!claim)
    return wait(`failed to fetch PVC from API server: persistentvolumeclaims "${claimName}" not found`);
  if (claim.metadata.deletionTimestamp !== undefined) wait('PVC is being deleted');
  if (!isBound(claim)) wait('PVC is not bound');
  const volumeName = claim.spec.volumeName ?? '';
  if (volumeName === '') wait('PVC has empty pvc.Spec.VolumeName');
  const foreign = volume.ephemeral ? foreignClaim(input.pod, claim) : undefined;
  if (foreign !== undefined) throw new NotMountable('process', foreign);
  const found = input.persistentVolumes?.get(volumeName);
  if (!found)
    return wait(
      `failed to fetch PV ${volumeName} from API server: persistentvolumes "${volumeName}" not found`,
    );
  const reference = found.spec.claimRef;
  if (!reference)
    return wait(
      `found PV object ${volumeName} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    );
  const uid = claim.metadata.uid ?? '';
  if (reference.uid !== uid || reference.namespace !== namespace || reference.name !== claimName)
    wait(
      `found PV object ${volumeName} but its pv.Spec.ClaimRef.UID ${reference.uid ?? ''} does not point to claim.UID ${uid}`,
    );
  return found;
}

function planVolumeOf(input: StorageInput, volume: Volume, found: PersistentVolume): StoragePlan {
  const { name } = volume;
  const { spec, metadata } = found;
  if ((spec.volumeMode ?? 'Filesystem') !== 'Filesystem')
    throw new NotMountable(
      'process',
      `volume ${name} has volumeMode ${spec.volumeMode ?? ''}, but is specified in volumeMounts`,
    );
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  const common = { volumeName: metadata.name, ...(readOnly ? { readOnly } : {}) };
  const mountOptions = spec.mountOptions ?? [];
  checkNode(input, found);
  if (isBeingRemoved(found)) throw new NotMountable('process', `PV ${metadata.name} is being deleted`);
  if (spec.nfs) {
    const { server, path, readOnly: only = false } = spec.nfs;
    const isProvisioned = driverOfVolume(found) === 'nfs';
    const nfs = { name, server, share: path, readOnly: readOnly || only, mountOptions, isProvisioned };
    return { ...nfsPlan(input, nfs), ...common };
  }
  if (spec.hostPath) {
    if (mountOptions.length > 0)
      throw new NotMountable('options', 'mount options are not supported for this volume type');
    return { ...hostPlan(name, spec.hostPath.path, spec.hostPath.type ?? ''), ...common };
  }
  if (!spec.local) {
    const [{ path, detail } = { path: 'spec', detail: 'it has no source' }] =
      persistentVolumeKind.checkImplemented(found);
    throw new Missing(`no volume plugin matched: ${path} of PV ${metadata.name}: ${detail}`);
  }
  return { ...localPlan(input, name, found, readOnly), ...common };
}

function localPlan(input: StorageInput, name: string, found: PersistentVolume, readOnly: boolean): LocalPlan {
  const { path = '' } = found.spec.local ?? {};
  checkPathText(path);
  const mountOptions = checkedOptions(found.spec.mountOptions ?? []);
  const without = mountOptions.find((option) => !BIND_OPTIONS.has(option));
  if (without !== undefined)
    throw new NotMountable('options', `mount option "${without}" has no effect on a local volume`);
  const { securityContext } = input.pod.spec;
  const groupId = securityContext?.fsGroup;
  const onlyOnMismatch = securityContext?.fsGroupChangePolicy === 'OnRootMismatch';
  return {
    kind: 'local',
    name,
    path,
    ...(isOwnVolume(found, input.volumesDir) ? { made: recordOf(found) } : {}),
    mountOptions,
    ...(mountOptions.length === 0 ? {} : { target: ownMountOf(input, name) }),
    ...(groupId === undefined || readOnly ? {} : { groupId, ...(onlyOnMismatch ? { onlyOnMismatch } : {}) }),
  };
}

const ownMountOf = ({ podsDir, pod }: StorageInput, name: string): string =>
  `${podsDir}/${pod.metadata.uid ?? ''}/volumes/kubernetes.io~local-volume/${name}`;

/** The affinity of a volume of our own is the label of its node. */
function checkNode({ place, pod }: StorageInput, { metadata }: PersistentVolume): void {
  const node = metadata.labels?.[VOLUME_NODE_LABEL];
  if (node === undefined || node === place.nodeName || !pod.spec.nodeName) return;
  throw new NotMountable('affinity', 'no matching NodeSelectorTerms');
}

/** A name without a dot: the record beside the directory is called `NAME.json`. */
const OWN_NAME = /^[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?$/;

/**
 * Whether the agent makes and removes the volume's directory: a provisioned local volume at exactly
 * its place below the volumes directory. No other path is ever made or removed.
 */
export function isOwnVolume(volume: PersistentVolume, volumesDir: string | undefined): boolean {
  const { name } = volume.metadata;
  if (volumesDir === undefined || driverOfVolume(volume) !== 'local' || !OWN_NAME.test(name)) return false;
  return volume.spec.local?.path === `${volumesDir}/${name}`;
}

/** The binder and the protection of volumes have let go of it. */
export function isBeingRemoved({ metadata }: PersistentVolume): boolean {
  const { deletionTimestamp, finalizers = [] } = metadata;
  return (
    deletionTimestamp !== undefined && !finalizers.includes(PROTECTION_FINALIZERS['PersistentVolume'] ?? '')
  );
}

/**
 * The volume as it is recorded beside its directory. Its phase tells whether it still has its claim:
 * one that was released must not come back for the next claim of that name.
 */
export function recordOf(volume: PersistentVolume): PersistentVolume {
  const { phase } = volume.status ?? {};
  const metadata = omit(volume.metadata, 'managedFields', 'resourceVersion');
  return { ...omit(volume, 'status'), metadata, ...(phase === undefined ? {} : { status: { phase } }) };
}

type Nfs = Omit<NfsPlan, 'kind' | 'path'>;

/** Pods with the same export and options share one mount. */
function nfsPlan({ podsDir }: StorageInput, nfs: Nfs): NfsPlan {
  checkPathText(nfs.share);
  if (!SERVER.test(nfs.server)) throw new Forbidden(`invalid NFS server: "${nfs.server}"`);
  checkedOptions(nfs.mountOptions);
  const key = JSON.stringify([nfs.server, nfs.share, nfs.readOnly === true, nfs.mountOptions]);
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 32);
  return { kind: 'nfs', ...nfs, path: `${podsDir}-nfs/${digest}` };
}

/** Names, IPv4 and bracketed IPv6 addresses. A leading dash would be an option of mount. */
const SERVER = /^(\[[0-9A-Fa-f:.%a-z]+\]|[0-9A-Za-z]([-0-9A-Za-z.:]{0,252}[0-9A-Za-z])?)$/;
/** Options of one mount. The kernel ignores all others, which are of the file system, in silence. */
const BIND_OPTIONS: ReadonlySet<string> = new Set([
  ...['defaults', 'ro', 'rw', 'suid', 'nosuid', 'dev', 'nodev', 'exec', 'noexec', 'nosymfollow'],
  ...['atime', 'noatime', 'diratime', 'nodiratime', 'relatime', 'norelatime', 'strictatime', 'nostrictatime'],
]);
const MOUNT_OPTION = /^[^\s\0-][^\s\0]{0,255}$/;

function checkedOptions(options: readonly string[]): readonly string[] {
  const wrong = options.find((option) => !MOUNT_OPTION.test(option));
  if (wrong !== undefined) throw new Forbidden(`invalid mount option: "${wrong}"`);
  return options;
}

function hostPlan(name: string, path: string, type: string): HostPlan {
  if (!isCleanPath(path))
    throw new Forbidden(`invalid hostPath: "${path}" must be absolute and must not contain '..'`);
  return { kind: 'host', name, path, type };
}

function checkPathText(path: string): void {
  if (!isCleanPath(path))
    throw new Forbidden(`invalid path: "${path}" must be absolute and must not contain '..'`);
}

const isCleanPath = (path: string): boolean =>
  path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..');

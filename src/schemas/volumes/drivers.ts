/**
 * The drivers of volumes that Symphony has itself, by every name under which manifests ask for
 * them. The control plane makes PersistentVolumes for them; agents make and mount what these name.
 */
import { ownMember } from '../../base/json.ts';
import type { KubeObject } from '../object.ts';

export type VolumeDriver = 'local' | 'nfs';

export const LOCAL_DRIVER = 'symphony.dev/local';

/** Provisioners of other local set-ups, and the NFS driver, are understood as our own. */
const DRIVERS: Readonly<Record<string, VolumeDriver>> = {
  [LOCAL_DRIVER]: 'local',
  'rancher.io/local-path': 'local',
  'k8s.io/minikube-hostpath': 'local',
  'docker.io/hostpath': 'local',
  'microk8s.io/hostpath': 'local',
  'symphony.dev/nfs': 'nfs',
  'nfs.csi.k8s.io': 'nfs',
};

/** Undefined: the volumes of this provisioner are not made by the system. */
export const driverOf = (provisioner: string): VolumeDriver | undefined => ownMember(DRIVERS, provisioner);

/** The name of the provisioner that made the volume, as its class names it. */
export const PROVISIONED_BY_ANNOTATION = 'pv.kubernetes.io/provisioned-by';
/** On a claim: the provisioner that has to make its volume. */
export const PROVISIONER_ANNOTATION = 'volume.kubernetes.io/storage-provisioner';
/** Keeps a provisioned volume until its data is removed. */
export const VOLUME_FINALIZER = 'symphony.dev/volume';
/** The node that holds the data of a volume, or that has to remove it. */
export const VOLUME_NODE_LABEL = 'symphony.dev/node';
/** On a Node: the absolute path of the directory that holds its volumes. */
export const VOLUMES_DIRECTORY_ANNOTATION = 'symphony.dev/volumes-directory';
/** On a Node: the bytes of the file system of that directory. */
export const VOLUMES_CAPACITY_ANNOTATION = 'symphony.dev/volumes-capacity';
/** On a Node: `kept`, or `not kept` and why the sizes of its volumes are no limits. */
export const VOLUMES_LIMITS_ANNOTATION = 'symphony.dev/volumes-limits';

/** The driver that made the volume, or undefined for a volume that was made by hand. */
export function driverOfVolume({ metadata }: KubeObject): VolumeDriver | undefined {
  return driverOf(metadata.annotations?.[PROVISIONED_BY_ANNOTATION] ?? '');
}

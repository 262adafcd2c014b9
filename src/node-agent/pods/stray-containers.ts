/** Containers whose pod has no worker (yet), by the uid of the pod. */
import type { Logger } from '../../base/logger.ts';
import { hasOwnName } from '../container-spec/identity.ts';
import type { ContainerRecord } from '../runtime/types.ts';
import { uidOf } from './pod-of-containers.ts';

export interface StrayContainers {
  /** False for a container whose labels are a copy: it is left alone. */
  add(record: ContainerRecord): boolean;
  remove(uid: string, containerId: string): void;
  has(uid: string): boolean;
  of(uid: string): readonly ContainerRecord[];
  /** A worker takes the pod's containers over. */
  take(uid: string): readonly ContainerRecord[];
  clear(): void;
  readonly uids: readonly string[];
  /** Addresses that these containers still use. */
  readonly addresses: readonly string[];
}

export function createStrayContainers(logger: Logger): StrayContainers {
  const byUid = new Map<string, Map<string, ContainerRecord>>();
  const of = (uid: string): readonly ContainerRecord[] => [...(byUid.get(uid)?.values() ?? [])];
  return {
    add(record) {
      const uid = uidOf(record);
      if (!hasOwnName(record)) {
        const message =
          'Leaving a container alone that has the labels of a pod but not the name that goes with them';
        logger.info({ container: record.id, name: record.name, uid }, message);
        return false;
      }
      const known = byUid.get(uid) ?? new Map<string, ContainerRecord>();
      byUid.set(uid, known.set(record.id, record));
      return true;
    },
    remove(uid, containerId) {
      const known = byUid.get(uid);
      if (known?.delete(containerId) && known.size === 0) byUid.delete(uid);
    },
    has: (uid) => byUid.has(uid),
    of,
    take(uid) {
      const taken = of(uid);
      byUid.delete(uid);
      return taken;
    },
    clear: () => byUid.clear(),
    get uids() {
      return [...byUid.keys()];
    },
    get addresses() {
      return [...byUid.keys()].flatMap((uid) => of(uid).flatMap(({ ip }) => ip ?? []));
    },
  };
}

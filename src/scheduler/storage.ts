/**
 * The volumes of a plan: the stored objects, and what the plan itself has given away. Pods without
 * claims never come here.
 */
import type { NodeInfo } from './types.ts';
import { keyOf } from '../schemas/object.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../schemas/types.ts';
import { toBytes } from '../schemas/values/quantity.ts';
import { requestOf, SELECTED_NODE } from '../schemas/volumes/binding.ts';
import { roomOn } from '../schemas/volumes/node-volumes.ts';

/** The stored objects, as filters ask for them. */
export interface StorageObjects {
  claim(key: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  storageClass(name: string): StorageClass | undefined;
  /** Volumes that refer to the claim, and those of its class that are free. */
  candidates(claim: PersistentVolumeClaim): readonly PersistentVolume[];
  /** Volumes whose data lies on the node. */
  volumesOn(node: string): readonly PersistentVolume[];
  /** Claims that will get a volume on the node, and have none yet. */
  selectedFor(node: string): readonly PersistentVolumeClaim[];
}

/** Private to a plan; placements of a batch are added to it. */
export interface Storage extends StorageObjects {
  /** Whether another claim of this plan has got the volume. */
  isTaken(volume: PersistentVolume): boolean;
  /** Bytes that are left on the node for claims that have none of them yet. */
  room(node: NodeInfo): number;
  /** The node that the claim gets its volume on, if that is decided. */
  selectedNode(claim: PersistentVolumeClaim): string | undefined;
  take(volume: PersistentVolume): void;
  select(claim: PersistentVolumeClaim, node: NodeInfo): void;
}

export const NO_STORAGE: StorageObjects = {
  claim: () => undefined,
  volume: () => undefined,
  storageClass: () => undefined,
  candidates: () => [],
  volumesOn: () => [],
  selectedFor: () => [],
};

export function createStorage(objects: StorageObjects): Storage {
  const taken = new Set<string>();
  const selected = new Map<string, string>();
  const rooms = new Map<string, number>();
  const storage: Storage = {
    ...objects,
    isTaken: ({ metadata }) => taken.has(metadata.name),
    room({ name, node }) {
      const known = rooms.get(name);
      if (known !== undefined) return known;
      const promised = objects.selectedFor(name).reduce((sum, claim) => sum + toBytes(requestOf(claim)), 0);
      const room = roomOn(node, objects.volumesOn(name)) - promised;
      rooms.set(name, room);
      return room;
    },
    selectedNode: (claim) => selected.get(keyOf(claim)) ?? claim.metadata.annotations?.[SELECTED_NODE],
    take: ({ metadata }) => void taken.add(metadata.name),
    select(claim, node) {
      if (storage.selectedNode(claim) !== undefined) return;
      rooms.set(node.name, storage.room(node) - toBytes(requestOf(claim)));
      selected.set(keyOf(claim), node.name);
    },
  };
  return storage;
}

/**
 * The volumes of a plan: the stored objects, and what the plan itself has given away. Pods without
 * claims never come here.
 */
import { keyOf } from '../schemas/object.ts';
import type { PersistentVolume } from '../schemas/types.ts';
import { toBytes } from '../schemas/values/quantity.ts';
import { requestOf, SELECTED_NODE } from '../schemas/volumes/binding.ts';
import { roomOn } from '../schemas/volumes/node-volumes.ts';
import type { Storage, StorageObjects } from './types.ts';

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
  const given = new Map<string, PersistentVolume>();
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
    givenTo: (claim) => given.get(keyOf(claim)),
    hasSelected: (claim) => selected.has(keyOf(claim)),
    give(volume, claim) {
      taken.add(volume.metadata.name);
      given.set(keyOf(claim), volume);
    },
    select(claim, node) {
      if (storage.selectedNode(claim) !== undefined) return;
      rooms.set(node.name, storage.room(node) - toBytes(requestOf(claim)));
      selected.set(keyOf(claim), node.name);
    },
  };
  return storage;
}

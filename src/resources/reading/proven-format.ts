/**
 * Pods keep the proof of their placement when reading changes their form: it covers the whole spec,
 * and a pod without it cannot be restored after lost history (ADR 13).
 */
import type { StorageFormat } from '../../schemas/strategy/index.ts';
import type { PlacementProofs } from '../writing/placement-proof.ts';

const PROVEN: ReadonlySet<string> = new Set(['pods', 'persistentvolumes']);

export function withProofs(format: StorageFormat, proofs: PlacementProofs): StorageFormat {
  return {
    versionOf: (resource) => format.versionOf(resource),
    read(resource, stored, storageVersion) {
      const object = format.read(resource, stored, storageVersion);
      const isKept = !PROVEN.has(resource) || object === stored || !proofs.isProven(stored);
      return isKept ? object : proofs.seal(object);
    },
  };
}

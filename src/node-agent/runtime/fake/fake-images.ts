/** Images of the fake engine. By default every reference can be pulled, as hollow nodes need it. */
import { createHash } from 'node:crypto';
import { familiarImageReference, parseImageReference } from '../../images/reference.ts';
import type { ImageRecord } from '../types.ts';

export interface FakeImages {
  add(reference: string, image?: Partial<ImageRecord>): ImageRecord;
  remove(reference: string): void;
  find(reference: string): ImageRecord | undefined;
  list(): readonly ImageRecord[];
}

const nameOf = (reference: string): string => {
  const parsed = parseImageReference(reference);
  return parsed ? familiarImageReference(parsed) : reference;
};

export function createFakeImages(): FakeImages {
  const byName = new Map<string, ImageRecord>();
  return {
    add(reference, image = {}) {
      const name = nameOf(reference);
      const record: ImageRecord = {
        id: `sha256:${createHash('sha256').update(name).digest('hex')}`,
        tags: [name],
        digests: [],
        sizeBytes: 1_000_000,
        user: '',
        ...image,
      };
      byName.set(name, record);
      return record;
    },
    remove(reference) {
      for (const [name, image] of byName) {
        if (name === nameOf(reference) || image.id === reference) byName.delete(name);
      }
    },
    find: (reference) =>
      byName.get(nameOf(reference)) ?? [...byName.values()].find((image) => image.id === reference),
    list: () => [...byName.values()],
  };
}

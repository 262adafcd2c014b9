/** A claim that says nothing of a class gets the default one. Source: DefaultStorageClass. */
import { asRecord } from '../../schemas/json-access.ts';
import { defaultClass, namesClass } from '../../schemas/volumes/classes.ts';
import type { AdmissionRule } from './types.ts';
import { isClaim, STORAGE_CLASSES } from './storage-resize.ts';

export const defaultStorageClass: AdmissionRule = {
  name: 'DefaultStorageClass',
  applies: ({ kind, operation, object }) => isClaim(kind) && operation === 'create' && !namesClass(object),
  async admit({ object }, { snapshots }) {
    const found = defaultClass((await snapshots.open(STORAGE_CLASSES)).list());
    if (!found) return object;
    const spec = { ...asRecord(object['spec']), storageClassName: found.metadata.name };
    return { ...object, spec };
  },
};

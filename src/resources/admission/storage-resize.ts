/** A claim grows only where its class allows it. Source: PersistentVolumeClaimResize. */
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../schemas/types.ts';
import { isLess, requestOf } from '../../schemas/volumes/binding.ts';
import { classNameOf, findClass, localClass } from '../../schemas/volumes/classes.ts';
import { deny } from '../refusals.ts';
import type { AdmissionRule } from './types.ts';

export const STORAGE_CLASSES = { group: 'storage.k8s.io', plural: 'storageclasses' } as const;

export const isClaim = ({ group, kind }: ResourceKind): boolean =>
  group === '' && kind === 'PersistentVolumeClaim';

const NOT_ALLOWED =
  'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';

export const storageResize: AdmissionRule = {
  name: 'PersistentVolumeClaimResize',
  applies: ({ kind, operation, object, current }) =>
    isClaim(kind) &&
    operation === 'update' &&
    current?.['status'] !== undefined &&
    isLess(requestOf(current as PersistentVolumeClaim), requestOf(object as PersistentVolumeClaim)),
  async admit({ kind, object, current }, { find }) {
    const [claim, before] = [object, current].map((one) => one as PersistentVolumeClaim);
    // Validation refuses the change of a claim that is not bound.
    if (before?.status?.phase !== 'Bound') return object;
    const name = claim ? classNameOf(claim) : '';
    const known = new Map<string, StorageClass>();
    for (const one of [name, localClass.metadata.name]) {
      const found = one === '' ? undefined : await find(STORAGE_CLASSES, one);
      if (found) known.set(one, found as StorageClass);
    }
    const allows = findClass(name, (one) => known.get(one))?.allowVolumeExpansion === true;
    if (!allows || name !== classNameOf(before)) throw deny(kind, object, NOT_ALLOWED);
    return object;
  },
};

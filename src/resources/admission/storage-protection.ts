/**
 * New volumes and claims get the finalizer that keeps them while they are used. Source:
 * StorageObjectInUseProtection.
 */
import { isRecord } from '../../base/json.ts';
import { PROTECTION_FINALIZERS, withProtection } from '../../schemas/pods/volume-protection.ts';
import type { AdmissionRule } from './types.ts';

export const storageProtection: AdmissionRule = {
  name: 'StorageObjectInUseProtection',
  applies: ({ kind, operation }) =>
    operation === 'create' && kind.group === '' && Object.hasOwn(PROTECTION_FINALIZERS, kind.kind),
  admit({ object }) {
    const { finalizers } = object.metadata;
    const isReadable = isRecord(object.metadata) && (finalizers === undefined || Array.isArray(finalizers));
    return Promise.resolve(isReadable ? withProtection(object) : object);
  },
};

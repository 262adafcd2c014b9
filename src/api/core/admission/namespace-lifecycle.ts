/** Nothing is created in a namespace that does not exist or is being deleted. */
import type { Namespace } from '../../../schemas/types.ts';
import { notFound } from '../../../schemas/status.ts';
import { forbidden } from '../refusals.ts';
import type { AdmissionRule } from './types.ts';

const NAMESPACES = { group: '', plural: 'namespaces' } as const;

export const namespaceLifecycle: AdmissionRule = {
  name: 'NamespaceLifecycle',
  applies: ({ kind, operation }) => kind.namespaced && operation === 'create',
  async admit({ kind, object }, { snapshots }) {
    const name = object.metadata.namespace ?? '';
    const snapshot = await snapshots.open(NAMESPACES);
    // The cache may be a moment behind a namespace that was just made: look again before refusing.
    if (!snapshot.hub.cache.get(name)) await snapshot.refresh();
    const namespace = snapshot.hub.cache.get(name) as Namespace | undefined;
    if (!namespace) throw notFound(NAMESPACES, name);
    if (namespace.metadata.deletionTimestamp === undefined) return object;
    const why = `unable to create new content in namespace ${name} because it is being terminated`;
    throw forbidden(kind, object.metadata.name ?? '', why, [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${name} is being terminated`,
        field: 'metadata.namespace',
      },
    ]);
  },
};

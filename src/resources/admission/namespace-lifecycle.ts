/**
 * Nothing is created in a namespace that does not exist or is being deleted. The control plane's
 * own parts know what they do: for them only the end of a namespace counts.
 */
import { notFound } from '../../schemas/errors/status.ts';
import { forbidden } from '../refusals.ts';
import type { AdmissionRule } from './types.ts';

const NAMESPACES = { group: '', plural: 'namespaces' } as const;

export const namespaceLifecycle: AdmissionRule = {
  name: 'NamespaceLifecycle',
  applies: ({ kind, operation }) => kind.namespaced && operation === 'create',
  async admit({ kind, object, internal }, { snapshots, find }) {
    const name = object.metadata.namespace ?? '';
    const namespace = internal ? (await snapshots.open(NAMESPACES)).get(name) : await find(NAMESPACES, name);
    if (!namespace) {
      if (internal) return object;
      throw notFound(NAMESPACES, name);
    }
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

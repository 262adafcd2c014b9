/** Records the owners of an object's fields, as a step of a write. The rules: managed-fields. */
import { isRecord } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import { validateManagedFields } from '../../schemas/validation/managed-fields.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import { ownershipAfterUpdate } from '../managed-fields/managers.ts';
import { isService } from '../services/service-claims.ts';
import type { Draft, Strategy } from './plan-write.ts';

export interface Ownership {
  /** The draft with the record of owners afterwards, for an update that names an owner. */
  record(draft: Draft, strategy: Strategy): Draft;
}

/** A record that is none is left for validation to refuse. */
const isRecordable = ({ metadata }: KubeObject): boolean =>
  validateManagedFields(metadata.managedFields, '').length === 0;

export const createOwnership = (schemas: TypeSchemas): Ownership => ({
  record(draft, { prepareUpdate }) {
    const { write, kind, current, object, context } = draft;
    if (write.verb !== 'update' || !write.owner || !current || !isRecordable(object)) return draft;
    const { owner, subresource } = write;
    const { nowMs } = context;
    // Seen as it would be stored.
    const prepared = prepareUpdate(kind, current, object, { nowMs, ...(subresource ? { subresource } : {}) });
    const given = { ...prepared, metadata: { ...prepared.metadata } };
    if (object.metadata.managedFields) given.metadata.managedFields = object.metadata.managedFields;
    const record = ownershipAfterUpdate({ schemas, kind, owner, nowMs }, current, given);
    return {
      ...draft,
      object: { ...object, metadata: { ...object.metadata, managedFields: record ?? [{}] } },
    };
  },
});

/** A new object with its defaults, owned by its creator. `taken` is the object of the request. */
export function withFirstOwner(
  schemas: TypeSchemas,
  kind: ResourceKind,
  taken: KubeObject,
  manager: string | undefined,
  nowMs: number,
): KubeObject {
  const object = kind.withDefaults(taken);
  if (!manager || !isRecordable(taken)) return object;
  const request = { schemas, kind, owner: { manager }, nowMs };
  const seen = isService(kind) ? withoutAllocated(object, taken) : object;
  const managedFields = ownershipAfterUpdate(request, undefined, seen) ?? [];
  const metadata = omit(object.metadata, 'managedFields');
  return { ...object, metadata: managedFields.length === 0 ? metadata : { ...metadata, managedFields } };
}

/** Fields that come with an address are the system's, unless the request names them. */
function withoutAllocated(object: KubeObject, taken: KubeObject): KubeObject {
  const asked = isRecord(taken['spec']) ? taken['spec'] : {};
  const spec = Object.entries(isRecord(object['spec']) ? object['spec'] : {}).filter(
    ([field]) => !ALLOCATED.has(field) || field in asked,
  );
  return { ...object, spec: Object.fromEntries(spec) };
}

const ALLOCATED: ReadonlySet<string> = new Set(['clusterIPs', 'ipFamilies', 'ipFamilyPolicy']);

/** Kinds whose rows are a name, one or two plain fields and an age. */
import { isRecord } from '../../base/json.ts';
import type { ConfigMap, Lease, Namespace, Secret } from '../../schemas/types.ts';
import { since } from './duration.ts';
import { ageColumn, column, nameColumn, type TableFormat } from './types.ts';

const sizeOf = (value: unknown): number => (isRecord(value) ? Object.keys(value).length : 0);

/** Every kind without a table of its own. */
export const defaultTable: TableFormat = {
  columns: [nameColumn, ageColumn],
  cells: ({ metadata }, nowMs) => [metadata.name, since(metadata.creationTimestamp, nowMs)],
};

export const configMapTable: TableFormat = {
  columns: [
    nameColumn,
    column('Data', {
      description:
        "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not overlap with the keys in the BinaryData field, this is enforced during validation process.",
    }),
    ageColumn,
  ],
  cells(object, nowMs) {
    const { metadata, data, binaryData } = object as ConfigMap;
    return [metadata.name, sizeOf(data) + sizeOf(binaryData), since(metadata.creationTimestamp, nowMs)];
  },
};

export const secretTable: TableFormat = {
  columns: [
    nameColumn,
    column('Type', {
      description:
        'Used to facilitate programmatic handling of secret data. More info: https://kubernetes.io/docs/concepts/configuration/secret/#secret-types',
    }),
    column('Data', {
      description:
        "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The serialized form of the secret data is a base64 encoded string, representing the arbitrary (possibly non-string) data value here. Described in https://tools.ietf.org/html/rfc4648#section-4",
    }),
    ageColumn,
  ],
  cells(object, nowMs) {
    const { metadata, type, data } = object as Secret;
    return [metadata.name, type ?? 'Opaque', sizeOf(data), since(metadata.creationTimestamp, nowMs)];
  },
};

export const namespaceTable: TableFormat = {
  columns: [nameColumn, column('Status', { description: 'The status of the namespace' }), ageColumn],
  cells(object, nowMs) {
    const { metadata, status } = object as Namespace;
    return [metadata.name, status?.phase ?? '', since(metadata.creationTimestamp, nowMs)];
  },
};

export const leaseTable: TableFormat = {
  columns: [nameColumn, column('Holder'), ageColumn],
  cells(object, nowMs) {
    const { metadata, spec } = object as Lease;
    return [metadata.name, spec.holderIdentity ?? '', since(metadata.creationTimestamp, nowMs)];
  },
};

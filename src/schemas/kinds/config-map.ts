import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { asRecord } from '../json-access.ts';
import { validateConfigMap, validateConfigMapUpdate } from '../validation/config-data.ts';
import { defineKind } from './define-kind.ts';

export const configMapKind = defineKind({
  group: '',
  kind: 'ConfigMap',
  shortNames: ['cm'],
  applyOrder: 60,
  table: tableOf(
    NAME,
    column('Data', ({ data, binaryData }) => sizeOf(data) + sizeOf(binaryData), {
      description:
        "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not overlap with the keys in the BinaryData field, this is enforced during validation process.",
    }),
    AGE,
  ),
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
});

const sizeOf = (map: unknown): number => Object.keys(asRecord(map)).length;

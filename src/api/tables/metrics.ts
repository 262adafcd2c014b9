/** Tables of measured usage: metrics-server's columns. A pod's row is the sum of its containers. */
import { asRecord, asRecords, asString, type Fields, getPath } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import {
  addQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
} from '../../schemas/values/quantity.ts';
import { type Cell, head, NAME, type TableFormat } from '../../schemas/tables/columns.ts';

const columns = [NAME.head, head('cpu'), head('memory'), head('Window', { format: 'duration' })];

function sumOf(usages: readonly Fields[], resource: 'cpu' | 'memory'): Cell {
  const zero: Quantity = { nanos: 0n, format: resource === 'cpu' ? 'DecimalSI' : 'BinarySI' };
  return formatQuantity(
    usages.reduce((sum, usage) => addQuantities(sum, parseQuantity(usage[resource]) ?? zero), zero),
  );
}

const rowOf = (object: KubeObject, usages: readonly Fields[]): readonly Cell[] => [
  object.metadata.name,
  sumOf(usages, 'cpu'),
  sumOf(usages, 'memory'),
  asString(object['window']),
];

export const nodeMetricsTable: TableFormat = {
  columns,
  cells: (object) => rowOf(object, [asRecord(object['usage'])]),
};

export const podMetricsTable: TableFormat = {
  columns,
  cells: (object) =>
    rowOf(
      object,
      asRecords(object['containers']).map((container) => asRecord(getPath(container, 'usage'))),
    ),
};

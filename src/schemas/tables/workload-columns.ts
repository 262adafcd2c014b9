/** Columns that every workload with a pod template shows with `-o wide`. */
import { asRecord, asRecords, asString, type Fields } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { asLabelSelector } from '../values/selectors.ts';
import type { ReplicaSet } from '../types.ts';
import { AGE, column, NAME, type PrinterColumn, tableOf, wide } from './columns.ts';
import { selectorText } from './selector-text.ts';

const listOf = (template: unknown, field: 'name' | 'image'): string =>
  asRecords(asRecord(asRecord(template)['spec'])['containers'])
    .map((container) => asString(container[field]))
    .join(',');

export const containerNames = (template: unknown): string => listOf(template, 'name');
export const containerImages = (template: unknown): string => listOf(template, 'image');

const specOf = (object: KubeObject): Fields => asRecord(object['spec']);

export const templateColumns: readonly PrinterColumn[] = [
  wide('Containers', (object) => containerNames(specOf(object)['template'])),
  wide('Images', (object) => containerImages(specOf(object)['template'])),
  wide('Selector', (object) => selectorText(asLabelSelector(object, specOf(object)['selector']))),
];

/** ReplicaSets and ReplicationControllers show the same columns. */
export const replicaSetTable = tableOf(
  NAME,
  column('Desired', ({ spec }: ReplicaSet) => spec.replicas ?? 0, { type: 'integer' }),
  column('Current', ({ status }: ReplicaSet) => status?.replicas ?? 0, { type: 'integer' }),
  column('Ready', ({ status }: ReplicaSet) => status?.readyReplicas ?? 0, { type: 'integer' }),
  AGE,
  ...templateColumns,
);

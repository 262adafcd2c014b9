/** The table of a kind, and the `meta.k8s.io/v1` Table made of it. */
import type { KubeObject } from '../../schemas/object.ts';
import { resourceIdOf, type ServedResource } from '../../schemas/resource-kind.ts';
import {
  type Cell,
  DEFAULT_TABLE,
  type RowCondition,
  type TableColumn,
  type TableFormat,
} from '../../schemas/tables/columns.ts';
import { nodeMetricsTable, podMetricsTable } from './metrics.ts';

/** Resources that the store does not keep, and that have no kind to say their columns. */
const METRICS: ReadonlyMap<string, TableFormat> = new Map([
  ['nodes.metrics.k8s.io', nodeMetricsTable],
  ['pods.metrics.k8s.io', podMetricsTable],
]);

const tableOf = (kind: ServedResource): TableFormat =>
  kind.table ?? METRICS.get(resourceIdOf(kind)) ?? DEFAULT_TABLE;

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableRow {
  readonly cells: readonly Cell[];
  readonly conditions?: readonly RowCondition[];
  readonly object: unknown;
}

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly columnDefinitions: readonly TableColumn[] | null;
  readonly rows: readonly TableRow[];
}

export interface TableRequest {
  readonly kind: ServedResource;
  readonly objects: readonly KubeObject[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
  /** Watches send the columns only with the first event. */
  readonly withColumns?: boolean;
}

export function toTable(request: TableRequest): Table {
  const format = tableOf(request.kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: request.metadata,
    columnDefinitions: request.withColumns === false ? null : format.columns,
    rows: request.objects.map((object) => rowOf(format, object, request)),
  };
}

function rowOf(format: TableFormat, object: KubeObject, request: TableRequest): TableRow {
  const conditions = format.conditions?.(object) ?? [];
  return {
    cells: format.cells(object, request.nowMs),
    ...(conditions.length > 0 ? { conditions } : {}),
    object: included(object, request.includeObject),
  };
}

function included(object: KubeObject, include: IncludeObject): unknown {
  if (include === 'None') return null;
  return include === 'Object' ? object : partialObjectMetadata(object);
}

export function partialObjectMetadata(object: KubeObject): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

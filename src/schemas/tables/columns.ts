/**
 * The columns that `kubectl get` prints for a kind, as data: a name, what a client needs to know,
 * and where the cell comes from.
 */
import { asString, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { since } from './duration.ts';

export type Cell = string | number | boolean | null;

export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date' | 'boolean' | 'number';
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, anything above only with `-o wide`. */
  readonly priority: number;
}

export interface RowCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface TableFormat {
  readonly columns: readonly TableColumn[];
  /** One cell per column. Must not fail on any stored object. */
  cells(object: KubeObject, nowMs: number): readonly Cell[];
  conditions?(object: KubeObject): readonly RowCondition[];
}

/** A cell: the text at a dotted path (empty where there is none), or a function of the object. */
export type CellSource<T extends KubeObject = KubeObject> = string | ((object: T, nowMs: number) => Cell);

export interface PrinterColumn {
  readonly head: TableColumn;
  readonly cell: (object: KubeObject, nowMs: number) => Cell;
}

export const NONE = '<none>';
export const UNSET = '<unset>';
/** A cell shows this many addresses and counts the rest. */
const SHOWN_ADDRESSES = 3;

/** The head of a column, with the members that differ from the usual. */
export const head = (name: string, options: Partial<TableColumn> = {}): TableColumn => ({
  name,
  type: 'string',
  format: '',
  description: '',
  priority: 0,
  ...options,
});

export function column<T extends KubeObject = KubeObject>(
  name: string,
  source: CellSource<T>,
  options?: Partial<TableColumn>,
): PrinterColumn {
  if (typeof source !== 'string')
    return { head: head(name, options), cell: source as CellSource & PrinterColumn['cell'] };
  const path = source.split('.');
  return { head: head(name, options), cell: (object) => asString(getPath(object, ...path)) };
}

/** A column that only `-o wide` shows. */
export const wide = <T extends KubeObject = KubeObject>(name: string, source: CellSource<T>): PrinterColumn =>
  column(name, source, { priority: 1 });

export const NAME = column('Name', ({ metadata }) => metadata.name, {
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
});

export const AGE = column('Age', ({ metadata }, nowMs) => since(metadata.creationTimestamp, nowMs), {
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
});

/** The creation time itself, where upstream shows no age. */
export const CREATED_AT = column('Created At', ({ metadata }) => metadata.creationTimestamp ?? null, {
  type: 'date',
  description: AGE.head.description,
});

export const tableOf = (...columns: readonly PrinterColumn[]): TableFormat => ({
  columns: columns.map(({ head }) => head),
  cells: (object, nowMs) => columns.map(({ cell }) => cell(object, nowMs)),
});

/** Every kind without columns of its own. */
export const DEFAULT_TABLE = tableOf(NAME, AGE);

/** The text at a dotted path, or what stands for an empty one. */
export const textOr =
  (path: string, otherwise: string) =>
  (object: KubeObject): string =>
    asString(getPath(object, ...path.split('.'))) || otherwise;

/** The name, marked where the annotation makes the class the default one. */
export const nameWithDefault = (annotation: string): PrinterColumn => ({
  ...NAME,
  cell: ({ metadata }) =>
    metadata.annotations?.[annotation] === 'true' ? `${metadata.name} (default)` : metadata.name,
});

/** `a,b,c + 2 more...`, or what stands for nothing. */
export function shortList(items: readonly string[], nothing: string): string {
  if (items.length === 0) return nothing;
  const rest = items.length - SHOWN_ADDRESSES;
  return items.slice(0, SHOWN_ADDRESSES).join(',') + (rest > 0 ? ` + ${rest} more...` : '');
}

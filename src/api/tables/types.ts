/** How one kind is shown as rows: `kubectl get` prints what the server answers to `as=Table`. One file a kind. */
import type { KubeObject } from '../../schemas/object.ts';

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

export const NONE = '<none>';

interface ColumnOptions {
  readonly priority?: number;
  readonly type?: TableColumn['type'];
  readonly format?: string;
  readonly description?: string;
}

export function column(name: string, options: ColumnOptions = {}): TableColumn {
  return {
    name,
    type: options.type ?? 'string',
    format: options.format ?? '',
    description: options.description ?? '',
    priority: options.priority ?? 0,
  };
}

export const nameColumn = column('Name', {
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
});

export const ageColumn = column('Age', {
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
});

export const wide = (name: string): TableColumn => column(name, { priority: 1 });

/** Operations on paths: the part of an OpenAPI document that both its versions share. */
import type { ServedResource } from '../../schemas/resource-kind.ts';
import type { Parameter } from './parameters.ts';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A component schema by its name, or a plain type. */
export type SchemaUse = { readonly component: string } | { readonly type: 'string' | 'object' };

export interface OperationAnswer {
  readonly description: string;
  readonly produces: readonly string[];
  readonly schema: SchemaUse | undefined;
}

export type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';

export interface Operation {
  readonly method: Method;
  readonly id: string;
  readonly tag: string;
  readonly action: string | undefined;
  readonly gvk: GroupVersionKind | undefined;
  readonly parameters: readonly Parameter[];
  readonly body:
    | { readonly consumes: readonly string[]; readonly schema: SchemaUse; readonly required: boolean }
    | undefined;
  readonly answers: Readonly<Record<string, OperationAnswer>>;
}

export interface OperationPath {
  readonly path: string;
  readonly operations: readonly Operation[];
}

/** How a resource is described: its schemas, and whether its objects can be sent as protobuf. */
export interface ResourceSchemas {
  readonly object: SchemaUse;
  readonly list: SchemaUse;
  /** Kubernetes' own kind: protobuf, strategic merge patches and the old watch paths. */
  readonly builtin: boolean;
}

const TEXTS: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

export const basePath = ({ group, version }: Pick<ServedResource, 'group' | 'version'>): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `rbacAuthorization` for `rbac.authorization.k8s.io`, `core` for the core group. */
export function groupWord(group: string): string {
  if (group === '') return 'core';
  const [first = '', ...rest] = group.replace(/\.k8s\.io$/, '').split(/[.-]/);
  return first + rest.map(capital).join('');
}

export function answersOf(
  codes: readonly string[],
  schema: SchemaUse | undefined,
  produces: readonly string[],
): Operation['answers'] {
  return Object.fromEntries([
    ...codes.map((code) => [code, { description: TEXTS[code] ?? '', produces, schema }] as const),
    ['401', { description: 'Unauthorized', produces: [], schema: undefined }] as const,
  ]);
}

/**
 * The author of an Application: who wrote its spec last. A sync of an Application outside the
 * system namespace has the author's rights. The author is recorded in an annotation that only the
 * server writes (resources/admission). Pure.
 */
import { isRecord } from '../../base/json.ts';
import { omit } from '../json-access.ts';
import type { KubeObject } from '../object.ts';

export const AUTHOR_ANNOTATION = 'symphony.dev/author';
/** Applications in this namespace have all rights: writing one is as good as cluster-admin. */
export const SYSTEM_NAMESPACE = 'symphony-system';
const MASTERS = 'system:masters';

export interface Author {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The author of objects that an Application in the system namespace applies. */
export const systemAuthor: Author = { name: 'system:symphony:sync', groups: [MASTERS] };

export const isApplication = ({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean =>
  kind === 'Application' && apiVersion.startsWith('argoproj.io/');

export const authorText = ({ name, groups }: Author): string => JSON.stringify({ name, groups });

/** Undefined where none is recorded, or the record cannot be read. */
export function authorOf({ metadata }: KubeObject): Author | undefined {
  let value: unknown;
  try {
    value = JSON.parse(metadata.annotations?.[AUTHOR_ANNOTATION] ?? 'null');
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { name, groups } = value;
  if (typeof name !== 'string' || name === '' || !Array.isArray(groups)) return undefined;
  return groups.every((group) => typeof group === 'string') ? { name, groups } : undefined;
}

/** The object with this record; undefined removes the record. */
export function withAuthorText(object: KubeObject, text: string | undefined): KubeObject {
  const { annotations, ...metadata } = object.metadata;
  if (annotations?.[AUTHOR_ANNOTATION] === text) return object;
  const others: Record<string, string> = omit(annotations ?? {}, AUTHOR_ANNOTATION);
  const next = text === undefined ? others : { ...others, [AUTHOR_ANNOTATION]: text };
  if (Object.keys(next).length === 0) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, annotations: next } };
}

/** Whether the Application acts as its author, in its own namespace, instead of the cluster. */
export const isConfined = ({ metadata }: Pick<KubeObject, 'metadata'>): boolean =>
  metadata.namespace !== SYSTEM_NAMESPACE;

/** Whether the Application may use the operator's own repository (credentials, local path). */
export const mayUseOperatorsRepository = (application: KubeObject): boolean =>
  !isConfined(application) || authorOf(application)?.groups.includes(MASTERS) === true;

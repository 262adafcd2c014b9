/**
 * The refusal of an admission rule, about the object as the client knows it: one without a name yet
 * goes by its prefix.
 */
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { StatusError } from '../../schemas/errors/status.ts';
import { forbidden } from '../refusals.ts';

export function deny(
  kind: Pick<ResourceKind, 'group' | 'plural'>,
  { metadata }: KubeObject,
  why: string,
): StatusError {
  return forbidden(kind, metadata.name || metadata.generateName || 'Unknown', why);
}

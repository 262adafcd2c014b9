import type { KubeObject } from '../object.ts';

/** The order of precedence of the Gateway API: by age, then by name. Pure. */
export function olderFirst({ metadata: a }: KubeObject, { metadata: b }: KubeObject): number {
  const key = ({ creationTimestamp = '', namespace = '', name }: typeof a): string =>
    `${creationTimestamp} ${namespace}/${name}`;
  return key(a) < key(b) ? -1 : 1;
}

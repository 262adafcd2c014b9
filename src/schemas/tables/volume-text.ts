/** Cells that volumes and claims share. */
import { asList, asString, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';

const ACCESS_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

export function modesText(modes: unknown): string {
  const given = asList(modes);
  return Object.entries(ACCESS_MODES)
    .filter(([mode]) => given.includes(mode))
    .map(([, short]) => short)
    .join(',');
}

export const phaseText = (object: KubeObject): string =>
  object.metadata.deletionTimestamp === undefined
    ? asString(getPath(object, 'status', 'phase'))
    : 'Terminating';

/**
 * Nodes that stayed away while the store was rebuilt: nobody knows which pods they run. A ConfigMap
 * lists them until they have reported, or an administrator says that they are gone by deleting
 * their entry.
 */
import { asRecord } from './json-access.ts';
import type { ConfigMap } from './types.ts';

export const UNREPORTED_NODES = { namespace: 'symphony-system', name: 'unreported-nodes' } as const;
export const UNREPORTED_KEY = `${UNREPORTED_NODES.namespace}/${UNREPORTED_NODES.name}`;

/** The names in the list; whoever reads it leaves out nodes that are registered by now. */
export const namesIn = (list: Pick<ConfigMap, 'data'> | undefined): readonly string[] =>
  Object.keys(asRecord(list?.data));

export function unreportedList(names: readonly string[], since: string): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...UNREPORTED_NODES },
    data: Object.fromEntries(names.map((name) => [name, since])),
  };
}

/** Namespaces that new objects need and that are missing: made first, or asked for. Pure. */
import type { Change } from '../../diff/change-set.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';

export interface NamespacePlan {
  readonly create: readonly Change[];
  /** For people, one for each namespace that is missing and not to be made. */
  readonly missing: readonly string[];
}

/** Before every wave that a person can write. */
const NAMESPACE_WAVE = -2_000_000;

export function planNamespaces(
  changes: readonly Change[],
  namespaceKind: ResourceKind | undefined,
  exists: (name: string) => boolean,
  createNamespace: boolean,
): NamespacePlan {
  const inGit = new Set(changes.filter(({ kind }) => kind === namespaceKind).map(({ key }) => key));
  const needed = new Set<string>();
  for (const { action, object } of changes) {
    const { namespace } = object.metadata;
    if (action === 'create' && namespace !== undefined && !inGit.has(namespace) && !exists(namespace))
      needed.add(namespace);
  }
  const names = [...needed].sort();
  if (!namespaceKind) return { create: [], missing: [] };
  if (!createNamespace) {
    const advice = 'add it to Git or set the sync option CreateNamespace=true';
    return { create: [], missing: names.map((name) => `namespace "${name}" does not exist; ${advice}`) };
  }
  const create = names.map(
    (name): Change => ({
      ...{ action: 'create', kind: namespaceKind, key: name, wave: NAMESPACE_WAVE },
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      ...{ live: undefined, origin: undefined },
    }),
  );
  return { create, missing: [] };
}

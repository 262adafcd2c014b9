/**
 * volumeMounts of a container → binds. Pure: it checks sub-paths as text. Where a sub-path really
 * is, and that no symbolic link leads it out of the volume, is found on the disk just before the
 * start (volumes/sub-path-mounts.ts).
 */
import type { Container } from '../../schemas/types.ts';
import type { Mount } from '../runtime/types.ts';
import { expandReferences, referencedNames } from './expand.ts';
import type { EnvVariable } from './plan-environment.ts';

/** A directory or file inside a volume that the container sees instead of the whole volume. */
export interface SubPath {
  /** The mount that it is the source of. */
  readonly mountIndex: number;
  readonly volume: string;
  readonly volumePath: string;
  readonly relative: string;
  /** Only the agent writes the volume. */
  readonly isAgentsOwn: boolean;
}

export type MountPlan =
  | { readonly ok: true; readonly mounts: readonly Mount[]; readonly subPaths: readonly SubPath[] }
  | { readonly ok: false; readonly message: string };

const PROPAGATIONS: ReadonlyMap<string | undefined, Mount['propagation']> = new Map([
  ['HostToContainer', 'rslave'],
  ['Bidirectional', 'rshared'],
]);

/** Undefined when the path is absolute or climbs: it must stay below the volume. */
export function cleanSubPath(path: string): string | undefined {
  if (path.startsWith('/') || path.includes('\0')) return undefined;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.includes('..') ? undefined : parts.join('/');
}

const refuse = (message: string) => ({ ok: false, message }) as const;

export function planMounts(
  container: Container,
  env: readonly EnvVariable[],
  volumePaths: ReadonlyMap<string, string>,
  agentVolumes: ReadonlySet<string>,
): MountPlan {
  const mounts: Mount[] = [];
  const subPaths: SubPath[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volumePath = volumePaths.get(mount.name);
    if (volumePath === undefined)
      return refuse(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const isAgentsOwn = agentVolumes.has(mount.name);
    const requested = subPathOf(mount, env);
    if (!requested.ok) return requested;
    if (requested.path !== '') {
      const relative = cleanSubPath(requested.path);
      if (relative === undefined) {
        const why = requested.path.startsWith('/') ? 'must be a relative path' : "must not contain '..'";
        return refuse(
          `failed to prepare subPath for volumeMount "${mount.name}" of container "${container.name}": ${why}`,
        );
      }
      if (relative !== '') {
        subPaths.push({ mountIndex: mounts.length, volume: mount.name, volumePath, relative, isAgentsOwn });
      }
    }
    const propagation = PROPAGATIONS.get(mount.mountPropagation);
    mounts.push({
      source: volumePath,
      // The engine wants absolute targets; Kubernetes takes a relative one from the root.
      target: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      // The kubelet's rule: what the agent writes, pods only read.
      readOnly: mount.readOnly === true || isAgentsOwn,
      ...(propagation === undefined ? {} : { propagation }),
    });
  }
  return { ok: true, mounts, subPaths };
}

function subPathOf(
  mount: NonNullable<Container['volumeMounts']>[number],
  env: readonly EnvVariable[],
): { readonly ok: true; readonly path: string } | { readonly ok: false; readonly message: string } {
  if (mount.subPathExpr === undefined || mount.subPathExpr === '')
    return { ok: true, path: mount.subPath ?? '' };
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const missing = referencedNames(mount.subPathExpr).filter((name) => (values.get(name) ?? '') === '');
  if (missing.length > 0) return refuse(`missing value for ${[...new Set(missing)].sort().join(', ')}`);
  return { ok: true, path: expandReferences(mount.subPathExpr, (name) => values.get(name)) };
}

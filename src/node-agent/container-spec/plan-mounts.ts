/**
 * volumeMounts of a container → binds. Pure: it checks sub-paths as text. Where a sub-path really
 * is, and that no symbolic link leads it out of the volume, is found on the disk just before the
 * start (volumes/sub-path-mounts.ts).
 */
import type { Container } from '../../schemas/types.ts';
import type { Mount } from '../runtime/types.ts';
import { expandReferences, referencedNames, Refused } from './expand.ts';
import type { EnvVariable } from './plan-environment.ts';

/** A directory or file inside a volume that the container sees instead of the whole volume. */
export interface SubPath {
  readonly mountIndex: number;
  readonly volume: string;
  readonly volumePath: string;
  readonly relative: string;
  /** Only the agent writes the volume. */
  readonly isAgentsOwn: boolean;
}

export interface MountPlan {
  readonly mounts: readonly Mount[];
  readonly subPaths: readonly SubPath[];
}

/** Volumes of the pod that containers do not write. */
export interface ContainerVolumes {
  /** Names of the volumes that only the agent writes. */
  readonly agentVolumes: ReadonlySet<string>;
  /** Names of the volumes that the pod or their source makes read-only. */
  readonly readOnlyVolumes: ReadonlySet<string>;
}

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

/** Throws Refused. */
export function planMounts(
  container: Container,
  env: readonly EnvVariable[],
  volumePaths: ReadonlyMap<string, string>,
  { agentVolumes, readOnlyVolumes }: ContainerVolumes,
): MountPlan {
  const mounts: Mount[] = [];
  const subPaths: SubPath[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volumePath = volumePaths.get(mount.name);
    if (volumePath === undefined)
      throw new Refused(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const isAgentsOwn = agentVolumes.has(mount.name);
    const requested = subPathOf(mount, env);
    if (requested !== '') {
      const relative = cleanSubPath(requested);
      if (relative === undefined) {
        const why = requested.startsWith('/') ? 'must be a relative path' : "must not contain '..'";
        throw new Refused(
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
      readOnly: mount.readOnly === true || isAgentsOwn || readOnlyVolumes.has(mount.name),
      ...(propagation === undefined ? {} : { propagation }),
    });
  }
  return { mounts, subPaths };
}

function subPathOf(
  { subPath = '', subPathExpr = '' }: NonNullable<Container['volumeMounts']>[number],
  env: readonly EnvVariable[],
): string {
  if (subPathExpr === '') return subPath;
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const missing = referencedNames(subPathExpr).filter((name) => (values.get(name) ?? '') === '');
  if (missing.length > 0) throw new Refused(`missing value for ${[...new Set(missing)].sort().join(', ')}`);
  return expandReferences(subPathExpr, (name) => values.get(name));
}

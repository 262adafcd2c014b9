/**
 * securityContext of pod and container → user, groups, capabilities and confinement of one
 * container. Pure. The container's members win over the pod's. Throws Refused.
 */
import type { Container, Pod } from '../../schemas/types.ts';
import type { ContainerSpec, ImageRecord } from '../runtime/types.ts';
import { Refused } from './expand.ts';

export type SecurityParts = Pick<
  ContainerSpec,
  | 'user'
  | 'supplementalGroups'
  | 'privileged'
  | 'readOnlyRootFilesystem'
  | 'noNewPrivileges'
  | 'capabilities'
  | 'seccompProfile'
  | 'appArmorProfile'
>;

const NUMERIC = /^\d+$/;

export function planSecurity(
  pod: Pod,
  container: Container,
  image: Pick<ImageRecord, 'user'>,
): SecurityParts {
  const podContext = pod.spec.securityContext ?? {};
  const own = container.securityContext ?? {};
  const runAsUser = own.runAsUser ?? podContext.runAsUser;
  const runAsGroup = own.runAsGroup ?? podContext.runAsGroup;
  const runAsNonRoot = own.runAsNonRoot ?? podContext.runAsNonRoot;
  const imageUser = image.user.split(':')[0] ?? '';

  const root = runAsNonRoot === true ? rootMessage(pod, container, runAsUser, imageUser) : undefined;
  if (root !== undefined) throw new Refused(root);
  const seccomp = own.seccompProfile ?? podContext.seccompProfile;
  const appArmor = own.appArmorProfile ?? podContext.appArmorProfile;
  if (seccomp?.type === 'Localhost') {
    throw new Refused(
      `seccomp profile "${seccomp.localhostProfile ?? ''}" cannot be used: Localhost profiles are not implemented`,
    );
  }
  const user = userOf(runAsUser, runAsGroup, image.user);
  const groups = new Set([podContext.supplementalGroups ?? [], podContext.fsGroup ?? []].flat());
  return {
    ...(user === undefined ? {} : { user }),
    supplementalGroups: [...groups],
    privileged: own.privileged === true,
    readOnlyRootFilesystem: own.readOnlyRootFilesystem === true,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    capabilities: { add: own.capabilities?.add ?? [], drop: own.capabilities?.drop ?? [] },
    // Unset, the engine's default profile applies. It is stricter than Kubernetes' default.
    ...(seccomp?.type === 'Unconfined' ? { seccompProfile: 'unconfined' } : {}),
    ...(appArmor?.type === 'Unconfined' ? { appArmorProfile: 'unconfined' } : {}),
    ...(appArmor?.type === 'Localhost' && appArmor.localhostProfile
      ? { appArmorProfile: appArmor.localhostProfile }
      : {}),
  };
}

function rootMessage(
  pod: Pod,
  container: Container,
  runAsUser: number | undefined,
  imageUser: string,
): string | undefined {
  const who = `pod: "${pod.metadata.name}_${pod.metadata.namespace ?? ''}(${pod.metadata.uid ?? ''})", container: ${container.name}`;
  if (runAsUser !== undefined) {
    return runAsUser === 0 ? `container's runAsUser breaks non-root policy (${who})` : undefined;
  }
  if (imageUser === '' || (NUMERIC.test(imageUser) && Number(imageUser) === 0)) {
    return `container has runAsNonRoot and image will run as root (${who})`;
  }
  if (!NUMERIC.test(imageUser)) {
    return `container has runAsNonRoot and image has non-numeric user (${imageUser}), cannot verify user is non-root (${who})`;
  }
  return undefined;
}

/** The engine's `user[:group]`; absent leaves the image's user. */
function userOf(user: number | undefined, group: number | undefined, imageUser: string): string | undefined {
  if (user !== undefined) return group === undefined ? String(user) : `${user}:${group}`;
  if (group === undefined) return undefined;
  const [name = ''] = imageUser.split(':');
  return `${name === '' ? '0' : name}:${group}`;
}

/** The container whose log a request means, or the refusal in kubelet's words. Pure. */
import { ownMember } from '../../base/json.ts';
import { attemptsOf, containersOf } from '../pod/pod-view.ts';
import type { ContainerRecord } from '../runtime/types.ts';
import type { Pod, PodStatus } from '../../schemas/types.ts';

export type LogTarget =
  | { readonly ok: true; readonly record: ContainerRecord }
  | { readonly ok: false; readonly message: string };

export function planLogTarget(
  pod: Pod,
  status: PodStatus | undefined,
  records: readonly ContainerRecord[],
  container: string,
  previous: boolean,
): LogTarget {
  const refuse = (message: string): LogTarget => ({ ok: false, message });
  const name = pod.metadata.name;
  if (!containersOf(pod).some((item) => item.container.name === container))
    return refuse(`container ${container} is not valid for pod ${name}`);
  const attempts = attemptsOf(records, container).filter(({ record }) => record.phase !== 'created');
  const current = attempts[0]?.record;
  const reported = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
    (entry) => entry.name === container,
  );
  if (previous) {
    // While a container waits for a restart, its last attempt is the previous one.
    const hasEnded = current?.phase === 'exited' && reported?.state?.waiting !== undefined;
    const dead = hasEnded ? current : attempts[1]?.record;
    return dead
      ? { ok: true, record: dead }
      : refuse(`previous terminated container "${container}" in pod "${name}" not found`);
  }
  if (current) return { ok: true, record: current };
  const reason = reported?.state?.waiting?.reason ?? 'ContainerCreating';
  const why = ownMember(PULLING, reason) ?? reason;
  return refuse(`container "${container}" in pod "${name}" is waiting to start: ${why}`);
}

const PULLING: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};

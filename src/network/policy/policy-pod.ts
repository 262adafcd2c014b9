/** The fields of a pod that the policies of its host depend on. Pure. */
import type { Pod } from '../../schemas/types.ts';
import type { PolicyPod } from './plan-policies.ts';

const EVERY_ADDRESS: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);

export function policyPodOf({ metadata, spec }: Pod, address: string): PolicyPod {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const ports = [...spec.containers, ...sidecars].flatMap((container) => container.ports ?? []);
  return {
    namespace: metadata.namespace ?? '',
    labels: metadata.labels ?? {},
    address,
    ports: ports.flatMap(({ name, protocol = 'TCP', containerPort: port }) =>
      name ? [{ name, protocol, port }] : [],
    ),
    published: ports.flatMap(({ hostPort, hostIP = '', protocol = 'TCP', containerPort: port }) =>
      hostPort ? [{ protocol, hostIp: EVERY_ADDRESS.has(hostIP) ? '' : hostIP, hostPort, port }] : [],
    ),
  };
}

/** {@link PodResources}: a pod and its volumes → the runtime's specifications. */
import type { Pod } from '../../schemas/types.ts';
import type { PodPlace } from './field-ref.ts';
import { type PodPlanInput, planContainerSpec } from './plan-container-spec.ts';
import { podFqdn } from './identity.ts';
import { planSandboxSpec } from './plan-sandbox-spec.ts';
import type { DnsWarning } from '../files/plan-pod-files.ts';
import type { PodVolumes, PreparedPod } from '../volumes/pod-volumes.ts';
import { type EngineShare, planShare } from '../node/plan-share.ts';
import { type PodResources, type RecordPodEvent, StepProblem } from '../ports.ts';
import type { RuntimeInfo } from '../runtime/types.ts';

export interface PodResourcesOptions {
  readonly volumes: PodVolumes;
  readonly cluster: string;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly network: string;
  readonly clusterDomain: string;
  readonly share: EngineShare;
  info(): RuntimeInfo | undefined;
  recordEvent: RecordPodEvent;
}

export function createPodResources(options: PodResourcesOptions): PodResources {
  const prepared = new Map<string, PreparedPod>();

  function place(ip: string | undefined): PodPlace {
    const info = options.info() ?? { cpus: 1, memoryBytes: 0, diskBytes: 0 };
    const { nodeName, nodeIp } = options;
    return { nodeName, nodeIp, podIp: ip, allocatable: { ...planShare(info, options.share) } };
  }

  function base(pod: Pod, ip: string | undefined): PodPlanInput {
    const { cluster, network, clusterDomain } = options;
    const at = place(pod.spec.hostNetwork === true ? options.nodeIp : ip);
    const nodeMemoryBytes = options.info()?.memoryBytes ?? 0;
    return { pod, place: at, nodeMemoryBytes, cluster, network, clusterDomain };
  }

  function preparedOf(pod: Pod): PreparedPod {
    const found = prepared.get(pod.metadata.uid ?? '');
    if (!found) throw new StepProblem('ContainerCreating', 'the volumes of the pod are not ready');
    return found;
  }

  return {
    async ensureVolumes(pod, ip) {
      const { place: at } = base(pod, ip);
      const found = await options.volumes.ensure(pod, at);
      checkHandler(found.runtimeHandler, options.info());
      const before = prepared.get(pod.metadata.uid ?? '')?.warnings ?? [];
      const isNew = ({ message }: DnsWarning): boolean => before.every((one) => one.message !== message);
      for (const { reason, message } of (found.warnings ?? []).filter(isNew))
        options.recordEvent(pod, { type: 'Warning', reason, message });
      prepared.set(pod.metadata.uid ?? '', found);
    },
    async tearDown(pod) {
      await options.volumes.tearDown(pod);
      prepared.delete(pod.metadata.uid ?? '');
    },
    async planContainer({ pod, ip, container, role, attempt, image }) {
      const [environment, terminationLog] = await Promise.all([
        options.volumes.environment(pod, container),
        options.volumes.prepareContainer(pod, container.name, attempt),
      ]);
      const plan = planContainerSpec({
        ...base(pod, ip),
        ...environment,
        ...preparedOf(pod),
        container,
        // The label tells only whether the container starts before the others.
        role: role === 'main' ? 'container' : 'init',
        attempt,
        terminationLog,
        image,
      });
      if (!plan.ok) return plan;
      const mounts = await options.volumes.resolveMounts(
        { podUid: pod.metadata.uid ?? '', container: container.name, attempt },
        plan.spec.mounts,
        plan.subPaths,
      );
      return { ...plan, spec: { ...plan.spec, mounts } };
    },
    planSandbox(pod, ip, attempt) {
      checkFqdn(pod, options.clusterDomain);
      return planSandboxSpec({ ...base(pod, ip), ...preparedOf(pod), attempt });
    },
    terminationLog: (pod, container, attempt) => options.volumes.terminationLog(pod, container, attempt),
  };
}

/** The longest name of a host in Linux. */
const MOST_FQDN_CHARS = 64;

/** In kubelet's words. The kernel would refuse the name. */
function checkFqdn(pod: Pod, clusterDomain: string): void {
  const fqdn = pod.spec.setHostnameAsFQDN === true ? podFqdn(pod, clusterDomain) : undefined;
  if (fqdn === undefined || fqdn.length <= MOST_FQDN_CHARS) return;
  throw new StepProblem(
    'FailedCreatePodSandBox',
    `Failed to create pod sandbox: failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${MOST_FQDN_CHARS} characters is the max, ${fqdn.length} characters requested)`,
  );
}

/** Refuses before anything is created. The engine would refuse each attempt, in its own words. */
function checkHandler(handler: string | undefined, info: RuntimeInfo | undefined): void {
  if (handler === undefined || !info || info.runtimeHandlers.includes(handler)) return;
  const configured = [...info.runtimeHandlers].sort().join(', ');
  throw new StepProblem(
    'FailedCreatePodSandBox',
    `Failed to create pod sandbox: runtime handler "${handler}" is not configured on this node, which has ${configured}`,
  );
}

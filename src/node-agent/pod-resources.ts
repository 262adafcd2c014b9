/** {@link PodResources}: from a pod and what the node prepared for it to the runtime's specifications. */
import type { Pod } from '../schemas/types.ts';
import type { PodPlace } from './container-spec/field-ref.ts';
import {
  type PodPlanInput,
  planContainerSpec,
  planSandboxSpec,
} from './container-spec/plan-container-spec.ts';
import type { PauseImage } from './images/create-pause-image.ts';
import type { PodVolumes, PreparedPod } from './pod-volumes.ts';
import { type PodResources, StepProblem } from './ports.ts';
import type { RuntimeInfo } from './runtime/types.ts';

export interface PodResourcesOptions {
  readonly volumes: PodVolumes;
  readonly pause: PauseImage;
  readonly cluster: string;
  readonly nodeName: string;
  readonly nodeIp: string;
  /** Name of the pods' network. */
  readonly network: string;
  readonly clusterDomain: string;
  info(): RuntimeInfo | undefined;
}

export function createPodResources(options: PodResourcesOptions): PodResources {
  const prepared = new Map<string, PreparedPod>();

  function place(ip: string | undefined): PodPlace {
    const info = options.info();
    return {
      nodeName: options.nodeName,
      nodeIp: options.nodeIp,
      podIp: ip,
      allocatable: { cpu: String(info?.cpus ?? 1), memory: String(info?.memoryBytes ?? 0) },
    };
  }

  function base(pod: Pod, ip: string | undefined): PodPlanInput {
    return {
      pod,
      place: place(pod.spec.hostNetwork === true ? options.nodeIp : ip),
      nodeMemoryBytes: options.info()?.memoryBytes ?? 0,
      cluster: options.cluster,
      network: options.network,
      clusterDomain: options.clusterDomain,
    };
  }

  function preparedOf(pod: Pod): PreparedPod {
    const found = prepared.get(pod.metadata.uid ?? '');
    if (!found) throw new StepProblem('ContainerCreating', 'the volumes of the pod are not ready');
    return found;
  }

  return {
    async ensureVolumes(pod, ip) {
      const { place: at } = base(pod, ip);
      prepared.set(pod.metadata.uid ?? '', await options.volumes.ensure(pod, at));
    },
    async tearDown(pod) {
      await options.volumes.tearDown(pod);
      prepared.delete(pod.metadata.uid ?? '');
    },
    async planContainer({ pod, ip, container, role, attempt, sandboxId, image }) {
      const [environment, terminationLog] = await Promise.all([
        options.volumes.environment(pod, container),
        options.volumes.prepareContainer(pod, container.name, attempt),
      ]);
      const plan = planContainerSpec({
        ...base(pod, ip),
        ...environment,
        ...preparedOf(pod),
        container,
        // A sidecar is told apart by its restart policy; the engine only knows "before the others" or not.
        role: role === 'main' ? 'container' : 'init',
        attempt,
        sandboxId,
        terminationLog,
        image,
      });
      if (!plan.ok) return plan;
      const mounts = await options.volumes.resolveMounts(plan.spec.mounts, plan.subPaths);
      return { ...plan, spec: { ...plan.spec, mounts } };
    },
    async planSandbox(pod, ip, attempt) {
      const image = await options.pause.ensure();
      return planSandboxSpec({ ...base(pod, ip), attempt, image, files: preparedOf(pod).files });
    },
    terminationLog: (pod, container, attempt) => options.volumes.terminationLog(pod, container, attempt),
  };
}

/** Fetches what the volumes of a pod are made of, and plans them (plan-volumes.ts). */
import type { Pod } from '../../schemas/types.ts';
import type { PodPlace } from '../container-spec/field-ref.ts';
import type { PodFiles } from '../container-spec/plan-container-spec.ts';
import type { DnsWarning } from '../files/plan-pod-files.ts';
import type { PodTokens } from '../identity/service-account-tokens.ts';
import type { PodSources } from '../pods/pod-sources.ts';
import { StepProblem } from '../ports.ts';
import { planVolumes, type VolumesInput, type VolumesPlan } from './plan-volumes.ts';
import type { MountedStorage } from './pod-storage.ts';
import type { PreparedPod } from './pod-volumes.ts';

interface PodPlan {
  readonly plan: Extract<VolumesPlan, { readonly ok: true }>;
  readonly runtimeHandler: string | undefined;
}

/** Throws StepProblem when a source is missing, or the volumes cannot be mounted. */
export async function fetchPodPlan(
  from: { readonly sources: PodSources; readonly tokens: Pick<PodTokens, 'tokensOf'> },
  pod: Pod,
  place: PodPlace,
  mounted: MountedStorage,
  ofNode: Pick<VolumesInput, 'podsDir' | 'memoryDir' | 'volumesDir' | 'canChown'>,
): Promise<PodPlan> {
  const [sources, tokens, runtimeHandler] = await Promise.all([
    from.sources.ofVolumes(pod, new Set(mounted.keys())),
    from.tokens.tokensOf(pod),
    from.sources.handlerOf(pod),
  ]);
  const plan = planVolumes({ ...ofNode, ...sources, pod, place, tokens, mounted });
  if (!plan.ok) throw new StepProblem(plan.reason, plan.message, { also: plan.also });
  return { plan, runtimeHandler };
}

export const preparedPod = (
  { plan, runtimeHandler }: PodPlan,
  files: PodFiles,
  warnings: readonly DnsWarning[] = [],
): PreparedPod => ({
  warnings,
  volumePaths: plan.paths,
  agentVolumes: plan.agentVolumes,
  readOnlyVolumes: plan.readOnlyVolumes,
  files,
  ...(runtimeHandler === undefined ? {} : { runtimeHandler }),
});

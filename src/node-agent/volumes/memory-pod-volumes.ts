/** {@link PodVolumes} with invented paths, for runtimes without mounts. Objects must exist. */
import type { Pod } from '../../schemas/types.ts';
import type { PodPlace } from '../container-spec/field-ref.ts';
import type { PodSources } from '../pods/pod-sources.ts';
import { mountProblem, type PodVolumes, type PreparedPod } from './pod-volumes.ts';
import { StepProblem } from '../ports.ts';
import type { PodTokens } from '../identity/service-account-tokens.ts';
import { planVolumes, podDirectory } from './plan-volumes.ts';

/** Sources and tokens are fetched as for real volumes, and then dropped. */
export function createMemoryPodVolumes(
  options: { readonly sources?: PodSources; readonly tokens?: PodTokens } = {},
): PodVolumes {
  const { sources, tokens } = options;
  const podsDir = '/nonexistent/pods';
  const directory = (pod: Pod): string => podDirectory(podsDir, pod.metadata.uid ?? '');
  const none = { configMaps: new Map(), secrets: new Map() };

  async function prepare(pod: Pod, place: PodPlace): Promise<PreparedPod> {
    const [found, current, runtimeHandler] = await Promise.all([
      sources?.ofVolumes(pod),
      tokens?.tokensOf(pod),
      sources?.handlerOf(pod),
    ]);
    const files = { hosts: `${directory(pod)}/hosts`, resolvConf: `${directory(pod)}/resolv.conf` };
    const handler = runtimeHandler === undefined ? {} : { runtimeHandler };
    if (!found) {
      const paths = (pod.spec.volumes ?? []).map(
        ({ name }) => [name, `${directory(pod)}/volumes/${name}`] as const,
      );
      return { volumePaths: new Map(paths), agentVolumes: new Set(), files };
    }
    const plan = planVolumes({ pod, podsDir, place, ...found, tokens: current ?? new Map() });
    if (!plan.ok) throw new StepProblem(plan.reason, plan.message);
    return { volumePaths: plan.paths, agentVolumes: plan.agentVolumes, files, ...handler };
  }

  return {
    ensure: (pod, place) =>
      prepare(pod, place).catch((error: unknown) => {
        throw mountProblem(error);
      }),
    environment: async (pod, container) => ({
      sources: (await sources?.ofEnvironment(pod, container)) ?? none,
      serviceEnv: [],
    }),
    prepareContainer: async (pod, container, attempt) => `${directory(pod)}/${container}/${attempt}.log`,
    resolveMounts: async (_of, mounts) => mounts,
    terminationLog: async () => undefined,
    tearDown: async (pod) => tokens?.forget(pod.metadata.uid ?? ''),
  };
}

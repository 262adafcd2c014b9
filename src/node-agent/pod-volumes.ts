/**
 * What a pod has on the host's disk, as the agent's core sees it. The real one writes below the data directory; the one in
 * memory makes up paths, for runtimes that mount nothing.
 */
import type { Container, Pod } from '../schemas/types.ts';
import type { PodPlace } from './container-spec/field-ref.ts';
import type { PodFiles } from './container-spec/plan-container-spec.ts';
import type { EnvSources, EnvVariable } from './container-spec/plan-environment.ts';
import type { PodTokens } from './service-account-tokens.ts';
import type { SubPathMounts } from './volumes/sub-path-mounts.ts';

export interface PreparedPod {
  /** Host path of every volume, by name. */
  readonly volumePaths: ReadonlyMap<string, string>;
  /** Names of the volumes that only the agent writes. */
  readonly agentVolumes: ReadonlySet<string>;
  readonly files: PodFiles;
  /** Of the pod's RuntimeClass, where it names one. */
  readonly runtimeHandler?: string;
}

/** Methods throw StepProblem with the words that users see. */
export interface PodVolumes {
  /** Idempotent; also brings the content of mounted ConfigMaps and Secrets up to date. */
  ensure(pod: Pod, place: PodPlace): Promise<PreparedPod>;
  /** ConfigMaps, Secrets and service variables for the environment of a container. */
  environment(
    pod: Pod,
    container: Container,
  ): Promise<{ readonly sources: EnvSources; readonly serviceEnv: readonly EnvVariable[] }>;
  /** Makes the file that the container's last words go to; answers its path. */
  prepareContainer(pod: Pod, container: string, attempt: number): Promise<string>;
  /**
   * The mounts of one attempt, with sources that are safe to hand to the engine. Makes missing
   * sub-paths.
   */
  readonly resolveMounts: SubPathMounts['resolve'];
  terminationLog(pod: Pod, container: string, attempt: number): Promise<string | undefined>;
  tearDown(pod: Pod): Promise<void>;
}

/** `tokens`: fetched as the real ones are, and given to nobody. */
export function createMemoryPodVolumes(tokens?: PodTokens): PodVolumes {
  const directory = (pod: Pod): string => `/nonexistent/pods/${pod.metadata.uid ?? ''}`;
  return {
    async ensure(pod) {
      await tokens?.tokensOf(pod);
      const root = directory(pod);
      return {
        volumePaths: new Map((pod.spec.volumes ?? []).map(({ name }) => [name, `${root}/volumes/${name}`])),
        agentVolumes: new Set(),
        files: { hosts: `${root}/hosts`, resolvConf: `${root}/resolv.conf` },
      };
    },
    environment: async () => ({ sources: { configMaps: new Map(), secrets: new Map() }, serviceEnv: [] }),
    prepareContainer: async (pod, container, attempt) => `${directory(pod)}/${container}/${attempt}.log`,
    resolveMounts: async (_of, mounts) => mounts,
    terminationLog: async () => undefined,
    tearDown: async (pod) => tokens?.forget(pod.metadata.uid ?? ''),
  };
}

/** The files of a pod on its host: disk-pod-volumes.ts, or memory-pod-volumes.ts. */
import { goWords } from '../../base/go-words.ts';
import type { Container, PersistentVolume, Pod } from '../../schemas/types.ts';
import type { PodPlace } from '../container-spec/field-ref.ts';
import type { PodFiles } from '../container-spec/plan-container-spec.ts';
import type { EnvSources, EnvVariable } from '../container-spec/plan-environment.ts';
import type { DnsWarning } from '../files/plan-pod-files.ts';
import { StepProblem } from '../ports.ts';
import type { SubPathMounts } from './sub-path-mounts.ts';
import type { VolumeDirectories } from './volume-directories.ts';

export interface PreparedPod {
  /** Host path of every volume, by name. */
  readonly volumePaths: ReadonlyMap<string, string>;
  /** Names of the volumes that only the agent writes. */
  readonly agentVolumes: ReadonlySet<string>;
  /** Names of the volumes that no container may write. */
  readonly readOnlyVolumes: ReadonlySet<string>;
  readonly files: PodFiles;
  /** Events about the pod's DNS configuration. */
  readonly warnings?: readonly DnsWarning[];
  /** The handler of the pod's RuntimeClass, if it names one. */
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
  /** The mounts of one attempt, with sources safe for the engine. Makes missing sub-paths. */
  readonly resolveMounts: SubPathMounts['resolve'];
  terminationLog(pod: Pod, container: string, attempt: number): Promise<string | undefined>;
  tearDown(pod: Pod): Promise<void>;
  /** The local volumes of this node. */
  readonly directories: VolumeDirectories;
  /** The pods that have the PersistentVolume mounted, or are about to. */
  usersOf(volumeName: string): Promise<readonly string[]>;
  /** Removes the directory of a provisioned volume on an export. */
  removeFromExport(volume: PersistentVolume): Promise<void>;
}

/** Gives a failure that has no reason of its own the one that kubelet uses. */
export function mountProblem(error: unknown): StepProblem {
  if (error instanceof StepProblem) return error;
  return new StepProblem('FailedMount', goWords(error), { cause: error });
}

/** Objects that pods name (ConfigMaps, Secrets, claims, RuntimeClasses), read when needed. */
import { createSharedReads } from '../../base/shared-reads.ts';
import { type ApiClient, type ResourcePath, resources } from '../../client/types.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { environmentSources, type SourceNames, volumeSources } from '../../schemas/pods/pod-references.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type {
  ConfigMap,
  Container,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  RuntimeClass,
  Secret,
} from '../../schemas/types.ts';
import type { EnvSources } from '../container-spec/plan-environment.ts';
import { StepProblem } from '../ports.ts';
import type { KeptSources } from '../records/kept-sources.ts';
import { claimNameOf } from '../volumes/plan-claim-volume.ts';

/** The objects that the volumes of a pod are made of. */
export interface VolumeSources extends EnvSources {
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
  readonly persistentVolumes: ReadonlyMap<string, PersistentVolume>;
}

export interface PodSources {
  /** `mounted`: names of volumes whose claims are not needed any more. */
  ofVolumes(pod: Pod, mounted?: ReadonlySet<string>): Promise<VolumeSources>;
  ofEnvironment(pod: Pod, container: Container): Promise<EnvSources>;
  /** The handler of the pod's RuntimeClass. Throws StepProblem if the class does not exist. */
  handlerOf(pod: Pod): Promise<string | undefined>;
}

export interface PodSourcesOptions {
  readonly client: ApiClient;
  /** Keeps answers for the time without a control plane. Default: nothing is kept. */
  readonly through?: KeptSources['through'];
}

export function createPodSources({ client, through = readOnly }: PodSourcesOptions): PodSources {
  /** Pods come in numbers, and most of them share sources (`kube-root-ca.crt`). */
  const shared = createSharedReads({ gathers: true });

  /** Objects by name. Missing ones are left out. */
  async function read<T extends KubeObject>(
    resource: ResourcePath,
    pod: Pod,
    names: ReadonlySet<string>,
    keep = through,
  ): Promise<ReadonlyMap<string, T>> {
    const { namespace = '', uid = '' } = pod.metadata;
    const entries = await Promise.all(
      [...names].map(async (name) => {
        const value = await keep(uid, `${resource.plural}/${name}`, () =>
          shared.read(`${resource.plural}/${namespace}/${name}`, () =>
            client.get<T>(resource, namespace, name),
          ),
        );
        return value ? [[name, value] as const] : [];
      }),
    );
    return new Map(entries.flat());
  }

  async function sourcesOf(pod: Pod, names: SourceNames): Promise<EnvSources> {
    const [configMaps, secrets] = await Promise.all([
      read<ConfigMap>(resources.configMaps, pod, names.configMaps),
      read<Secret>(resources.secrets, pod, names.secrets),
    ]);
    return { configMaps, secrets };
  }

  /** Claims and their volumes decide only about a mount that is to be made: none is kept. */
  async function storageOf(
    pod: Pod,
    mounted: ReadonlySet<string>,
  ): Promise<Pick<VolumeSources, 'claims' | 'persistentVolumes'>> {
    const volumes = (pod.spec.volumes ?? []).filter(({ name }) => !mounted.has(name));
    const names = volumes.flatMap((volume) => claimNameOf(pod, volume) ?? []);
    const claims = await read<PersistentVolumeClaim>(
      resources.persistentVolumeClaims,
      pod,
      new Set(names),
      readOnly,
    );
    const bound = [...claims.values()].flatMap(({ spec }) => spec.volumeName || []);
    const persistentVolumes = new Map<string, PersistentVolume>();
    for (const name of new Set(bound)) {
      const found = await readOnly('', name, () =>
        client.get<PersistentVolume>(resources.persistentVolumes, undefined, name),
      );
      if (found) persistentVolumes.set(name, found);
    }
    return { claims, persistentVolumes };
  }

  return {
    async ofVolumes(pod, mounted = new Set()) {
      const [sources, storage] = await Promise.all([
        sourcesOf(pod, volumeSources(pod)),
        storageOf(pod, mounted),
      ]);
      return { ...sources, ...storage };
    },
    ofEnvironment: (pod, container) => sourcesOf(pod, environmentSources(container)),
    async handlerOf({ metadata, spec }) {
      const name = spec.runtimeClassName ?? '';
      if (name === '') return undefined;
      const found = await through(metadata.uid ?? '', `runtimeclasses/${name}`, () =>
        client.get<RuntimeClass>(resources.runtimeClasses, undefined, name),
      );
      if (!found) throw new StepProblem('FailedCreatePodSandBox', `RuntimeClass "${name}" not found`);
      return found.handler;
    },
  };
}

const readOnly: KeptSources['through'] = async (_podUid, _name, read) => {
  try {
    return await read();
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
};

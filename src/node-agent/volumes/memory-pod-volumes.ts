/** {@link PodVolumes} with invented paths, for runtimes without mounts. Objects must exist. */
import type { Pod } from '../../schemas/types.ts';
import type { PodPlace } from '../container-spec/field-ref.ts';
import type { PodSources } from '../pods/pod-sources.ts';
import { fetchPodPlan, preparedPod } from './fetch-pod-plan.ts';
import { mountProblem, type PodVolumes, type PreparedPod } from './pod-volumes.ts';
import type { PodTokens } from '../identity/service-account-tokens.ts';
import { isKept, podDirectory } from './plan-volumes.ts';
import { createPodStorage } from './pod-storage.ts';
import { createMemoryDirectories } from './volume-directories.ts';

const NO_TOKENS: PodTokens = { tokensOf: async () => new Map(), forget: () => undefined };

/** Sources and tokens are fetched as for real volumes, and then dropped. */
export function createMemoryPodVolumes(
  options: { readonly sources?: PodSources; readonly tokens?: PodTokens; readonly volumesDir?: string } = {},
): PodVolumes {
  const { sources, tokens = NO_TOKENS } = options;
  const podsDir = '/nonexistent/pods';
  const directory = (pod: Pod): string => podDirectory(podsDir, pod.metadata.uid ?? '');
  const directories = createMemoryDirectories(options.volumesDir ?? '/nonexistent/volumes');
  const podStorage = createPodStorage(undefined);
  const none = { configMaps: new Map(), secrets: new Map() };

  async function prepare(pod: Pod, place: PodPlace): Promise<PreparedPod> {
    const { uid = '' } = pod.metadata;
    const files = { hosts: `${directory(pod)}/hosts`, resolvConf: `${directory(pod)}/resolv.conf` };
    if (!sources) {
      const paths = (pod.spec.volumes ?? []).map(
        ({ name }) => [name, `${directory(pod)}/volumes/${name}`] as const,
      );
      return { volumePaths: new Map(paths), agentVolumes: new Set(), readOnlyVolumes: new Set(), files };
    }
    const mounted = await podStorage.of(uid);
    const ofNode = { podsDir, volumesDir: directories.root };
    const planned = await fetchPodPlan({ sources, tokens }, pod, place, mounted, ofNode);
    const kept = planned.plan.volumes.filter(isKept);
    for (const volume of kept)
      if (volume.kind === 'local' && volume.made) await directories.ensure(volume.made);
    await podStorage.save(uid, kept);
    return preparedPod(planned, files);
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
    async tearDown({ metadata: { uid = '' } }) {
      tokens.forget(uid);
      podStorage.forget(uid);
    },
    directories,
    usersOf: (volumeName) => podStorage.users((plan) => plan.volumeName === volumeName),
    removeFromExport: async () => undefined,
  };
}

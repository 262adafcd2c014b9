/**
 * {@link PodVolumes} below the agent's data directory. ConfigMaps, Secrets and tokens are read from
 * the API when needed; without a control plane, the last answer serves (records/kept-sources.ts).
 */
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type Rng, systemRng } from '../../base/rng.ts';
import type { ApiClient } from '../../client/types.ts';
import type { Pod } from '../../schemas/types.ts';
import { type ClusterNames, createPodFileTexts, type PodFileTexts } from '../files/pod-file-texts.ts';
import {
  ensureTerminationLog,
  type PodFilePaths,
  podFilePaths,
  readTerminationLog,
  terminationLogPath,
  writePodFiles,
} from '../files/pod-files.ts';
import { createPodSources } from '../pods/pod-sources.ts';
import { createServiceEnvironment, type KnownServices } from '../pods/service-environment.ts';
import { mountProblem, type PodVolumes } from './pod-volumes.ts';
import { StepProblem } from '../ports.ts';
import { createKeptSources } from '../records/kept-sources.ts';
import { createPodTokens } from '../identity/service-account-tokens.ts';
import { contentPath } from './atomic-files.ts';
import { createVolumeStore } from './create-volume-store.ts';
import { fetchPodPlan, preparedPod } from './fetch-pod-plan.ts';
import { createMountAbility } from './mount-ability.ts';
import { type NetworkMounter, nfsMounter } from './nfs-mounter.ts';
import { createNfsMounts } from './nfs-mounts.ts';
import { isKept, isStorage, memoryDirOf, type VolumePlan } from './plan-volumes.ts';
import { createPodStorage, type MountedStorage } from './pod-storage.ts';
import { createStorageMounts } from './storage-mounts.ts';
import { createSubPathMounts } from './sub-path-mounts.ts';
import { createAppliedPlans, digestOf } from './unchanged.ts';
import { createVolumeDirectories } from './volume-directories.ts';

export interface DiskPodVolumesOptions extends ClusterNames {
  readonly client: ApiClient;
  /** The agent's data directory; the engine must see it under the same path. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly rng?: Rng;
  readonly logger: Logger;
  /** Whether the agent runs as root, and so may be able to mount. */
  readonly isRoot: boolean;
  /** Whether the engine finds a file or directory at this path. */
  engineSees(path: string): Promise<boolean>;
  /** The Services that containers get variables for. Default: none. */
  services?(): KnownServices | undefined;
  /** Mounts exports. Default: the system's. */
  readonly mounter?: NetworkMounter;
}

/** The directory of the node's local volumes, in the agent's. */
export const VOLUMES = 'volumes';

export function createDiskPodVolumes(options: DiskPodVolumesOptions): PodVolumes {
  const { client, clock } = options;
  const podsDir = join(options.dataDir, 'pods');
  const ability = createMountAbility(options);
  const canMount = async (): Promise<boolean> => (await ability()).ok;
  const directories = createVolumeDirectories({
    root: join(options.dataDir, VOLUMES),
    logger: options.logger,
  });
  const podStorage = createPodStorage(podsDir);
  const workDir = `${podsDir}-nfs/work`;
  const nfs = createNfsMounts({ mounter: options.mounter ?? nfsMounter, workDir, ability });
  const storage = createStorageMounts({ directories, nfs, ability });
  const store = createVolumeStore({
    ...{ podsDir, clock, logger: options.logger, canMount, storage, podStorage },
  });
  const subPathMounts = createSubPathMounts({ podsDir, ability });
  const plans = createAppliedPlans(clock);
  const kept = createKeptSources(podsDir, options.logger);
  const sources = createPodSources({ client, through: kept.through });
  const services = options.services ?? (() => undefined);
  const serviceEnvironment = createServiceEnvironment({ services, through: kept.through, clock });
  const tokens = createPodTokens({ rng: systemRng, ...options, through: kept.through });
  const uidOf = (pod: Pod): string => pod.metadata.uid ?? '';
  const textsOf = createPodFileTexts(options);

  /** Mounts what is new, and writes what has changed. */
  async function apply(
    pod: Pod,
    volumes: readonly VolumePlan[],
    mounted: MountedStorage,
    files: PodFilePaths,
    texts: PodFileTexts,
  ): Promise<void> {
    const uid = uidOf(pod);
    // Storage may hang, and its content is not the agent's.
    const own = volumes.filter((volume) => !isStorage(volume));
    const storagePlans = volumes.filter(isKept);
    podStorage.begin(uid, storagePlans);
    const digest = digestOf(volumes, Object.values(texts));
    const paths = [...own.map(contentPath), files.hosts, files.resolvConf];
    await plans.ensure(uid, { digest, paths }, async () => {
      const applied = await store.apply(volumes, mounted);
      if (!applied.ok) throw new StepProblem(applied.reason, applied.message);
      await podStorage.save(uid, storagePlans);
      await writePodFiles(files, texts);
    });
  }

  return {
    async ensure(pod, place) {
      try {
        const mounted = await podStorage.of(uidOf(pod));
        const memoryDir = (await canMount()) ? memoryDirOf(podsDir) : undefined;
        const ofNode = { podsDir, memoryDir, volumesDir: directories.root, canChown: options.isRoot };
        const planned = await fetchPodPlan({ sources, tokens }, pod, place, mounted, ofNode);
        const files = podFilePaths(podsDir, uidOf(pod));
        const { texts, warnings } = await textsOf(pod, place.podIp);
        await apply(pod, planned.plan.volumes, mounted, files, texts);
        return preparedPod(planned, files, warnings);
      } catch (error) {
        throw mountProblem(error);
      }
    },
    async environment(pod, container) {
      const [named, serviceEnv] = await Promise.all([
        sources.ofEnvironment(pod, container),
        serviceEnvironment(pod),
      ]);
      return { sources: named, serviceEnv };
    },
    async prepareContainer(pod, container, attempt) {
      const path = terminationLogPath(podsDir, uidOf(pod), container, attempt);
      await ensureTerminationLog(path);
      return path;
    },
    resolveMounts: subPathMounts.resolve,
    async terminationLog(pod, container, attempt) {
      return readTerminationLog(terminationLogPath(podsDir, uidOf(pod), container, attempt));
    },
    async tearDown(pod) {
      plans.forget(uidOf(pod));
      await store.tearDown(uidOf(pod));
      kept.forget(uidOf(pod));
      tokens.forget(uidOf(pod));
    },
    directories,
    usersOf: (volumeName) => podStorage.users((plan) => plan.volumeName === volumeName),
    async removeFromExport({ spec }) {
      const { server = '', path: share = '/' } = spec.nfs ?? {};
      await nfs.removeDirectory({ server, share, mountOptions: spec.mountOptions ?? [] });
    },
  };
}

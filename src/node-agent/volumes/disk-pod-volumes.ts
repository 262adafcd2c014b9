/**
 * {@link PodVolumes} below the agent's data directory. ConfigMaps, Secrets and tokens are read from
 * the API when needed; without a control plane, the last answer serves (records/kept-sources.ts).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type Rng, systemRng } from '../../base/rng.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { ApiClient } from '../../client/types.ts';
import type { Pod } from '../../schemas/types.ts';
import {
  parseResolvConf,
  planResolverConfig,
  renderHosts,
  renderResolvConf,
} from '../files/plan-pod-files.ts';
import {
  ensureTerminationLog,
  podFilePaths,
  readTerminationLog,
  terminationLogPath,
  writePodFiles,
} from '../files/pod-files.ts';
import { createPodSources } from '../pods/pod-sources.ts';
import { mountProblem, type PodVolumes } from './pod-volumes.ts';
import { StepProblem } from '../ports.ts';
import { createKeptSources } from '../records/kept-sources.ts';
import { createPodTokens } from '../identity/service-account-tokens.ts';
import { contentPath } from './atomic-files.ts';
import { createVolumeStore } from './create-volume-store.ts';
import { createMountAbility } from './mount-ability.ts';
import { type NetworkMounter, nfsMounter } from './nfs-mounter.ts';
import { createNfsMounts } from './nfs-mounts.ts';
import { isKept, isStorage, memoryDirOf, planVolumes } from './plan-volumes.ts';
import { createPodStorage } from './pod-storage.ts';
import { createStorageMounts } from './storage-mounts.ts';
import { createSubPathMounts } from './sub-path-mounts.ts';
import { createAppliedPlans, digestOf } from './unchanged.ts';
import { createVolumeDirectories } from './volume-directories.ts';

export interface DiskPodVolumesOptions {
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
  readonly clusterDomain: string;
  /** Address of the cluster's DNS, once it has one. */
  readonly clusterDns?: string;
  /** Mounts exports. Default: the system's. */
  readonly mounter?: NetworkMounter;
}

/** The directory of the node's local volumes, in the agent's. */
export const VOLUMES = 'volumes';

export function createDiskPodVolumes(options: DiskPodVolumesOptions): PodVolumes {
  const { client, clock, clusterDomain } = options;
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
  const podSources = createPodSources({ client, through: kept.through });
  const tokens = createPodTokens({ rng: systemRng, ...options, through: kept.through });
  const uidOf = (pod: Pod): string => pod.metadata.uid ?? '';
  /** Pods are brought up to date together. */
  const shared = createSharedReads();
  const hostFile = (path: string): Promise<string> =>
    shared.read(path, () => readFile(path, 'utf8').catch(() => ''));

  return {
    async ensure(pod, place) {
      try {
        const mounted = await podStorage.of(uidOf(pod));
        const [sources, current, runtimeHandler] = await Promise.all([
          podSources.ofVolumes(pod, new Set(mounted.keys())),
          tokens.tokensOf(pod),
          podSources.handlerOf(pod),
        ]);
        const memoryDir = (await canMount()) ? memoryDirOf(podsDir) : undefined;
        const canChown = options.isRoot;
        const volumesDir = directories.root;
        const plan = planVolumes({
          ...{ pod, podsDir, memoryDir, volumesDir, place, ...sources, tokens: current, canChown, mounted },
        });
        if (!plan.ok) throw new StepProblem(plan.reason, plan.message, { also: plan.also });
        const files = podFilePaths(podsDir, uidOf(pod));
        const [nodeHosts, nodeResolv] = await Promise.all([
          hostFile('/etc/hosts'),
          hostFile('/etc/resolv.conf'),
        ]);
        const node = parseResolvConf(nodeResolv);
        const resolver = planResolverConfig({ pod, clusterDomain, clusterDns: options.clusterDns, node });
        const texts = {
          hosts: renderHosts({ pod, podIp: place.podIp, clusterDomain, nodeHosts }),
          resolvConf: renderResolvConf(resolver),
        };
        const digest = digestOf(plan.volumes, Object.values(texts));
        // Whatever storage leads to may hang, and is not the agent's.
        const own = plan.volumes.filter((volume) => !isStorage(volume));
        const storagePlans = plan.volumes.filter(isKept);
        podStorage.begin(uidOf(pod), storagePlans);
        const paths = [...own.map(contentPath), files.hosts, files.resolvConf];
        await plans.ensure(uidOf(pod), { digest, paths }, async () => {
          const applied = await store.apply(plan.volumes, mounted);
          if (!applied.ok) throw new StepProblem(applied.reason, applied.message);
          await podStorage.save(uidOf(pod), storagePlans);
          await writePodFiles(files, texts);
        });
        return {
          volumePaths: plan.paths,
          agentVolumes: plan.agentVolumes,
          readOnlyVolumes: plan.readOnlyVolumes,
          files,
          ...(runtimeHandler === undefined ? {} : { runtimeHandler }),
        };
      } catch (error) {
        throw mountProblem(error);
      }
    },
    async environment(pod, container) {
      return { sources: await podSources.ofEnvironment(pod, container), serviceEnv: [] };
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

/**
 * A control plane process of the simulation: src/server/generation.ts with the memory store for
 * Redis, memory queues for BullMQ, the in-memory repository for Git, and no sockets. It replaces
 * its generation when the store loses its history, as src/server/control-plane.ts does; it can be
 * stopped in order, and killed.
 */
import { anySignal, createAbort } from '../../src/base/abort.ts';
import { SYNC_USER } from '../../src/diff/tracking.ts';
import { type ResourceCore, createResourceCore } from '../../src/resources/resource-core.ts';
import { type Clock, sleep } from '../../src/base/clock.ts';
import { defectLogger } from '../doubles/defect-logger.ts';
import { type Rng, nameSuffix } from '../../src/base/rng.ts';
import { createMemoryQueues } from '../doubles/memory-queues.ts';
import { systemAuthor } from '../../src/schemas/applications/application-author.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { createClusterCondition } from '../../src/server/history/cluster-condition.ts';
import type { DataDir } from '../../src/server/start/data-dir.ts';
import { openHistory } from '../../src/server/history/history.ts';
import { type LeaderParts, startLeaderLoops } from '../../src/server/leader-loops.ts';
import { LEASE_NAMESPACE, leaseAgeMs } from '../../src/controllers/node-lifecycle/plan-lease-renewals.ts';
import { objectKey } from '../../src/schemas/object.ts';
import type { Lease } from '../../src/schemas/types.ts';
import { createCacheSet } from '../../src/store/cache/cache-set.ts';
import { runWithLeadership } from '../../src/store/leader.ts';
import type { MemoryData } from '../doubles/memory-store/memory-data.ts';
import type { MemoryStore } from '../doubles/memory-store/memory-store.ts';
import { createPlacementProofs } from '../../src/resources/writing/placement-proof.ts';
import type { Store } from '../../src/store/types.ts';
import { createCommitStatusPoster } from '../../src/sync/forge/commit-status-poster.ts';
import { createNotes } from '../../src/sync/forge/notes.ts';
import type { GitMirror } from '../../src/sync/git/types.ts';
import { rootApplication } from '../../src/sync/root-application.ts';
import type { SimLedger } from './sim-ledger.ts';
import { type SimStore, createSimStore } from './sim-store.ts';

export const SIM_REPO_URL = 'https://git.example/acme/shop.git';
export const SIM_CLUSTER_CIDR = '10.244.0.0/16';
export const SIM_POLL_MS = 30_000;
const LEASE = 'control-plane';
const LEASE_TTL_MS = 9_000;
const RESTART_MS = 1_000;
/** As `--node-grace-period`. */
const NODE_GRACE_MS = 4_000;
/** Outlives the store, as the key file does. */
const STORE_KEY = Buffer.alloc(32, 7);

export interface SimControlPlane {
  /** The API of the running generation, and a signal of its end; undefined while there is none. */
  readonly api:
    | {
        readonly core: ResourceCore;
        readonly ended: AbortSignal;
        readonly sinceMs: number;
        /** Hears an agent; answers how old its Lease is, as a ping does. */
        hear(node: string): number | undefined;
      }
    | undefined;
  /** Share of jobs that vanish or run twice from now on. */
  setQueueFaults(share: number): void;
  start(): void;
  /** In order, as after SIGTERM. */
  stop(): Promise<void>;
  /** As after SIGKILL: nothing more is written, leases stay as they are. */
  kill(): Promise<void>;
  /** A webhook. */
  refresh(): void;
}

export interface SimControlPlaneOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly data: MemoryData;
  readonly ledger: SimLedger;
  readonly createMirror: () => GitMirror;
  readonly corruptStore?: ((store: MemoryStore) => Store) | undefined;
  readonly corruptParts?: ((parts: LeaderParts) => LeaderParts) | undefined;
}

interface SimGeneration {
  readonly startedAtMs: number;
  hear(node: string): number | undefined;
  readonly core: ResourceCore;
  readonly ended: AbortController;
  readonly store: SimStore;
  readonly refresh: () => void;
  readonly lost: Promise<string>;
  dispose(): Promise<void>;
}

export function createSimControlPlane(options: SimControlPlaneOptions): SimControlPlane {
  const { clock, rng, ledger } = options;
  const dataDir = createMemoryDataDir();
  const queueFaults = { rng, loseShare: 0, duplicateShare: 0 };
  let generation: SimGeneration | undefined;
  let starting: Promise<SimGeneration> | undefined;
  /** For processes: the life of one ends with stop or kill. */
  let life = 0;

  async function startGeneration(): Promise<SimGeneration> {
    const logger = defectLogger;
    const undo: AsyncDisposable[] = [];
    const keep = <T extends AsyncDisposable>(part: T): T => {
      undo.push(part);
      return part;
    };
    const store = keep(
      createSimStore({ clock, rng, data: options.data, ledger, corrupt: options.corruptStore }),
    );
    const history = keep(await openHistory({ store, dataDir, clock, rng, logger, agentsMayExist: false }));
    const condition = createClusterCondition(history.phase);
    const registry = builtinRegistry;
    const caches = keep(createCacheSet({ store, clock, logger }));
    const proofs = createPlacementProofs(STORE_KEY);
    const queues = keep(createMemoryQueues({ clock, logger, faults: queueFaults }));
    const core = keep(
      createResourceCore({
        store,
        caches,
        registry,
        clock,
        rng,
        logger,
        proofs,
        // Workloads of the simulation use ports of their hosts.
        policy: { defaultPodSecurity: 'privileged' },
      }),
    );
    const leases = await caches.open<Lease>('leases.coordination.k8s.io');
    const heardAtMs = new Map<string, number>();
    const heartbeats = async (): Promise<ReadonlyMap<string, number>> =>
      new Map([...heardAtMs].map(([node, atMs]) => [node, clock.now() - atMs]));
    const abort = createAbort();
    const sync = { name: SYNC_USER, groups: [] };
    const parts: LeaderParts = {
      store,
      caches,
      writer: core.as({ user: { name: 'system:kube-controller-manager', groups: [] } }),
      syncWriter: core.as({ user: sync, author: systemAuthor }),
      delegate: (author, confinedTo) => core.as({ user: sync, author, confinedTo }),
      queues,
      registry,
      clock,
      rng,
      logger,
      condition,
      proofs,
      controllers: {
        podNetwork: { clusterCidr: SIM_CLUSTER_CIDR, nodePrefix: 24 },
        caBundle: 'simulated',
        nodeHealth: { gracePeriodMs: NODE_GRACE_MS, heartbeats },
      },
      sync: { createMirror: options.createMirror, pollIntervalMs: SIM_POLL_MS },
      rootApplication: rootApplication({ repoURL: SIM_REPO_URL }),
      expectedNodes: history.expectedNodes,
    };
    let refresh = (): void => undefined;
    const leading = runWithLeadership({
      store,
      lease: LEASE,
      holder: `sim_${nameSuffix(rng)}`,
      clock,
      ttlMs: LEASE_TTL_MS,
      logger,
      signal: abort.signal,
      async lead(fence, signal) {
        const stop = createAbort();
        const ends = anySignal(signal, stop.signal);
        const chosen = options.corruptParts?.(parts) ?? parts;
        const loops = await startLeaderLoops(chosen, fence, ends, () => stop.abort());
        const reporting = await createCommitStatusPoster({
          store,
          caches,
          queues,
          forge: createNotes({ mirrorOf: options.createMirror, nowMs: () => clock.now() }),
          environment: 'default',
          clock,
          logger,
        });
        const root = 'symphony-system/root';
        refresh = () =>
          void queues
            .queue('sync')
            .add({ application: root, reason: 'webhook' }, { key: root })
            .catch(() => undefined);
        const nodes = await caches.open('nodes');
        const remember = (): void => {
          if (condition.mayAct()) history.rememberNodes(nodes);
        };
        remember();
        const changes = condition.onChange(remember);
        await new Promise<void>((resolve) => {
          if (ends.aborted) resolve();
          ends.addEventListener('abort', () => resolve(), { once: true });
        });
        refresh = () => undefined;
        changes[Symbol.dispose]();
        await reporting[Symbol.asyncDispose]();
        await loops[Symbol.asyncDispose]();
      },
    });
    leading.catch(() => undefined);
    const ended = createAbort();
    let disposing: Promise<void> | undefined;
    async function dispose(): Promise<void> {
      ended.abort();
      abort.abort();
      await leading.catch(() => undefined);
      for (const part of undo.reverse()) await part[Symbol.asyncDispose]();
    }
    return {
      startedAtMs: clock.now(),
      hear(node) {
        heardAtMs.set(node, clock.now());
        return leaseAgeMs(leases.get(objectKey(LEASE_NAMESPACE, node)), node, clock.now());
      },
      core,
      ended,
      store,
      refresh: () => refresh(),
      lost: history.lost,
      dispose: () => (disposing ??= dispose()),
    };
  }

  async function live(ofLife: number): Promise<void> {
    while (life === ofLife) {
      let current: SimGeneration;
      try {
        current = await (starting = startGeneration());
      } catch {
        // The process ends, and is started again by whoever looks after it.
        await sleep(clock, RESTART_MS);
        continue;
      }
      if (life !== ofLife) {
        await current.dispose();
        return;
      }
      generation = current;
      await current.lost;
      if (life !== ofLife) return;
      generation = undefined;
      await current.dispose();
    }
  }

  async function end(how: 'stop' | 'kill'): Promise<void> {
    life += 1;
    const current = generation ?? (await starting?.catch(() => undefined));
    generation = undefined;
    starting = undefined;
    if (how === 'kill') current?.store.kill();
    await current?.dispose();
  }

  return {
    get api() {
      if (!generation) return undefined;
      const { core, ended, startedAtMs, hear } = generation;
      return { core, ended: ended.signal, sinceMs: startedAtMs, hear };
    },
    setQueueFaults(share) {
      queueFaults.loseShare = share;
      queueFaults.duplicateShare = share;
    },
    start() {
      life += 1;
      void live(life);
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
    refresh: () => generation?.refresh(),
  };
}

function createMemoryDataDir(): DataDir {
  const files = new Map<string, string>();
  return {
    root: '/nonexistent',
    redis: '/nonexistent/redis',
    identity: '/nowhere',
    serving: '/nowhere',
    tls: '/nonexistent/tls',
    mirrors: '/nonexistent/mirrors',
    kubeconfig: '/nonexistent/kubeconfig',
    agent: (nodeName) => `/nonexistent/agents/${nodeName}`,
    read: async (name) => files.get(name),
    write: async (name, text) => void files.set(name, text),
  };
}

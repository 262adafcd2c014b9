/**
 * A whole cluster in one process, on one simulated clock and one seed: control plane, nodes,
 * repository, and the ledger of what happened. The simulation drives it; nothing here decides at
 * random.
 */
import { createHash } from 'node:crypto';
import { createLocalClient } from '../doubles/local-client.ts';
import { type Rng, seededRng } from '../../src/base/rng.ts';
import type { ApiClient } from '../../src/client/types.ts';
import type { FakeRuntime } from '../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import type { FakeProgram } from '../../src/node-agent/runtime/fake/fake-container.ts';
import type { ContainerRuntime, ContainerSpec } from '../../src/node-agent/runtime/types.ts';
import type { LeaderParts } from '../../src/server/leader-loops.ts';
import { createMemoryData, type MemoryData, wipeMemoryData } from '../doubles/memory-store/memory-data.ts';
import type { MemoryStore } from '../doubles/memory-store/memory-store.ts';
import type { Store } from '../../src/store/types.ts';
import { createMemoryRepository, type MemoryRepository } from '../doubles/memory-mirror.ts';
import type { GitMirror } from '../../src/sync/git/types.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createSimControlPlane, type SimControlPlane } from './sim-control-plane.ts';
import { createSimLedger, type Report, type SimLedger } from './sim-ledger.ts';
import type { PersistentVolume } from '../../src/schemas/types.ts';
import type { PodVolumes } from '../../src/node-agent/volumes/pod-volumes.ts';
import type { NodeAccess } from './sim-node-client.ts';
import { createSimNode, type EngineCall, type SimNode } from './sim-node.ts';

export interface EngineEvent {
  readonly node: string;
  readonly call: EngineCall;
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/** Test-only wrappers that break a rule: each must be caught. */
export interface PlantedBug {
  readonly store?: (store: MemoryStore) => Store;
  readonly parts?: (parts: LeaderParts) => LeaderParts;
  readonly mirror?: (mirror: GitMirror) => GitMirror;
  readonly runtime?: (runtime: ContainerRuntime, engine: FakeRuntime) => ContainerRuntime;
  readonly volumes?: (volumes: PodVolumes) => PodVolumes;
  /** Groups of every agent beside those of nodes. */
  readonly nodeGroups?: readonly string[];
}

/** The repository as the sync worker saw it. */
export interface Fetched {
  readonly commit: string;
  readonly atMs: number;
}

export interface SimWorld extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly data: MemoryData;
  readonly ledger: SimLedger;
  readonly repository: MemoryRepository;
  readonly controlPlane: SimControlPlane;
  readonly nodes: readonly SimNode[];
  /** Revisions that the sync worker resolved, oldest first. */
  readonly resolved: readonly Fetched[];
  /** kubectl; undefined while the control plane is down. */
  kubectl(): ApiClient | undefined;
  onEngine(listener: (event: EngineEvent) => void): void;
  /** Every request of a node that was let through. */
  onAccess(listener: (access: NodeAccess) => void): void;
  /** Before a node removes the directory of a volume. */
  onVolumeRemoval(listener: (node: string, volume: PersistentVolume) => void): void;
  /** The events since the last check, for checks that need to run only then. */
  readonly activity: number;
  hash(): string;
  /** All data is lost, as by FLUSHALL. */
  wipe(): void;
}

export interface SimWorldOptions {
  readonly seed: number;
  readonly nodes: readonly {
    readonly name: string;
    readonly cpus: number;
    readonly labels: Readonly<Record<string, string>>;
  }[];
  readonly programOf: (spec: ContainerSpec) => FakeProgram;
  readonly pullable: (reference: string) => boolean;
  readonly report: Report;
  readonly onSettled: () => void;
  readonly bug?: PlantedBug | undefined;
}

/** Sets the randomness of the system apart from the randomness of what happens to it. */
const SYSTEM_SEED = 0x5eed;

export function createSimWorld(options: SimWorldOptions): SimWorld {
  const { bug } = options;
  const clock = createFakeClock(undefined, { settleRounds: 1, onSettled: options.onSettled });
  const rng: Rng = seededRng(options.seed ^ SYSTEM_SEED);
  const data = createMemoryData({ clock });
  const ledger = createSimLedger(clock, data, options.report);
  const repository = createMemoryRepository(clock);
  const resolved: Fetched[] = [];
  const engineListeners: ((event: EngineEvent) => void)[] = [];
  const accessListeners: ((access: NodeAccess) => void)[] = [];
  const removalListeners: ((node: string, volume: PersistentVolume) => void)[] = [];
  const digest = createHash('sha1');
  let activity = 0;

  const createMirror = (): GitMirror => {
    const plain = repository.createMirror();
    const mirror = bug?.mirror?.(plain) ?? plain;
    return {
      ...mirror,
      async resolve(revision) {
        const commit = await mirror.resolve(revision);
        if (resolved.at(-1)?.commit !== commit) resolved.push({ commit, atMs: clock.now() });
        return commit;
      },
    };
  };
  const controlPlane = createSimControlPlane({
    clock,
    rng,
    data,
    ledger,
    createMirror,
    corruptStore: bug?.store,
    corruptParts: bug?.parts,
  });
  const onCall = (node: string, call: EngineCall, labels: EngineEvent['labels']): void => {
    activity += 1;
    digest.update(`${clock.now()} ${node} ${call} ${labels?.['io.kubernetes.pod.uid'] ?? ''}\n`);
    for (const listener of engineListeners) listener({ node, call, labels });
  };
  const nodes = options.nodes.map(({ name, cpus, labels }) =>
    createSimNode({
      name,
      cpus,
      labels,
      clock,
      rng,
      controlPlane,
      programOf: options.programOf,
      pullable: options.pullable,
      onCall,
      corruptRuntime: bug?.runtime,
      corruptVolumes: bug?.volumes,
      extraGroups: bug?.nodeGroups,
      onAccess(access) {
        for (const listener of accessListeners) listener(access);
      },
      onVolumeRemoval(node, volume) {
        for (const listener of removalListeners) listener(node, volume);
      },
    }),
  );
  ledger.onEvent(({ type, resource, key, version }) => {
    activity += 1;
    digest.update(`${clock.now()} ${type} ${resource} ${key} ${version}\n`);
  });

  return {
    clock,
    data,
    ledger,
    repository,
    controlPlane,
    nodes,
    resolved,
    kubectl() {
      const { api } = controlPlane;
      const user = { name: 'admin', groups: ['system:masters'] };
      return api && createLocalClient(api.core, { user, actions: api.core.actions });
    },
    onEngine: (listener) => void engineListeners.push(listener),
    onAccess: (listener) => void accessListeners.push(listener),
    onVolumeRemoval: (listener) => void removalListeners.push(listener),
    get activity() {
      return activity;
    },
    wipe: () => wipeMemoryData(data),
    hash: () => digest.copy().digest('hex'),
    async [Symbol.asyncDispose]() {
      const stopping = [controlPlane.stop(), ...nodes.map((node) => node.stop())];
      await clock.advance(60_000);
      await Promise.all(stopping);
      await Promise.all(nodes.map(({ engine }) => engine[Symbol.asyncDispose]()));
    },
  };
}

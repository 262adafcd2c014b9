/**
 * A node of the simulation: the real agent on the fake engine. The engine, the records and the
 * volumes outlive the agent; the link to the control plane can break, and lose answers; every call
 * that changes something at the engine is recorded and checked (invariants 3 and 4).
 */
import { anySignal, createAbort } from '../../src/base/abort.ts';
import { type Clock, sleep, type Timer } from '../../src/base/clock.ts';
import { TransientError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { Rng } from '../../src/base/rng.ts';
import type { ResourceCore } from '../../src/resources/resource-core.ts';
import type { ApiClient } from '../../src/client/types.ts';
import type { PersistentVolume } from '../../src/schemas/types.ts';
import { type NodeAgent, createNodeAgent } from '../../src/node-agent/agent.ts';
import { createMemoryPodVolumes } from '../../src/node-agent/volumes/memory-pod-volumes.ts';
import { createPodSources } from '../../src/node-agent/pods/pod-sources.ts';
import type { TunnelListener } from '../../src/node-agent/tunnel/keep-tunnel.ts';
import type { PodVolumes } from '../../src/node-agent/volumes/pod-volumes.ts';
import { createPodTokens } from '../../src/node-agent/identity/service-account-tokens.ts';
import { createKeptInMemory, simTokenActions } from './sim-tokens.ts';
import { pretendedProbeIo } from '../../src/node-agent/probes/pretended-probe-io.ts';
import { createMemoryRecordStore } from './memory-record-store.ts';
import {
  type FakeRuntime,
  createFakeRuntime,
} from '../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import type { FakeProgram } from '../../src/node-agent/runtime/fake/fake-container.ts';
import { type ContainerRuntime, type ContainerSpec, labelKeys } from '../../src/node-agent/runtime/types.ts';
import { SIM_CLUSTER_CIDR, type SimControlPlane } from './sim-control-plane.ts';
import { type NodeAccess, createNodeClient } from './sim-node-client.ts';

export const SIM_CLUSTER = 'sim';

export type EngineCall = 'create' | 'start' | 'stop' | 'kill' | 'remove' | 'exec';

export interface SimNode {
  readonly name: string;
  readonly engine: FakeRuntime;
  /** The API with the node's credential. */
  readonly client: ApiClient;
  /** When the agent last reached the control plane: over what stands for its tunnel, or by a request. */
  readonly heardAtMs: number;
  /** While true, the control plane is out of reach. */
  partitioned: boolean;
  /** Ends the agent, not the containers, and starts another on the same records. */
  restart(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface SimNodeOptions {
  readonly name: string;
  readonly cpus: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly controlPlane: SimControlPlane;
  readonly programOf: (spec: ContainerSpec) => FakeProgram;
  readonly pullable: (reference: string) => boolean;
  /**
   * After each call that changes something. `labels` are the container's, undefined when there is
   * none.
   */
  readonly onCall: (
    node: string,
    call: EngineCall,
    labels: Readonly<Record<string, string>> | undefined,
  ) => void;
  readonly onAccess: (access: NodeAccess) => void;
  /** Before the directory of a volume is removed. */
  readonly onVolumeRemoval: (node: string, volume: PersistentVolume) => void;
  /** Groups of the agent beside those of nodes. */
  readonly extraGroups?: readonly string[] | undefined;
  readonly corruptVolumes?: ((volumes: PodVolumes) => PodVolumes) | undefined;
  readonly corruptRuntime?:
    | ((runtime: ContainerRuntime, engine: FakeRuntime) => ContainerRuntime)
    | undefined;
}

const MAX_NETWORK_DELAY_MS = 5;
const PING_MS = 1_000;

export function createSimNode(options: SimNodeOptions): SimNode {
  const { name, clock, rng } = options;
  const engine = createFakeRuntime({
    clock,
    rng,
    cluster: SIM_CLUSTER,
    node: name,
    info: { cpus: options.cpus, memoryBytes: 8 * 1024 ** 3 },
    latencies: { createMs: 40, startMs: 60, removeMs: 20, pullMs: 400, lookMs: 2 },
    programOf: options.programOf,
    pullable: options.pullable,
  });
  const watched = watchedRuntime(engine, (call, labels) => options.onCall(name, call, labels));
  const runtime = options.corruptRuntime?.(watched, engine) ?? watched;
  const records = createMemoryRecordStore();
  const link = { down: false };
  const linkDown = { current: createAbort() };
  let heardAtMs = Number.NEGATIVE_INFINITY;
  const client = linkedClient(
    options,
    link,
    () => linkDown.current.signal,
    () => (heardAtMs = clock.now()),
  );
  // They outlive the agent, as the disk does.
  const plain = createMemoryPodVolumes({
    volumesDir: `/nonexistent/${name}/volumes`,
    sources: createPodSources({ client, through: createKeptInMemory() }),
    tokens: createPodTokens({ client, clock, rng, logger: silentLogger, through: createKeptInMemory() }),
  });
  const told: PodVolumes = {
    ...plain,
    directories: {
      ...plain.directories,
      async remove(volume) {
        options.onVolumeRemoval(name, volume);
        await plain.directories.remove(volume);
      },
    },
  };
  const volumes = options.corruptVolumes?.(told) ?? told;
  const make = (): NodeAgent =>
    createNodeAgent({
      client,
      runtime,
      clock,
      rng,
      logger: silentLogger,
      nodeName: name,
      nodeIp: `192.0.2.${Number(name.replace(/\D/g, '')) + 10}`,
      cluster: SIM_CLUSTER,
      records,
      volumes,
      probeIo: pretendedProbeIo,
      labels: () => options.labels,
      network: { name: `symphony-${SIM_CLUSTER}`, subnet: SIM_CLUSTER_CIDR, gateway: '10.244.0.1' },
      signs: (listener) => pinged(listener),
    });
  /** Pings every second while the control plane is in reach. */
  function pinged({ onHeard, onLease }: TunnelListener): AsyncDisposable {
    let previousMs: number | undefined;
    let timer: Timer;
    const tick = (): void => {
      const api = link.down ? undefined : options.controlPlane.api;
      onHeard(api !== undefined);
      if (api) {
        heardAtMs = clock.now();
        const ageMs = api.hear(name);
        if (previousMs !== undefined) onLease(previousMs - (ageMs ?? Number.POSITIVE_INFINITY));
      }
      previousMs = api && clock.now();
      timer = clock.setTimer(tick, PING_MS);
    };
    tick();
    return { [Symbol.asyncDispose]: async () => timer.cancel() };
  }
  let agent: NodeAgent | undefined;

  async function stop(): Promise<void> {
    const ending = agent;
    agent = undefined;
    await ending?.[Symbol.asyncDispose]();
  }
  async function start(): Promise<void> {
    agent = make();
    await agent.start();
  }
  return {
    name,
    engine,
    client,
    get heardAtMs() {
      return heardAtMs;
    },
    get partitioned() {
      return link.down;
    },
    set partitioned(down) {
      if (down === link.down) return;
      link.down = down;
      if (down) linkDown.current.abort();
      else linkDown.current = createAbort();
    },
    start,
    stop,
    async restart() {
      await stop();
      await start();
    },
  };
}

/**
 * The engine as the agent has it: what changes something is told afterwards, with the labels of the
 * container.
 */
function watchedRuntime(
  engine: FakeRuntime,
  tell: (call: EngineCall, labels: Readonly<Record<string, string>> | undefined) => void,
): ContainerRuntime {
  const labelsOf = (id: string): Readonly<Record<string, string>> | undefined => engine.spec(id)?.labels;
  const around = async <T>(call: EngineCall, id: string, action: () => Promise<T>): Promise<T> => {
    const labels = labelsOf(id);
    if (labels) tell(call, labels);
    try {
      return await action();
    } finally {
      if (call === 'start' && labels) tell(call, labels);
    }
  };
  return {
    ...engine,
    async ensureSandbox(spec) {
      const id = await engine.ensureSandbox(spec);
      for (const call of ['create', 'start'] as const) tell(call, labelsOf(id));
      return id;
    },
    stopSandbox: (id) => around('stop', id, () => engine.stopSandbox(id)),
    removeSandbox: (id) => around('remove', id, () => engine.removeSandbox(id)),
    async create(spec, sandbox) {
      const id = await engine.create(spec, sandbox);
      tell('create', labelsOf(id));
      return id;
    },
    start: (id) => around('start', id, () => engine.start(id)),
    stop: (id, graceSeconds) => around('stop', id, () => engine.stop(id, graceSeconds)),
    kill: (id, signal) => around('kill', id, () => engine.kill(id, signal)),
    remove: (id) => around('remove', id, () => engine.remove(id)),
    exec: (id, command, execOptions) => around('exec', id, () => engine.exec(id, command, execOptions)),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function linkedClient(
  { name, clock, rng, controlPlane, extraGroups, onAccess }: SimNodeOptions,
  link: { readonly down: boolean },
  linkSignal: () => AbortSignal,
  onRequest: () => void,
): ApiClient {
  const groups = ['system:nodes', 'system:authenticated', ...(extraGroups ?? [])];
  const user = { name: `system:node:${name}`, groups };
  const away = (): TransientError => new TransientError('The control plane cannot be reached');
  let latest: { readonly core: ResourceCore; readonly client: ApiClient } | undefined;
  function clientOf(core: ResourceCore): ApiClient {
    if (latest?.core !== core) {
      const actions = simTokenActions(core, rng);
      latest = { core, client: createNodeClient({ core, node: name, user, actions, onAccess }) };
    }
    return latest.client;
  }
  const reach = (): { readonly client: ApiClient; readonly ended: AbortSignal } => {
    const { api } = controlPlane;
    if (link.down || !api) throw away();
    return { client: clientOf(api.core), ended: api.ended };
  };
  const delay = (): Promise<void> => sleep(clock, Math.floor(rng.next() * (MAX_NETWORK_DELAY_MS + 1)));

  async function call<T>(request: (client: ApiClient) => Promise<T>): Promise<T> {
    reach();
    await delay();
    const { client, ended } = reach();
    onRequest();
    const answer = await request(client);
    await delay();
    // It was done all the same: the agent must cope with not knowing.
    if (ended.aborted || link.down) throw away();
    return answer;
  }

  return {
    get: (...args) => call((client) => client.get(...args)),
    list: (...args) => call((client) => client.list(...args)),
    create: (...args) => call((client) => client.create(...args)),
    update: (...args) => call((client) => client.update(...args)),
    patch: (...args) => call((client) => client.patch(...args)),
    delete: (...args) => call((client) => client.delete(...args)),
    clusterState: () => call((client) => client.clusterState()),
    restorePods: (node, pods) => call((client) => client.restorePods(node, pods)),
    report: (node, objects) => call((client) => client.report(node, objects)),
    async *watch(resource, watched) {
      const { client, ended } = reach();
      const broken = anySignal(ended, linkSignal());
      const signal = anySignal(watched.signal, broken);
      for await (const event of client.watch(resource, { ...watched, signal })) yield event as never;
      if (broken.aborted && !watched.signal.aborted) throw away();
    },
  };
}

/** The pod and the container that an engine's container stands for; undefined for a sandbox. */
export function containerKeyOf(labels: Readonly<Record<string, string>>): string {
  return `${labels[labelKeys.podUid] ?? ''}/${labels[labelKeys.containerName] ?? ''}`;
}

/**
 * The node agent: one per container engine. Puts the parts together and passes news between them: pods from the source to
 * their workers, engine events to the worker they belong to, the node's state to the API.
 *
 * Fail static: with the control plane away it goes on from its records; after its own restart it takes over what runs
 * without touching it. It handles only containers that carry our cluster's and node's labels (the runtime sees to that).
 */
import { createAbort } from '../base/abort.ts';
import { cidrContains } from '../base/cidr.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { type EventRecorder, apiEventSink, createEventRecorder } from '../client/event-recorder.ts';
import type { Connection } from '../client/connection.ts';
import { createReflector } from '../client/reflector.ts';
import { type ApiClient, resources } from '../client/types.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { Node, Pod } from '../schemas/types.ts';
import { watchContact } from './node/control-plane-contact.ts';
import { createEngineFollower } from './pods/follow-engine.ts';
import { createImageSource } from './images/image-source.ts';
import { createImageManager } from './images/create-image-manager.ts';
import { createNodeReporter } from './node/node-reporter.ts';
import type { PodSecurityLevel } from '../schemas/pod-security/types.ts';
import { planAdmission } from './node/plan-admission.ts';
import type { MachineUsage } from './node/plan-pressure.ts';
import { type EngineShare, WHOLE_ENGINE } from './node/plan-share.ts';
import { createPodAddresses } from './node/pod-addresses.ts';
import { createPodNetwork } from './node/pod-network.ts';
import type { Routes } from './node/read-routes.ts';
import { createPodWorker } from './pod/pod-worker.ts';
import type { PodWorker, PodWorkerContext } from './pod/types.ts';
import { createStatusWriter } from './pod/status-writer.ts';
import { createPodRegistry } from './pods/pod-registry.ts';
import { createPodResources } from './container-spec/pod-resources.ts';
import { createPodSource } from './pods/pod-source.ts';
import type { PodVolumes } from './volumes/pod-volumes.ts';
import type { AgentMemory, PodRecord, RecordStore } from './ports.ts';
import { createRunHook, createRunProbe, type HandlerContext } from './probes/handlers.ts';
import type { ProbeIo } from './probes/probe-io.ts';
import { type ContainerRuntime, type ContainerStats, labelKeys } from './runtime/types.ts';
import { openTunnel } from './tunnel/keep-tunnel.ts';

export interface NodeAgentOptions {
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly cluster: string;
  readonly records: RecordStore;
  readonly volumes: PodVolumes;
  readonly probeIo: ProbeIo;
  /** Answers a probe that is not to be run; undefined for one that is. */
  readonly decideProbe?: HandlerContext['decideProbe'];
  /** The one network of all pods of the cluster on this engine. */
  readonly network: { readonly name: string; readonly subnet: string; readonly gateway: string };
  readonly clusterDomain?: string;
  /** The most that a pod may be on this node; everything, unless said. */
  readonly maxPodSecurity?: PodSecurityLevel;
  /** Kernel settings that pods may have here beyond the safe ones; none, unless said. */
  readonly allowedUnsafeSysctls?: readonly string[];
  /** The part of the engine's machine that this node counts as its own; all of it, unless said. */
  readonly share?: EngineShare;
  readonly labels?: Readonly<Record<string, string>>;
  readonly version?: string;
  /** How full the machine is, for the node's pressure conditions. */
  readonly readUsage?: () => Promise<MachineUsage>;
  /** This machine's routes, where its engine is on it: pods are refused whose addresses lead elsewhere. */
  readonly routes?: Routes;
  /** Where to open the tunnel for logs and exec; without it there is none (simulation). */
  readonly tunnel?: Pick<Connection, 'upgrade'> & Partial<Pick<Connection, 'onRenewal'>>;
}

export interface NodeAgent extends AsyncDisposable {
  /** Resolves when the records are read and the loops run; pods follow as the control plane answers. */
  start(): Promise<void>;
  /** Resolves when the control plane shows this node with its state, and when the agent is disposed. */
  readonly reported: Promise<void>;
  /** Why the control plane does not show this node as ready; undefined when it does. */
  readonly problem: string | undefined;
  /** For the tunnel: the pod as this node has it. */
  findPod(namespace: string, name: string): PodWorker | undefined;
  readonly pods: readonly PodWorker[];
  readonly synced: boolean;
}

const DEFAULT_VERSION = 'v0.1.0+symphony';

export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { runtime, clock, nodeName, share = WHOLE_ENGINE } = options;
  const logger = options.logger.child({ component: 'node-agent', node: nodeName });
  const client = watchContact(options.client, clock, logger);
  const stop = createAbort();
  let memory: AgentMemory = {};
  let node: Node | undefined;
  let tunnel: AsyncDisposable | undefined;

  const events: EventRecorder = createEventRecorder({
    sink: apiEventSink(client),
    clock,
    logger,
    source: { component: 'kubelet', host: nodeName },
  });
  const statuses = createStatusWriter({ client, clock, logger, signal: stop.signal });
  const network = createPodNetwork({
    runtime,
    clock,
    logger,
    network: options.network,
    routes: options.routes,
    addresses: () => addresses.all,
    onMended: retryPods,
  });
  const addresses = createPodAddresses({
    verify: network.verify,
    reserved: [options.network.gateway],
    onFree: retryPods,
  });
  const reporter = createNodeReporter({
    client,
    runtime,
    clock,
    logger,
    nodeName,
    nodeIp: options.nodeIp,
    labels: options.labels ?? {},
    share,
    agentVersion: options.version ?? DEFAULT_VERSION,
    ...(options.readUsage ? { readUsage: options.readUsage } : {}),
    // Without pods there is nothing to keep: another node may have got the slice meanwhile.
    podCidr: () =>
      registry.workers.some(({ finished, ip }) => !finished && ip !== undefined) ? memory.podCidr : undefined,
    node: () => node,
    onNode,
    checkNetwork: async () => {
      await network.check();
      return network.problem;
    },
    beforeRegister: () => source.restore(),
    event: (about, told) => events.record({ about, ...told }),
    onRuntime(up) {
      if (up && !registry.listed) engine.relist();
    },
  });
  const images = createImageManager({ runtime, clock, logger });
  const handlers = {
    runtime,
    io: options.probeIo,
    clock,
    hostIp: options.nodeIp,
    decideProbe: options.decideProbe,
    networkProblem: () => network.problem,
  };
  const context: PodWorkerContext = {
    runtime,
    clock,
    rng: options.rng,
    logger,
    resources: createPodResources({
      volumes: options.volumes,
      cluster: options.cluster,
      nodeName,
      nodeIp: options.nodeIp,
      network: options.network.name,
      share,
      clusterDomain: options.clusterDomain ?? 'cluster.local',
      info: () => reporter.info,
    }),
    images: createImageSource(images, client, logger),
    addresses,
    statuses,
    hostIp: options.nodeIp,
    runHook: createRunHook(handlers),
    runProbe: createRunProbe(handlers),
    recordEvent: (pod, event) => events.record({ about: pod, ...event }),
    save: (uid, record, durable) => options.records.savePod(uid, record, durable),
    ready: () => registry.listed,
    deleteObject,
    onGone(uid) {
      registry.forget(uid);
      void options.records.deletePod(uid);
    },
  };
  const registry = createPodRegistry({
    logger,
    createWorker: (record) => createPodWorker(context, record),
    admit,
    claimAddress: (uid, ip) => addresses.claim(uid, ip),
    wantedAreKnown: () => source.synced,
  });
  const engine = createEngineFollower({
    runtime,
    clock,
    logger,
    isKnown(uid, id) {
      const worker = registry.get(uid);
      return (
        worker !== undefined && (worker.isStarting(id) || worker.records.some((known) => known.id === id))
      );
    },
    onRecord: registry.observe,
    onGone: registry.observeGone,
    onList: registry.observeAll,
    onBroken: () => reporter.poke(),
    onRelist() {
      for (const worker of registry.workers) if (!worker.finished) worker.refreshVolumes();
    },
  });
  const source = createPodSource({
    client,
    clock,
    rng: options.rng,
    logger,
    nodeName,
    epoch: () => memory.epoch,
    setEpoch: (epoch) => remember({ epoch }),
    localPods: () =>
      registry.workers
        .filter(({ removed }) => !removed)
        .map(({ pod, status }) => ({ ...pod, ...(status ? { status } : {}) })),
    onPod: (pod) => registry.want(pod),
    onGone: (uid) => registry.get(uid)?.end(),
    onRebuilt() {
      statuses.resubmitAll();
      reporter.poke();
    },
    onSynced: () => registry.endStrays(),
  });

  const ownNode = createReflector<Node>({
    client,
    resource: resources.nodes,
    selection: { fieldSelector: `metadata.name=${nodeName}` },
    clock,
    rng: options.rng,
    logger,
    onList(items) {
      if (items.length === 0) node = undefined;
      items.forEach(onNode);
    },
    onChange(change) {
      if (change.type !== 'DELETED') return onNode(change.object);
      node = undefined;
      reporter.poke();
    },
  });

  function remember(change: Partial<AgentMemory>): void {
    memory = { ...memory, ...change };
    void options.records.saveMemory(memory);
  }

  function onNode(next: Node): void {
    node = next;
    const cidr = next.spec.podCIDR;
    if (!cidr || cidr === memory.podCidr) return;
    remember({ podCidr: cidr });
    useRange(cidr);
    // How many pods the node takes depends on it.
    reporter.poke();
    retryPods();
  }

  function useRange(cidr: string): void {
    addresses.setRange(cidr);
    if (cidrContains(options.network.subnet, cidr)) return;
    logger.error(
      { podCIDR: cidr, clusterCidr: options.network.subnet },
      'The podCIDR of this node is not in its --cluster-cidr: start the agent with the --cluster-cidr of its control plane',
    );
  }

  function retryPods(): void {
    for (const worker of registry.workers) worker.retry();
  }

  /** A pod that is new here is checked once against what the node can hold. */
  function admit(pod: Pod, others: readonly Pod[]): PodRecord {
    const allocatable = node?.status?.allocatable as Readonly<Record<string, string>> | undefined;
    const { maxPodSecurity = 'privileged', allowedUnsafeSysctls = [] } = options;
    const verdict = planAdmission({ pod, others, allocatable, maxPodSecurity, allowedUnsafeSysctls });
    if (!verdict) return { pod };
    events.record({ about: pod, type: 'Warning', reason: verdict.reason, message: verdict.message });
    return { pod, verdict };
  }

  /** A container that only pretends to be a pod's counts for nobody. */
  async function ownStats(): Promise<readonly ContainerStats[]> {
    const isOwn = ({ id, labels }: ContainerStats): boolean =>
      registry.get(labels[labelKeys.podUid] ?? '')?.records.some((record) => record.id === id) ?? false;
    return (await runtime.stats()).filter(isOwn);
  }

  async function deleteObject(pod: Pod): Promise<void> {
    const { namespace, name, uid = '' } = pod.metadata;
    try {
      await client.delete(resources.pods, namespace, name, {
        gracePeriodSeconds: 0,
        preconditions: { uid },
      });
    } catch (error) {
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    }
  }

  return {
    async start() {
      memory = await options.records.loadMemory();
      if (memory.podCidr !== undefined) useRange(memory.podCidr);
      for (const record of await options.records.loadPods()) registry.add(record);
      await reporter.start();
      engine.start();
      ownNode.start();
      source.start();
      if (options.tunnel) {
        tunnel = openTunnel({
          connection: options.tunnel,
          runtime: { ...runtime, stats: ownStats },
          clock,
          rng: options.rng,
          logger,
          nodeName,
          findPod: registry.find,
          networkProblem: () => network.problem,
        });
      }
    },
    reported: reporter.reported,
    get problem() {
      return readyProblem(node);
    },
    findPod: registry.find,
    get pods() {
      return registry.workers;
    },
    get synced() {
      return registry.listed && source.synced;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      const engineLeft = engine[Symbol.asyncDispose]();
      await tunnel?.[Symbol.asyncDispose]();
      await Promise.all([source, ownNode, reporter].map((part) => part[Symbol.asyncDispose]()));
      await registry[Symbol.asyncDispose]();
      await engineLeft;
      await images[Symbol.asyncDispose]();
      await events[Symbol.asyncDispose]();
    },
  };
}

function readyProblem(node: Node | undefined): string | undefined {
  if (!node) return 'the control plane does not know it yet';
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? undefined : (ready?.message ?? 'not reported yet');
}

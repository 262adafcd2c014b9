/**
 * The node agent: one per container engine. Puts the parts together and passes news between them: pods from the source to
 * their workers, engine events to the worker they belong to, the node's state to the API.
 *
 * Fail static: with the control plane away it goes on from its records; after its own restart it takes over what runs
 * without touching it. It handles only containers that carry our cluster's and node's labels (the runtime sees to that).
 */
import { type Clock, sleep } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import { isRecord } from '../base/json.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { type EventRecorder, apiEventSink, createEventRecorder } from '../client/event-recorder.ts';
import type { Connection } from '../client/connection.ts';
import { createReflector } from '../client/reflector.ts';
import { type ApiClient, resources } from '../client/types.ts';
import { isStatusError } from '../schemas/status.ts';
import type { Node, Pod } from '../schemas/types.ts';
import { createImageSource } from './image-source.ts';
import { createImageManager } from './images/create-image-manager.ts';
import { createPauseImage } from './images/create-pause-image.ts';
import { createNodeReporter } from './node/node-reporter.ts';
import type { PodSecurityLevel } from '../schemas/pod-security/types.ts';
import { planAdmission } from './node/plan-admission.ts';
import type { MachineUsage } from './node/plan-pressure.ts';
import { createPodAddresses } from './node/pod-addresses.ts';
import { createPodWorker } from './pod/pod-worker.ts';
import type { PodWorker, PodWorkerContext } from './pod/types.ts';
import { DEFAULT_GRACE_SECONDS } from './pod/pod-view.ts';
import { createStatusWriter } from './pod/status-writer.ts';
import { createPodResources } from './pod-resources.ts';
import { createPodSource } from './pod-source.ts';
import type { PodVolumes } from './pod-volumes.ts';
import type { AgentMemory, PodRecord, RecordStore } from './ports.ts';
import { createRunHook, createRunProbe } from './probes/handlers.ts';
import type { ProbeIo } from './probes/probe-io.ts';
import { type ContainerRecord, type ContainerRuntime, labelKeys } from './runtime/types.ts';
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
  /** The one network of all pods of the cluster on this engine. */
  readonly network: { readonly name: string; readonly subnet: string; readonly gateway: string };
  readonly clusterDomain?: string;
  /** The most that a pod may be on this node; everything, unless said. */
  readonly maxPodSecurity?: PodSecurityLevel;
  /** Kernel settings that pods may have here beyond the safe ones; none, unless said. */
  readonly allowedUnsafeSysctls?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly version?: string;
  /** How full the machine is, for the node's pressure conditions. */
  readonly readUsage?: () => Promise<MachineUsage>;
  /** Where to open the tunnel for logs and exec; without it there is none (simulation). */
  readonly tunnel?: Pick<Connection, 'upgrade'> & Partial<Pick<Connection, 'onRenewal'>>;
}

export interface NodeAgent extends AsyncDisposable {
  /** Resolves when the records are read and the loops run; pods follow as the control plane answers. */
  start(): Promise<void>;
  /** Resolves when the control plane shows this node with its state, and when the agent is disposed. */
  readonly reported: Promise<void>;
  /** For the tunnel: the pod as this node has it. */
  findPod(namespace: string, name: string): PodWorker | undefined;
  readonly pods: readonly PodWorker[];
  readonly synced: boolean;
}

/** Wait before listening to a broken engine again. */
const ENGINE_RETRY_MS = 1_000;
/** The slow relist that corrects whatever an event has missed. */
const RELIST_MS = 60_000;
const DEFAULT_VERSION = 'v0.1.0+symphony';

export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { client, runtime, clock, nodeName } = options;
  const logger = options.logger.child({ component: 'node-agent', node: nodeName });
  const stop = new AbortController();
  const workers = new Map<string, PodWorker>();
  /** Containers of pods that no worker has (yet), by uid. */
  const strays = new Map<string, Map<string, ContainerRecord>>();
  const loops: Promise<void>[] = [];
  let memory: AgentMemory = {};
  let node: Node | undefined;
  let tunnel: AsyncDisposable | undefined;
  let listed = false;
  let relisting: Promise<void> | undefined;

  const events: EventRecorder = createEventRecorder({
    sink: apiEventSink(client),
    clock,
    logger,
    source: { component: 'kubelet', host: nodeName },
  });
  const statuses = createStatusWriter({ client, clock, logger, signal: stop.signal });
  const addresses = createPodAddresses({
    ensureNetwork: () => runtime.ensureNetwork(options.network),
    reserved: [options.network.gateway],
  });
  const reporter = createNodeReporter({
    client,
    runtime,
    clock,
    logger,
    nodeName,
    nodeIp: options.nodeIp,
    labels: options.labels ?? {},
    agentVersion: options.version ?? DEFAULT_VERSION,
    ...(options.readUsage ? { readUsage: options.readUsage } : {}),
    podCidr: () => memory.podCidr,
    onNode,
    beforeRegister: () => source.restore(),
    onRuntime(up) {
      if (up && !listed) requestRelist();
    },
  });
  const images = createImageManager({ runtime, clock, logger });
  const handlers = { runtime, io: options.probeIo, clock, hostIp: options.nodeIp };
  const context: PodWorkerContext = {
    runtime,
    clock,
    logger,
    resources: createPodResources({
      volumes: options.volumes,
      pause: createPauseImage(runtime),
      cluster: options.cluster,
      nodeName,
      nodeIp: options.nodeIp,
      network: options.network.name,
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
    save: (uid, record) => void options.records.savePod(uid, record),
    ready: () => listed,
    deleteObject,
    onGone(uid) {
      workers.delete(uid);
      void options.records.deletePod(uid);
    },
  };
  const source = createPodSource({
    client,
    clock,
    rng: options.rng,
    logger,
    nodeName,
    epoch: () => memory.epoch,
    setEpoch: (epoch) => remember({ epoch }),
    localPods: () =>
      [...workers.values()].map((worker) => ({
        ...worker.pod,
        ...(worker.status ? { status: worker.status } : {}),
      })),
    onPod,
    onGone: (uid) => workers.get(uid)?.end(),
    onRebuilt() {
      statuses.resubmitAll();
      reporter.poke();
    },
    onSynced: endStrays,
  });

  const ownNode = createReflector<Node>({
    client,
    resource: resources.nodes,
    selection: { fieldSelector: `metadata.name=${nodeName}` },
    clock,
    rng: options.rng,
    logger,
    onList: (items) => items.forEach(onNode),
    onChange(change) {
      if (change.type === 'DELETED') reporter.poke();
      else onNode(change.object);
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
    addresses.setRange(cidr);
    for (const worker of workers.values()) worker.retry();
  }

  function onPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const worker = workers.get(uid);
    if (worker) {
      if (Number(pod.metadata.resourceVersion ?? 0) >= Number(worker.pod.metadata.resourceVersion ?? 0)) {
        worker.update(pod);
      }
      return;
    }
    add(admitted(pod));
  }

  /** A pod that is new here is checked once against what the node can hold. */
  function admitted(pod: Pod): PodRecord {
    const uid = pod.metadata.uid ?? '';
    const isNew = (pod.status?.phase ?? 'Pending') === 'Pending' && !strays.has(uid);
    const allocatable = node?.status?.allocatable as Readonly<Record<string, string>> | undefined;
    if (!isNew || pod.metadata.deletionTimestamp !== undefined) return { pod };
    const others = [...workers.values()].filter((worker) => !worker.finished).map((worker) => worker.pod);
    const maxPodSecurity = options.maxPodSecurity ?? 'privileged';
    const { allowedUnsafeSysctls = [] } = options;
    const verdict = planAdmission({ pod, others, allocatable, maxPodSecurity, allowedUnsafeSysctls });
    if (!verdict) return { pod };
    events.record({ about: pod, type: 'Warning', reason: verdict.reason, message: verdict.message });
    return { pod, verdict };
  }

  function add(record: PodRecord): PodWorker {
    const uid = record.pod.metadata.uid ?? '';
    const known = strays.get(uid);
    const ip = record.ip ?? addressOf(known);
    const worker = createPodWorker(context, { ...record, ...(ip === undefined ? {} : { ip }) });
    workers.set(uid, worker);
    if (ip !== undefined) addresses.claim(uid, ip);
    strays.delete(uid);
    for (const container of known?.values() ?? []) worker.observe(container);
    worker.wake();
    return worker;
  }

  function addressOf(containers: ReadonlyMap<string, ContainerRecord> | undefined): string | undefined {
    return [...(containers?.values() ?? [])].find((record) => record.ip !== undefined)?.ip;
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

  function route(record: ContainerRecord): void {
    const uid = record.labels[labelKeys.podUid] ?? '';
    const worker = workers.get(uid);
    if (worker) return worker.observe(record);
    const known = strays.get(uid) ?? new Map<string, ContainerRecord>();
    known.set(record.id, record);
    strays.set(uid, known);
    if (source.synced) endStrays();
  }

  /** The control plane knows nothing of these pods: end them as their own record (on the container) says. */
  function endStrays(): void {
    if (!listed || !source.synced) return;
    for (const [uid, containers] of [...strays]) {
      const pod = podOf(uid, [...containers.values()]);
      logger.info({ uid, pod: pod.metadata.name }, 'Ending containers of a pod that is not wanted');
      add({ pod }).end();
    }
  }

  function requestRelist(): void {
    relisting ??= relist()
      .catch((error: unknown) => logger.warn({ error: errorMessage(error) }, 'Cannot list containers'))
      .finally(() => {
        relisting = undefined;
      });
  }

  async function relist(): Promise<void> {
    const listedAt = clock.now();
    const all = await runtime.list();
    const byUid = new Map<string, ContainerRecord[]>();
    for (const record of all) {
      const uid = record.labels[labelKeys.podUid] ?? '';
      byUid.set(uid, [...(byUid.get(uid) ?? []), record]);
    }
    const first = !listed;
    listed = true;
    strays.clear();
    for (const [uid, worker] of workers) worker.observeAll(byUid.get(uid) ?? [], listedAt);
    for (const record of all) if (!workers.has(record.labels[labelKeys.podUid] ?? '')) route(record);
    if (first) adopt();
  }

  /** Pods that the record has lost but whose containers carry their manifest go on as if nothing had happened. */
  function adopt(): void {
    if (source.synced) return endStrays();
    for (const [uid, containers] of [...strays]) {
      const manifest = manifestOf([...containers.values()]);
      if (manifest?.metadata.uid === uid) add({ pod: manifest });
    }
  }

  async function followEngine(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        requestRelist();
        for await (const event of runtime.events(stop.signal)) {
          if (event.type === 'resync') requestRelist();
          else void onContainerEvent(event.id, event.labels, event.action);
        }
      } catch (error) {
        if (!stop.signal.aborted) {
          logger.warn({ error: errorMessage(error) }, 'The stream of engine events broke');
          reporter.poke();
        }
      }
      await sleep(clock, ENGINE_RETRY_MS, stop.signal);
    }
  }

  async function onContainerEvent(
    id: string,
    labels: Readonly<Record<string, string>>,
    action: 'start' | 'die' | 'oom' | 'destroy',
  ): Promise<void> {
    const uid = labels[labelKeys.podUid] ?? '';
    const worker = workers.get(uid);
    if (action === 'destroy') {
      strays.get(uid)?.delete(id);
      return worker?.observeGone(id);
    }
    // Our own starts are looked at by whoever started them.
    if (action === 'start' && (worker?.isStarting(id) || worker?.records.some((known) => known.id === id)))
      return;
    try {
      const record = await runtime.inspect(id);
      if (record) route(record);
    } catch (error) {
      logger.info({ container: id, error: errorMessage(error) }, 'Cannot look at a container, listing all');
      requestRelist();
    }
  }

  async function relistSlowly(): Promise<void> {
    while (!stop.signal.aborted) {
      await sleep(clock, RELIST_MS, stop.signal);
      if (stop.signal.aborted) return;
      requestRelist();
      for (const worker of workers.values()) if (!worker.finished) worker.refreshVolumes();
    }
  }

  const findPod = (namespace: string, name: string): PodWorker | undefined =>
    [...workers.values()].find(
      ({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name,
    );

  return {
    async start() {
      memory = await options.records.loadMemory();
      if (memory.podCidr !== undefined) addresses.setRange(memory.podCidr);
      for (const record of await options.records.loadPods()) add(record);
      await reporter.start();
      loops.push(followEngine(), relistSlowly());
      ownNode.start();
      source.start();
      if (options.tunnel) {
        const { rng } = options;
        tunnel = openTunnel({ connection: options.tunnel, runtime, clock, rng, logger, nodeName, findPod });
      }
    },
    reported: reporter.reported,
    findPod,
    get pods() {
      return [...workers.values()];
    },
    get synced() {
      return listed && source.synced;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await tunnel?.[Symbol.asyncDispose]();
      await Promise.all([source, ownNode, reporter].map((part) => part[Symbol.asyncDispose]()));
      await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()));
      await Promise.allSettled([...loops, relisting]);
      await images[Symbol.asyncDispose]();
      await events[Symbol.asyncDispose]();
    },
  };
}

function manifestOf(records: readonly ContainerRecord[]): Pod | undefined {
  for (const record of records) {
    const text = record.labels[labelKeys.podManifest];
    if (text === undefined) continue;
    try {
      const value = JSON.parse(text) as unknown;
      if (isRecord(value) && isRecord(value['metadata']) && isRecord(value['spec']))
        return value as unknown as Pod;
    } catch {
      // A damaged label is no manifest.
    }
  }
  return undefined;
}

/** The pod that containers belong to, as far as their labels tell. */
function podOf(uid: string, records: readonly ContainerRecord[]): Pod {
  const manifest = manifestOf(records);
  if (manifest?.metadata.uid === uid) return manifest;
  const labels = records[0]?.labels ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: labels[labelKeys.podName] ?? uid,
      namespace: labels[labelKeys.podNamespace] ?? 'default',
      uid,
    },
    spec: { containers: [], terminationGracePeriodSeconds: DEFAULT_GRACE_SECONDS },
  };
}

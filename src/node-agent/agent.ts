/**
 * The node agent: one per container engine. It connects the parts: pods go from the source to their
 * workers, engine events to the worker they belong to, the node's state to the API.
 *
 * Fail static: without the control plane it goes on from its records. After its own restart it
 * takes over running containers without touching them. It handles only containers that carry our
 * cluster's and node's labels; the runtime enforces that.
 */
import { createAbort } from '../base/abort.ts';
import { openScope, type Scope } from '../base/scope.ts';
import { apiEventSink, createEventRecorder, type EventRecorder } from '../client/event-recorder.ts';
import type { Node, Pod } from '../schemas/types.ts';
import type { NodeAgentOptions } from './agent-options.ts';
import { createImageManager } from './images/create-image-manager.ts';
import { createAgentMemory } from './node/agent-memory.ts';
import { watchContact } from './node/control-plane-contact.ts';
import { createNodeReporter } from './node/node-reporter.ts';
import { createOwnNode } from './node/own-node.ts';
import { planAdmission } from './node/plan-admission.ts';
import { WHOLE_ENGINE } from './node/plan-share.ts';
import { createPodNetwork } from './node/pod-network.ts';
import { createPodWorker } from './pod/pod-worker.ts';
import { createStatusWriter } from './pod/status-writer.ts';
import type { PodWorker } from './pod/types.ts';
import { createEngineFollower } from './pods/follow-engine.ts';
import { createPodRegistry } from './pods/pod-registry.ts';
import { createPodSource } from './pods/pod-source.ts';
import { createWorkerContext } from './pods/worker-context.ts';
import type { PodRecord } from './ports.ts';
import { ownRuntime } from './tunnel/own-runtime.ts';
import { openTunnel } from './tunnel/keep-tunnel.ts';

export type { NodeAgentOptions } from './agent-options.ts';

export interface NodeAgent extends AsyncDisposable {
  /**
   * Resolves when the records are read and the loops run. Pods follow as the control plane answers.
   * A start that fails leaves nothing behind.
   */
  start(): Promise<void>;
  /** Resolves when the control plane shows this node's state, and when the agent is disposed. */
  readonly reported: Promise<void>;
  /** Why the control plane does not show this node as ready; undefined when it does. */
  readonly problem: string | undefined;
  /** The pod as this node has it. */
  findPod(namespace: string, name: string): PodWorker | undefined;
  readonly pods: readonly PodWorker[];
  readonly synced: boolean;
}

const DEFAULT_VERSION = 'v0.1.0+symphony';

export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { runtime, clock, rng, nodeName, records } = options;
  const logger = options.logger.child({ component: 'node-agent', node: nodeName });
  const client = watchContact(options.client, clock, logger);
  const common = { client, runtime, clock, rng, logger, nodeName };
  const stop = createAbort();
  let started: Promise<AsyncDisposable> | undefined;
  const memory = createAgentMemory(records);
  const source = { component: 'kubelet', host: nodeName };
  const events = createEventRecorder({ sink: apiEventSink(client), clock, logger, source });
  const statuses = createStatusWriter({ client, clock, logger, signal: stop.signal });
  const images = createImageManager({ runtime, clock, logger });
  const network = createPodNetwork({
    ...common,
    network: options.network,
    routes: options.routes,
    held: () => registry.strayAddresses,
    onRoom: () => registry.retryAll(),
  });
  const context = createWorkerContext(options, {
    ...{ client, logger, events, statuses, images, network },
    info: () => reporter.info,
    ready: () => registry.listed,
    forget: (uid) => registry.forget(uid),
  });
  const registry = createPodRegistry({
    logger,
    createWorker: (record) => createPodWorker(context, record),
    admit: (pod, others) => admit(options, events, ownNode.current, pod, others),
    claimAddress: network.addresses.claim,
    wantedAreKnown: () => podSource.synced,
  });
  const engine = createEngineFollower({
    ...common,
    isKnown: registry.owns,
    onRecord: registry.observe,
    onGone: registry.observeGone,
    onList: registry.observeAll,
    onBroken: () => reporter.poke(),
    onRelist: registry.refreshVolumes,
  });
  const podSource = createPodSource({
    ...common,
    epoch: () => memory.current.epoch,
    setEpoch: (epoch) => memory.remember({ epoch }),
    localPods: () => registry.pods,
    onPod: registry.want,
    onGone: (uid) => registry.get(uid)?.end(),
    onRebuilt() {
      statuses.resubmitAll();
      reporter.poke();
    },
    onSynced: registry.endStrays,
  });
  const ownNode = createOwnNode({ ...common, onChange, onDeleted: () => reporter.poke() });
  const reporter = createNodeReporter({
    ...common,
    ...settingsOf(options),
    // Without pods there is nothing to keep: another node may have got the slice meanwhile.
    podCidr: () => (registry.holdsAddresses ? memory.current.podCidr : undefined),
    node: () => ownNode.current,
    onNode: ownNode.saw,
    checkNetwork: network.check,
    beforeRegister: podSource.restore,
    event: (about, told) => events.record({ about, ...told }),
    onRuntime(up) {
      if (up && !registry.listed) engine.relist();
    },
  });

  function onChange({ spec: { podCIDR: cidr } }: Node): void {
    if (!cidr || cidr === memory.current.podCidr) return;
    memory.remember({ podCidr: cidr });
    network.setRange(cidr);
    // The number of pods that the node takes depends on it.
    reporter.poke();
    registry.retryAll();
  }

  /** Parts end in reverse order: new work stops coming before the workers end. */
  async function startIn(parts: Scope): Promise<object> {
    for (const part of [events, images, registry, reporter]) parts.use(part);
    // A worker that ends must not wait for a status that cannot be written.
    parts.defer(() => stop.abort());
    await memory.load();
    if (memory.current.podCidr !== undefined) network.setRange(memory.current.podCidr);
    for (const record of await records.loadPods()) registry.add(record);
    await reporter.start();
    for (const part of [engine, ownNode, podSource]) parts.use(part).start();
    if (options.tunnel) {
      const { find: findPod, owns } = registry;
      const tunnel = { connection: options.tunnel, runtime: ownRuntime(runtime, owns), findPod };
      parts.use(openTunnel({ ...common, ...tunnel, networkProblem: () => network.problem }));
    }
    return {};
  }

  return {
    async start() {
      await (started ??= openScope(startIn));
    },
    reported: reporter.reported,
    get problem() {
      return ownNode.problem;
    },
    findPod: registry.find,
    get pods() {
      return registry.workers;
    },
    get synced() {
      return registry.listed && podSource.synced;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      // An agent that never ran has nothing to end, but somebody may wait for its report.
      const running = (await started?.catch(() => undefined)) ?? reporter;
      await running[Symbol.asyncDispose]();
    },
  };
}

const settingsOf = ({ nodeIp, readUsage, ...options }: NodeAgentOptions) => ({
  nodeIp,
  readUsage,
  labels: options.labels ?? {},
  share: options.share ?? WHOLE_ENGINE,
  agentVersion: options.version ?? DEFAULT_VERSION,
});

/** Checks a pod that is new here, once, against the node's limits. */
function admit(
  options: NodeAgentOptions,
  events: EventRecorder,
  node: Node | undefined,
  pod: Pod,
  others: readonly Pod[],
): PodRecord {
  const { maxPodSecurity = 'privileged', allowedUnsafeSysctls = [] } = options;
  const allocatable = node?.status?.allocatable as Readonly<Record<string, string>> | undefined;
  const verdict = planAdmission({ pod, others, allocatable, maxPodSecurity, allowedUnsafeSysctls });
  if (!verdict) return { pod };
  events.record({ about: pod, type: 'Warning', reason: verdict.reason, message: verdict.message });
  return { pod, verdict };
}

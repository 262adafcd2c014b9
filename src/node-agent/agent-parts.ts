/**
 * The parts of an agent and how they are connected: pods go from the source to their workers,
 * engine events to the worker they belong to, the node's state to the API.
 */
import { createAbort } from '../base/abort.ts';
import { apiEventSink, createEventRecorder, type EventRecorder } from '../client/event-recorder.ts';
import type { Event, Node, Pod } from '../schemas/types.ts';
import type { NodeAgentOptions } from './agent-options.ts';
import { createImageManager } from './images/create-image-manager.ts';
import { createAgentMemory } from './node/agent-memory.ts';
import { watchContact } from './node/control-plane-contact.ts';
import { createNodeReporter } from './node/node-reporter.ts';
import { createReportQueue } from './node/report-queue.ts';
import { createOwnNode } from './node/own-node.ts';
import { planAdmission } from './node/plan-admission.ts';
import { WHOLE_ENGINE } from './node/plan-share.ts';
import { createPodNetwork } from './node/pod-network.ts';
import { createPodWorker } from './pod/pod-worker.ts';
import { createStatusWriter } from './pod/status-writer.ts';
import { createEngineFollower } from './pods/follow-engine.ts';
import { createPodRegistry } from './pods/pod-registry.ts';
import { createPodSource } from './pods/pod-source.ts';
import { createWorkerContext } from './pods/worker-context.ts';
import type { PodRecord } from './ports.ts';
import { createVolumeRemover } from './volumes/volume-remover.ts';

/** Events go along with the statuses of pods; without any, they go after this time. */
const EVENT_WAITS_MS = 200;
const DEFAULT_VERSION = 'v0.1.0+symphony';

/** Parts that depend on none of the others. */
function createBase(options: NodeAgentOptions, confirm: () => Promise<void>) {
  const { runtime, clock, rng, nodeName, records } = options;
  const logger = options.logger.child({ component: 'node-agent', node: nodeName });
  /** Aborts at the end: nothing waits for the control plane then. */
  const stop = createAbort();
  const client = watchContact(options.client, clock, logger, stop.signal);
  const source = { component: 'kubelet', host: nodeName };
  const reports = createReportQueue({ client, clock, nodeName, confirm, signal: stop.signal });
  const sendEvent = (event: Event): Promise<void> => reports.send(() => event, EVENT_WAITS_MS);
  return {
    common: { client, runtime, clock, rng, logger, nodeName },
    stop,
    memory: createAgentMemory(records),
    events: createEventRecorder({ sink: apiEventSink(client, sendEvent), clock, logger, source }),
    statuses: createStatusWriter({ reports, clock, logger, signal: stop.signal }),
    images: createImageManager({ runtime, clock, logger }),
  };
}

/** Makes the parts. None of them runs before it is started. */
export function connectParts(options: NodeAgentOptions) {
  const base = createBase(options, () => reporter.confirm());
  const { common, memory, events, statuses, images } = base;
  const network = createPodNetwork({
    ...common,
    network: options.network,
    routes: options.routes,
    held: () => registry.strayAddresses(),
    onRoom: () => registry.retryAll(),
  });
  const context = createWorkerContext(options, {
    ...{ ...common, events, statuses, images, network },
    info: () => reporter.info,
    ready: () => registry.listed,
    forget: (uid) => registry.forget(uid),
  });
  const registry = createPodRegistry({
    logger: common.logger,
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
    localPods: registry.pods,
    localVolumes: options.volumes.directories.recorded,
    onPod: registry.want,
    onGone: (uid) => registry.get(uid)?.end(),
    onRebuilt() {
      statuses.resubmitAll();
      reporter.poke();
    },
    onSynced: registry.endStrays,
  });
  const volumeRemover = createVolumeRemover({
    ...common,
    events,
    volumes: options.volumes,
    isActive: registry.isActive,
  });
  const ownNode = createOwnNode({ ...common, onChange: onNode, onDeleted: () => reporter.poke() });
  const reporter = createNodeReporter({
    ...common,
    nodeIp: options.nodeIp,
    readUsage: options.readUsage,
    labels: () => options.labels?.() ?? {},
    ...(options.annotations ? { annotations: options.annotations } : {}),
    share: options.share ?? WHOLE_ENGINE,
    agentVersion: options.version ?? DEFAULT_VERSION,
    // Without pods there is nothing to keep: another node may have got the slice meanwhile.
    podCidr: () => (registry.holdsAddresses() ? memory.current.podCidr : undefined),
    node: () => ownNode.current,
    onNode: ownNode.saw,
    checkNetwork: network.check,
    hostNetwork: options.hostNetwork,
    volumes: options.volumes.directories,
    beforeRegister: podSource.restore,
    event: (about, told) => events.record({ about, ...told }),
    onRuntime(up) {
      if (up && !registry.listed) engine.relist();
    },
  });

  function onNode({ spec: { podCIDR: cidr } }: Node): void {
    if (!cidr || cidr === memory.current.podCidr) return;
    memory.remember({ podCidr: cidr });
    network.setRange(cidr);
    // The number of pods that the node takes depends on it.
    reporter.poke();
    registry.retryAll();
  }

  return { ...base, network, registry, engine, podSource, volumeRemover, ownNode, reporter };
}

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

/**
 * Keeps the Node object and its Lease: registers the node (again, when the control plane has forgotten it), renews the
 * lease every ten seconds, writes the status when it changes or five minutes have passed.
 */
import { type Clock, type Timer, toRfc3339Micro } from '../../base/clock.ts';
import { levelOf } from '../../base/errors.ts';
import { goWords } from '../../base/go-words.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Lease, Node } from '../../schemas/types.ts';
import { failureWords } from '../pod/failure-words.ts';
import type { ContainerRuntime, ListedImage, RuntimeInfo } from '../runtime/types.ts';
import { type NodeEvent, planNodeEvents, STARTING } from './plan-node-events.ts';
import {
  type NodeFacts,
  nodeLabels,
  planNodeObject,
  planNodeStatus,
  withoutHeartbeats,
} from './plan-node.ts';
import {
  type MachineUsage,
  notePressures,
  planPressures,
  type PressureMemory,
  pressuresAt,
} from './plan-pressure.ts';
import type { EngineShare } from './plan-share.ts';

export interface NodeReporterOptions {
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly agentVersion: string;
  readonly share: EngineShare;
  /** How full the machine is; without it no pressure is ever reported (simulation, engines elsewhere). */
  readonly readUsage?: () => Promise<MachineUsage>;
  podCidr(): string | undefined;
  /** This node as its watch shows it; read from the control plane where nothing is shown, or what is shown proves old. */
  node?(): Node | undefined;
  /** Awaited before this node is made known to a control plane that does not know it; a failure is tried again. */
  beforeRegister?(): Promise<void>;
  onNode(node: Node): void;
  /** Looks whether pods can be reached by their addresses; answers why not. */
  checkNetwork?(): Promise<string | undefined>;
  event(about: Node, event: NodeEvent): void;
  onRuntime(up: boolean, info: RuntimeInfo | undefined): void;
}

export interface NodeReporter extends AsyncDisposable {
  /** Looks at the engine once; afterwards `info` is known if it answers. */
  start(): Promise<void>;
  /** Something may have changed: look now instead of at the next beat. */
  poke(): void;
  /** Resolves when the control plane has this node and its state for the first time, and when the reporter is stopped. */
  readonly reported: Promise<void>;
  readonly info: RuntimeInfo | undefined;
  readonly runtimeUp: boolean;
}

/** As kubelet: a lease of 40 s, renewed every quarter of it. */
const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const BEAT_MS = 10_000;
/** After a failed beat, sooner: the control plane must not take us for dead because of one lost packet. */
const RETRY_MS = 2_000;
const STATUS_EVERY_MS = 300_000;
/** The image list is only for the scheduler's image locality. */
const IMAGES_EVERY_MS = 60_000;
/** A node that changes this often in a row is left to the next beat. */
const MAX_CONFLICTS = 10;

export function createNodeReporter(options: NodeReporterOptions): NodeReporter {
  const { client, runtime, clock, nodeName } = options;
  const logger = options.logger.child({ component: 'node-reporter' });
  let info: RuntimeInfo | undefined;
  let runtimeUp = false;
  let images: readonly ListedImage[] = [];
  let imagesAtMs = Number.NEGATIVE_INFINITY;
  let statusAtMs = Number.NEGATIVE_INFINITY;
  let pressures: PressureMemory = {};
  let networkProblem: string | undefined;
  let isNew = true;
  let lease: Lease | undefined;
  let nodeUid: string | undefined;
  let timer: Timer | undefined;
  let beating: Promise<void> | undefined;
  let pokeAgain = false;
  let stopped = false;
  let markReported: () => void = () => undefined;
  const reported = new Promise<void>((resolve) => {
    markReported = resolve;
  });

  function beat(): void {
    if (stopped) return;
    timer?.cancel();
    if (beating) {
      pokeAgain = true;
      return;
    }
    beating = beatOnce().then((ok) => {
      beating = undefined;
      if (stopped) return;
      if (pokeAgain) {
        pokeAgain = false;
        return beat();
      }
      timer = clock.setTimer(beat, ok ? BEAT_MS : RETRY_MS);
    });
  }

  async function beatOnce(): Promise<boolean> {
    await observeRuntime();
    try {
      await reportNode();
      await renewLease();
      markReported();
      return true;
    } catch (error) {
      if (!stopped) logger[levelOf(error, 'warn')]({ error: goWords(error) }, 'Cannot report this node');
      return false;
    }
  }

  async function observeRuntime(): Promise<void> {
    const before = runtimeUp;
    try {
      info = await runtime.info();
      runtimeUp = true;
      if (clock.now() - imagesAtMs >= IMAGES_EVERY_MS) {
        images = await runtime.listImages();
        imagesAtMs = clock.now();
      }
    } catch (error) {
      runtimeUp = false;
      if (before) logger.error({ error: failureWords(error) }, 'The container runtime does not answer');
    }
    await observePressure();
    // An engine that hangs must not cost the lease another time-out.
    if (runtimeUp) networkProblem = await options.checkNetwork?.();
    options.onRuntime(runtimeUp, info);
  }

  async function observePressure(): Promise<void> {
    if (!options.readUsage) return;
    try {
      pressures = notePressures(pressures, planPressures(await options.readUsage()), clock.now());
    } catch (error) {
      logger.info({ error: goWords(error) }, 'Cannot read how full this machine is');
    }
  }

  function facts(): NodeFacts {
    return {
      nodeName,
      nodeIp: options.nodeIp,
      info,
      share: options.share,
      images,
      runtimeUp,
      podCidr: options.podCidr(),
      agentVersion: options.agentVersion,
      labels: options.labels,
      pressure: pressuresAt(pressures, clock.now()),
      networkProblem,
    };
  }

  /** Others write the node too (its podCIDR, taints, cordons): read it again and decide anew. */
  async function reportNode(): Promise<void> {
    for (let conflicts = 0; ; conflicts += 1) {
      const shown = conflicts === 0 ? options.node?.() : undefined;
      try {
        return await tryReportNode(shown);
      } catch (error) {
        const isOld =
          isStatusError(error, 'Conflict') || (shown !== undefined && isStatusError(error, 'NotFound'));
        if (!isOld || conflicts >= MAX_CONFLICTS) throw error;
      }
    }
  }

  async function readNode(now: NodeFacts): Promise<Node> {
    try {
      return await client.get<Node>(resources.nodes, undefined, nodeName);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      return register(now);
    }
  }

  async function tryReportNode(shown: Node | undefined): Promise<void> {
    const now = facts();
    let node = shown ?? (await readNode(now));
    const labels = nodeLabels(now);
    if (Object.entries(labels).some(([name, value]) => node.metadata.labels?.[name] !== value)) {
      node = await client.patch<Node>(resources.nodes, undefined, nodeName, { metadata: { labels } });
    }
    const podCidr = node.spec.podCIDR ?? now.podCidr;
    const status = planNodeStatus({ ...now, podCidr }, node.status, clock.now());
    const changed = !jsonEqual(withoutHeartbeats(status), withoutHeartbeats(node.status));
    const before = node;
    if (changed || clock.now() - statusAtMs >= STATUS_EVERY_MS) {
      node = await client.update<Node>(resources.nodes, { ...node, status }, 'status');
      statusAtMs = clock.now();
    }
    if (isNew) options.event(node, STARTING);
    isNew = false;
    for (const event of planNodeEvents(before, node)) options.event(node, event);
    nodeUid = node.metadata.uid;
    options.onNode(node);
  }

  async function register(now: NodeFacts): Promise<Node> {
    await options.beforeRegister?.();
    try {
      const node = await client.create<Node>(resources.nodes, planNodeObject(now));
      logger.info({ node: nodeName }, 'Registered this node');
      return node;
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      return client.get<Node>(resources.nodes, undefined, nodeName);
    }
  }

  async function renewLease(): Promise<void> {
    const spec = {
      holderIdentity: nodeName,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: toRfc3339Micro(clock.now()),
    };
    // The lease goes with its node; a node that was made anew owns it anew.
    const ownerReferences =
      nodeUid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeUid }];
    const renewed = (current: Lease | undefined): Lease => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...(current?.metadata ?? { name: nodeName, namespace: LEASE_NAMESPACE }), ownerReferences },
      spec,
    });
    try {
      lease = lease
        ? await client.update<Lease>(resources.leases, renewed(lease))
        : await client.create<Lease>(resources.leases, renewed(undefined));
    } catch (error) {
      lease = undefined;
      // Forgotten by the control plane: the next beat makes a new one, at once.
      if (isStatusError(error, 'NotFound')) return beat();
      if (!isStatusError(error, 'Conflict') && !isStatusError(error, 'AlreadyExists')) throw error;
      const current = await client.get<Lease>(resources.leases, LEASE_NAMESPACE, nodeName);
      lease = await client.update<Lease>(resources.leases, renewed(current));
    }
  }

  return {
    async start() {
      await observeRuntime();
      if (!runtimeUp)
        logger.error({}, 'The container runtime does not answer; this node is not ready until it does');
      beat();
    },
    poke: beat,
    reported,
    get info() {
      return info;
    },
    get runtimeUp() {
      return runtimeUp;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      timer?.cancel();
      await beating;
      markReported();
    },
  };
}

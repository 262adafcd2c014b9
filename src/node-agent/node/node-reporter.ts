/**
 * Every ten seconds: observes the machine, and writes news into the Node. The control plane renews
 * the Lease while it hears the agent over its tunnel, and says so there; otherwise the agent does.
 * While the tunnel is broken, the Lease is the only sign of life (quick-lease.ts).
 */
import type { Timer } from '../../base/clock.ts';
import { levelOf, TransientError } from '../../base/errors.ts';
import { goWords } from '../../base/go-words.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { Node } from '../../schemas/types.ts';
import type { RuntimeInfo } from '../runtime/types.ts';
import type { VolumeDirectories } from '../volumes/volume-directories.ts';
import { createNodeLease } from './node-lease.ts';
import type { HostNetworkTrouble } from '../agent-options.ts';
import type { LocalVolumes } from './plan-node.ts';
import { createNodeWriter, type NodeWriterOptions } from './node-object.ts';
import { createMachineObserver, type MachineObserverOptions } from './observe-machine.ts';
import type { EngineShare } from './plan-share.ts';
import { createQuickLease } from './quick-lease.ts';

export interface NodeReporterOptions extends NodeWriterOptions, MachineObserverOptions {
  readonly nodeIp: string;
  labels(): Readonly<Record<string, string>>;
  readonly agentVersion: string;
  readonly share: EngineShare;
  /** The range that pods here already have addresses of. */
  podCidr(): string | undefined;
  /** More annotations of the Node. */
  annotations?(): Readonly<Record<string, string>>;
  readonly volumes: Pick<VolumeDirectories, 'root' | 'capacityBytes' | 'limitProblem'>;
  /** Undefined where the host has no network of pods. */
  readonly hostNetwork?: (() => HostNetworkTrouble | undefined) | undefined;
  onNode(node: Node): void;
  onRuntime(up: boolean): void;
}

export interface NodeReporter extends AsyncDisposable {
  /** Observes the engine once; afterwards `info` is known if the engine answers. */
  start(): Promise<void>;
  /** Reports now instead of at the next beat. */
  poke(): void;
  /**
   * Resolves when this node has renewed its Lease lately, which it does now where it has not. What
   * an agent says of pods counts within its Lease only.
   */
  confirm(): Promise<void>;
  /** Whether the control plane hears this agent over a tunnel. Without one, the lease is renewed often. */
  setTunnel(isOpen: boolean): void;
  /** The control plane has renewed the Lease, at this time at the earliest. */
  setRenewed(atMs: number): void;
  /** Resolves when the control plane has this node's state for the first time, or at the end. */
  readonly reported: Promise<void>;
  readonly info: RuntimeInfo | undefined;
}

/** As kubelet: a quarter of the lease. */
const BEAT_MS = 10_000;
/** After a failure, sooner: one lost packet must not make the node look dead. */
const RETRY_MS = 2_000;
/** A Lease that was renewed within this time is valid for long: half of it. */
const FRESH_MS = 2 * BEAT_MS;

export function createNodeReporter(options: NodeReporterOptions): NodeReporter {
  const { client, clock, nodeName, nodeIp, share, agentVersion } = options;
  const logger = options.logger.child({ component: 'node-reporter' });
  const machine = createMachineObserver({ ...options, logger });
  const writeNode = createNodeWriter({ ...options, logger });
  const lease = createNodeLease(client, clock, nodeName);
  const beats = createSharedReads();
  let timer: Timer | undefined;
  let beating: Promise<void> | undefined;
  let stopped = false;
  /** The last report has reached the control plane. */
  let isInContact = false;
  /** The uid of the Node, while the control plane has it. */
  let uid: string | undefined;
  /** Whether the control plane hears this agent over a tunnel. */
  let isHeard = false;
  /** Renewals before the end of the last outage confirm nothing: the node may have been lost. */
  let countsFromMs = Number.NEGATIVE_INFINITY;
  let toldRenewedAtMs = Number.NEGATIVE_INFINITY;
  let markReported: () => void = () => undefined;
  const reported = new Promise<void>((resolve) => {
    markReported = resolve;
  });

  async function observe(): Promise<void> {
    await machine.observe();
    options.onRuntime(machine.facts().runtimeUp);
  }

  function beat(): void {
    if (stopped) return;
    timer?.cancel();
    beating = beats.read('beat', beatOnce).then((ok) => {
      timer?.cancel();
      // A node that is not ready loses its pods soon: the end of it is told soon, too.
      const isQuiet = ok && machine.facts().runtimeUp;
      if (!stopped) timer = clock.setTimer(beat, isQuiet ? BEAT_MS : RETRY_MS);
    });
  }

  /** One at a time: two would conflict. */
  const renew = (): Promise<boolean> => beats.read('lease', () => lease.renew(uid));

  /** A time in the future is one of a clock that was set back since. */
  function isRenewed(withinMs: number): boolean {
    const nowMs = clock.now();
    return [lease.renewedAtMs, toldRenewedAtMs].some(
      (atMs) => atMs > countsFromMs && atMs <= nowMs && nowMs - atMs < withinMs,
    );
  }

  async function confirm(): Promise<void> {
    if (uid === undefined) await beating;
    if (uid !== undefined) {
      if (isRenewed(quickLease.freshMs ?? FRESH_MS) || (await renew())) return;
      uid = undefined;
      beat();
    }
    throw new TransientError('The control plane does not know this node yet');
  }

  /** A full beat observes the machine, which takes too long for a sign of life. */
  const quickLease = createQuickLease({
    ...{ clock, logger },
    renew: async () => isInContact && renew(),
  });

  async function beatOnce(): Promise<boolean> {
    if (stopped) return false;
    await observe();
    const wasInContact = isInContact;
    isInContact = false;
    try {
      const podCidr = options.podCidr();
      const volumes = await localVolumes(options.volumes);
      const annotations = options.annotations?.() ?? {};
      const labels = options.labels();
      const own = { nodeName, nodeIp, labels, annotations, share, agentVersion, podCidr, volumes };
      const { hostNetwork } = options;
      const trouble = hostNetwork && { podNetwork: hostNetwork() ?? ('ready' as const) };
      const facts = { ...own, ...machine.facts(), ...trouble };
      const node = await writeNode(facts, wasInContact);
      options.onNode(node);
      // The lease of a node that was made anew gets its new owner.
      const isKnown = wasInContact && uid === node.metadata.uid;
      uid = node.metadata.uid;
      isInContact = (isHeard && isKnown && isRenewed(FRESH_MS)) || (await renew());
      if (!isInContact) beat();
      markReported();
      return true;
    } catch (error) {
      if (!stopped) logger[levelOf(error, 'warn')]({ error: goWords(error) }, 'Cannot report this node');
      return false;
    }
  }

  return {
    async start() {
      await observe();
      if (!machine.facts().runtimeUp)
        logger.error({}, 'The container runtime does not answer; this node is not ready until it does');
      beat();
    },
    poke: beat,
    confirm,
    setTunnel(isOpen) {
      isHeard = isOpen;
      if (isOpen && quickLease.freshMs !== undefined) countsFromMs = clock.now() - quickLease.freshMs;
      if (isOpen) quickLease.stop();
      else if (!stopped) quickLease.start();
    },
    setRenewed(atMs) {
      toldRenewedAtMs = atMs;
    },
    reported,
    get info() {
      return machine.facts().info;
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      timer?.cancel();
      await Promise.all([beating, quickLease[Symbol.asyncDispose]()]);
      markReported();
    },
  };
}

async function localVolumes(local: NodeReporterOptions['volumes']): Promise<LocalVolumes> {
  const limits = await local.limitProblem().then(
    (why) => (why === undefined ? 'kept' : `not kept: ${why}`),
    () => undefined,
  );
  return { directory: local.root, capacityBytes: await local.capacityBytes(), limits };
}

/** The parts and settings that an agent is made of. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import type { Connection } from '../client/connection.ts';
import type { ApiClient } from '../client/types.ts';
import type { PodSecurityLevel } from '../schemas/pod-security/types.ts';
import type { MachineUsage } from './node/plan-pressure.ts';
import type { EngineShare } from './node/plan-share.ts';
import type { Routes } from './node/read-routes.ts';
import type { HostPodBook, RecordStore } from './ports.ts';
import type { HandlerContext } from './probes/handlers.ts';
import type { ProbeIo } from './probes/probe-io.ts';
import type { ContainerRuntime } from './runtime/types.ts';
import type { TunnelListener } from './tunnel/keep-tunnel.ts';
import type { NodeNetworkView } from './tunnel/node-endpoints.ts';
import type { PodVolumes } from './volumes/pod-volumes.ts';

/** The node shows it. */
export interface HostNetworkTrouble {
  readonly message: string;
  /** New pods should go to other nodes. */
  readonly isCutOff: boolean;
}

/** Given to most parts. */
export interface PartOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly nodeName: string;
}

export interface NodeAgentOptions extends PartOptions {
  readonly runtime: ContainerRuntime;
  readonly nodeIp: string;
  readonly cluster: string;
  readonly records: RecordStore;
  readonly volumes: PodVolumes;
  readonly probeIo: ProbeIo;
  /** Answers a probe that must not run; undefined lets it run. */
  readonly decideProbe?: HandlerContext['decideProbe'];
  /** The one network of all pods of the cluster on this engine. */
  readonly network: Parameters<ContainerRuntime['ensureNetwork']>[0];
  /** The problem of this host's network; undefined when there is none. */
  readonly hostNetwork?: () => HostNetworkTrouble | undefined;
  /** Asked when the agent has started. Undefined where pods have the ports of the host alone. */
  readonly hostPods?: () => HostPodBook | undefined;
  readonly clusterDomain?: string;
  /** The highest level of privilege that this node accepts. Default: `privileged`. */
  readonly maxPodSecurity?: PodSecurityLevel;
  /** Kernel settings that pods may have here beyond the safe ones. Default: none. */
  readonly allowedUnsafeSysctls?: readonly string[];
  /** The part of the engine's machine that belongs to this node. Default: all of it. */
  readonly share?: EngineShare;
  /** More labels of the Node. */
  labels?(): Readonly<Record<string, string>>;
  /** More annotations of the Node, such as the network's. */
  annotations?(): Readonly<Record<string, string>>;
  readonly version?: string;
  /** How full the machine is, for the node's pressure conditions. */
  readonly readUsage?: () => Promise<MachineUsage>;
  /** The routes beside a local engine. A pod whose address leads elsewhere is refused. */
  readonly routes?: Routes;
  /** Opens the tunnel for logs, exec and signs of life. Without it there is none. */
  readonly tunnel?: Pick<Connection, 'upgrade'> & Partial<Pick<Connection, 'onRenewal'>>;
  /** The network of this node's host, for `symphony net check`. */
  readonly networkView?: NodeNetworkView | undefined;
  /** The signs of life alone, in place of a tunnel (simulation). */
  readonly signs?: (listener: TunnelListener) => AsyncDisposable;
}

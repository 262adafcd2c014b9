/** A pod's worker as the rest of the agent sees it, and what it needs of the agent. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Rng } from '../../base/rng.ts';
import type { Pod, PodStatus } from '../../schemas/types.ts';
import type {
  HostPodBook,
  ImageSource,
  PodAddresses,
  PodRecord,
  PodResources,
  RecordPodEvent,
  RunHook,
  RunProbe,
  StatusWriter,
} from '../ports.ts';
import type { ContainerRecord, ContainerRuntime } from '../runtime/types.ts';
import type { PodProblems } from './pod-problems.ts';
import type { PodState } from './pod-state.ts';
import type { TellPodEvent } from './pod-view.ts';

export interface PodWorkerContext {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly resources: PodResources;
  readonly images: ImageSource;
  readonly addresses: PodAddresses;
  /** Undefined where pods have the ports of the host alone. */
  hostPods(): HostPodBook | undefined;
  readonly statuses: StatusWriter;
  readonly hostIp: string;
  readonly runHook: RunHook;
  readonly runProbe: RunProbe;
  recordEvent: RecordPodEvent;
  /** The engine has been listed: "no container" is known and not merely unseen. */
  ready(): boolean;
  /** Persists what must survive the agent. Rejects only if `durable`: it must survive the machine. */
  save(uid: string, record: PodRecord, durable: boolean): Promise<void>;
  /** Removes the API object (grace 0, this uid only). */
  deleteObject(pod: Pod): Promise<void>;
  /** The pod is over and everything of it is gone. */
  onGone(uid: string): void;
}

/** The parts of one worker have this in common. */
export interface PodPart {
  readonly context: PodWorkerContext;
  readonly state: PodState;
  readonly problems: PodProblems;
  readonly logger: Logger;
  readonly event: TellPodEvent;
  /** The agent ends. */
  readonly signal: AbortSignal;
  save(durable?: boolean): Promise<void>;
  /** Something may have changed. */
  wake(): void;
  /** Runs the work beside the loop, which wakes at its end. The agent's end waits for it. */
  launch(work: () => Promise<void>): void;
}

export interface PodWorker extends AsyncDisposable {
  readonly uid: string;
  readonly pod: Pod;
  readonly status: PodStatus | undefined;
  readonly ip: string | undefined;
  /** It is over: nothing of it runs or will run. */
  readonly finished: boolean;
  /** The API no longer has the object. */
  readonly removed: boolean;
  readonly records: readonly ContainerRecord[];
  /** The pod as the API has it now. */
  update(pod: Pod): void;
  /** The object is gone (or was never meant to be): end what runs. */
  end(): void;
  /** The agent starts this container now, and inspects it afterwards. */
  isStarting(containerId: string): boolean;
  observe(record: ContainerRecord): void;
  observeGone(id: string): void;
  /** A full list of the pod's containers, begun at `listedAtMs`. */
  observeAll(records: readonly ContainerRecord[], listedAtMs: number): void;
  wake(): void;
  /** The pod's own failures may be over: it tries at once. */
  retry(): void;
  /** Brings mounted ConfigMaps and Secrets up to date. */
  refreshVolumes(): void;
}

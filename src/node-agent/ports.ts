/**
 * What a pod worker needs from its surroundings, as small interfaces: the real ones touch disk, network and API, the
 * simulation's touch nothing.
 */
import type { Container, Pod, PodStatus } from '../schemas/types.ts';
import type { ContainerPlan } from './container-spec/plan-container-spec.ts';
import type { ImageEvent, ImageResult } from './images/types.ts';
import type { ContainerRole, PodVerdict } from './pod/pod-view.ts';
import type { ContainerSpec, ImageRecord } from './runtime/types.ts';

/** A step did not work for a reason that users should read; it is tried again later. */
export class StepProblem extends Error {
  override readonly name = 'StepProblem';
  readonly reason: string;
  /** More problems of the same kind; each is told as an event. */
  readonly also: readonly string[];

  constructor(
    reason: string,
    message: string,
    options?: ErrorOptions & { readonly also?: readonly string[] },
  ) {
    super(message, options);
    this.reason = reason;
    this.also = options?.also ?? [];
  }
}

export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly fieldPath?: string;
}
export type RecordPodEvent = (pod: Pod, event: PodEvent) => void;

/** Volumes, files and specifications of pods. Methods throw {@link StepProblem}. */
export interface PodResources {
  ensureVolumes(pod: Pod, ip: string | undefined): Promise<void>;
  tearDown(pod: Pod): Promise<void>;
  planContainer(input: {
    readonly pod: Pod;
    readonly ip: string | undefined;
    readonly container: Container;
    readonly role: ContainerRole;
    readonly attempt: number;
    readonly sandboxId: string | undefined;
    readonly image: ImageRecord;
  }): Promise<ContainerPlan>;
  planSandbox(pod: Pod, ip: string | undefined, attempt: number): Promise<ContainerSpec>;
  /** What the container wrote to its termination log; undefined when it wrote nothing. */
  terminationLog(pod: Pod, container: string, attempt: number): Promise<string | undefined>;
}

export interface ImageSource {
  ensure(pod: Pod, container: Container, record: (event: ImageEvent) => void): Promise<ImageResult>;
}

/** Fails with the handler's own words. */
export type RunHook = (input: {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly ip: string | undefined;
  readonly hook: 'postStart' | 'preStop';
  readonly timeoutMs: number;
}) => Promise<void>;

export interface ProbeOutcome {
  readonly success: boolean;
  readonly message: string;
  /** The probe could not be run at all, which says nothing of the container and does not count. */
  readonly isError?: boolean;
  /** A success that people should hear of. */
  readonly isWarning?: boolean;
}
export type RunProbe = (input: {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly ip: string | undefined;
  readonly kind: 'Startup' | 'Readiness' | 'Liveness';
  readonly timeoutMs: number;
}) => Promise<ProbeOutcome>;

export interface PodAddresses {
  /** The same address for the same uid until it is released. Throws {@link StepProblem} when there is none. */
  allocate(uid: string): string;
  /** The address leads to where the pod will be. Throws {@link StepProblem} where it does not. */
  verify(address: string): Promise<void>;
  release(uid: string): void;
}

/** The containers that the agent has made for a pod; see pod/own-containers.ts. */
export interface MadeContainers {
  readonly ids: readonly string[];
  /** By name, the marks of those that were asked for and whose ids are not known yet. */
  readonly asked: Readonly<Record<string, string>>;
}

/** What the agent knows of a pod without its control plane; one record a pod. */
export interface PodRecord {
  readonly pod: Pod;
  readonly status?: PodStatus;
  readonly ip?: string;
  readonly verdict?: PodVerdict;
  readonly startTimeMs?: number;
  /** Absent in the records of older agents. */
  readonly made?: MadeContainers;
}

export interface AgentMemory {
  /** The epoch of the control plane's data that the records belong to. */
  readonly epoch?: string;
  readonly podCidr?: string;
}

/** Never fails its caller for a full disk or a damaged record: the record is a help, the engine is the truth. */
export interface RecordStore {
  loadPods(): Promise<readonly PodRecord[]>;
  /** `durable`: it is on the disk when this resolves, and outlives a loss of power. */
  savePod(uid: string, record: PodRecord, durable?: boolean): Promise<void>;
  deletePod(uid: string): Promise<void>;
  loadMemory(): Promise<AgentMemory>;
  saveMemory(memory: AgentMemory): Promise<void>;
}

export interface StatusWriter {
  /** Remembers the newest status and writes it as soon as may be; older ones that were not yet written are dropped. */
  submit(pod: Pod, status: PodStatus): void;
  /** Resolves when the newest status of the pod is written (or the pod is gone); rejects when it cannot be. */
  flush(uid: string): Promise<void>;
  /** Writes everything again: the control plane has lost what it knew. */
  resubmitAll(): void;
  forget(uid: string): void;
}

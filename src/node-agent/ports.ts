/** The surroundings of a pod worker; the simulation's touch neither disk nor network. */
import type { Container, Pod, PodStatus } from '../schemas/types.ts';
import type { ContainerPlan } from './container-spec/plan-container-spec.ts';
import type { ImageEvent, ImageResult } from './images/types.ts';
import type { ContainerRole, PodVerdict } from './pod/pod-view.ts';
import type { ImageRecord, SandboxSpec } from './runtime/types.ts';

/** A step failed for a reason that users should read. It is tried again later. */
export class StepProblem extends Error {
  override readonly name = 'StepProblem';
  readonly reason: string;
  /** More problems of the same kind; each becomes an event. */
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
    readonly image: ImageRecord;
  }): Promise<ContainerPlan>;
  planSandbox(pod: Pod, ip: string | undefined, attempt: number): SandboxSpec;
  /** The content of the container's termination log; undefined if there is none. */
  terminationLog(pod: Pod, container: string, attempt: number): Promise<string | undefined>;
}

export interface ImageSource {
  ensure(pod: Pod, container: Container, record: (event: ImageEvent) => void): Promise<ImageResult>;
}

/** Rejects with the handler's own words. */
export type RunHook = (input: {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly ip: string | undefined;
  readonly hook: 'postStart' | 'preStop';
  readonly timeoutMs: number;
  /** The agent ends, and the hook's end is of no use. */
  readonly signal: AbortSignal;
}) => Promise<void>;

export interface ProbeOutcome {
  readonly success: boolean;
  readonly message: string;
  /** The probe could not run at all. This says nothing about the container and does not count. */
  readonly isError?: boolean;
  /** A success that deserves a warning. */
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
  /** The same address until it is released. Throws {@link StepProblem} if none is left. */
  allocate(uid: string): string;
  /** Throws {@link StepProblem} if the address does not lead to the pods' network. */
  verify(address: string): Promise<void>;
  release(uid: string): void;
}

/** The network of the host, which is told the pods that have addresses of it. */
export interface HostPodBook {
  /** The pod has this address, or other labels than before. */
  set(pod: Pod, address: string): void;
  /** The pod has given its address back. */
  delete(uid: string): void;
  /** Resolves when a container may have the address; rejects if it may not yet. */
  prepare(address: string): Promise<void>;
}

/** The containers that the agent has made for a pod; see pod/own-containers.ts. */
export interface MadeContainers {
  readonly ids: readonly string[];
  /** By name, the marks of requested containers whose ids are not known yet. */
  readonly asked: Readonly<Record<string, string>>;
}

/** The agent's own record of a pod, for the time without a control plane. */
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

/** Only a durable record fails for a full disk; a damaged record is left out. */
export interface RecordStore {
  loadPods(): Promise<readonly PodRecord[]>;
  /** `durable`: it is on the disk when this resolves, and survives a loss of power. */
  savePod(uid: string, record: PodRecord, durable?: boolean): Promise<void>;
  deletePod(uid: string): Promise<void>;
  loadMemory(): Promise<AgentMemory>;
  saveMemory(memory: AgentMemory): Promise<void>;
}

export interface StatusWriter {
  /** Writes the newest status as soon as possible. Older unwritten ones are dropped. */
  submit(pod: Pod, status: PodStatus): void;
  /** Resolves when the newest status is written, or the pod is gone; rejects if it cannot be. */
  flush(uid: string): Promise<void>;
  /** Writes everything again: the control plane has lost its data. */
  resubmitAll(): void;
  forget(uid: string): void;
}

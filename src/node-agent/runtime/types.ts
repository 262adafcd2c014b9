/**
 * The container engine as the agent sees it. Adapters: docker/ (dockerode) and fake/ (simulation, `--runtime hollow`),
 * behind one contract suite (test/contracts/container-runtime.ts).
 *
 * Invariants: only containers that carry our cluster's *and* our node's labels are listed or touched; creating a
 * container whose name exists already with the same labels returns that one (a lost reply is not an error).
 */
import type { Duplex, Readable, Writable } from 'node:stream';

/** Label keys; also read by cAdvisor and log shippers. */
export const labelKeys = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
  cluster: 'symphony.dev/cluster',
  node: 'symphony.dev/node',
  specHash: 'symphony.dev/spec-hash',
  /** 0, 1, 2 …: the restart count of the attempt. */
  attempt: 'symphony.dev/attempt',
  /** `pod` (pause), `init`, `container`. */
  role: 'symphony.dev/role',
  /**
   * Written down by the agent before it asks for the container: tells what it made from a copy
   * (pod/own-containers.ts).
   */
  mark: 'symphony.dev/mark',
  /** The pod's spec and metadata as JSON, on the pod's first container: what a lost control plane is rebuilt from. */
  podManifest: 'symphony.dev/pod-manifest',
} as const;

export interface RuntimeInfo {
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly hostname: string;
  /** Changes when the host reboots. */
  readonly bootId: string;
  readonly machineId: string;
  readonly osImage: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** Names of the OCI runtimes that the engine can run containers with, such as `runc`. */
  readonly runtimeHandlers: readonly string[];
}

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Private, unless said. */
  readonly propagation?: 'rslave' | 'rshared';
}

export interface TmpfsMount {
  readonly target: string;
  readonly sizeBytes?: number;
  readonly mode?: number;
}

export interface PublishedPort {
  readonly containerPort: number;
  readonly hostPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly hostIp?: string;
}

/** Where the container's network comes from. */
export type NetworkMode =
  | { readonly type: 'pod'; readonly network: string; readonly ip: string }
  | { readonly type: 'container'; readonly containerId: string }
  | { readonly type: 'host' }
  | { readonly type: 'none' };

export type NamespaceMode =
  | { readonly type: 'private' }
  | { readonly type: 'shareable' }
  | { readonly type: 'host' }
  | { readonly type: 'container'; readonly containerId: string };

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Overrides the image's entry point, when given. */
  readonly command?: readonly string[];
  /** Overrides the image's arguments, when given. */
  readonly args?: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly workingDir?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly user?: string;
  readonly supplementalGroups: readonly number[];
  readonly mounts: readonly Mount[];
  readonly tmpfs: readonly TmpfsMount[];
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] };
  /** `unconfined`, or a profile's JSON; absent for the engine's default. */
  readonly seccompProfile?: string;
  readonly appArmorProfile?: string;
  readonly sysctls: Readonly<Record<string, string>>;
  /** One of {@link RuntimeInfo.runtimeHandlers}; absent for the engine's default. */
  readonly runtimeHandler?: string;
  readonly cpuShares?: number;
  readonly cpuQuotaMicros?: number;
  readonly cpuPeriodMicros?: number;
  readonly memoryBytes?: number;
  readonly oomScoreAdj?: number;
  readonly pidsLimit?: number;
  readonly network: NetworkMode;
  readonly ipc: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ports: readonly PublishedPort[];
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly stopSignal?: string;
}

export type ContainerPhase = 'created' | 'running' | 'exited';

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly imageId: string;
  readonly phase: ContainerPhase;
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  readonly exitCode?: number;
  readonly oomKilled: boolean;
  /** The engine's word on a failed start. */
  readonly error?: string;
  readonly ip?: string;
}

export type RuntimeEvent =
  | {
      readonly type: 'container';
      readonly id: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly action: 'start' | 'die' | 'oom' | 'destroy';
    }
  /** The event stream was interrupted: relist. */
  | { readonly type: 'resync' };

export interface ListedImage {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
}

export interface ImageRecord extends ListedImage {
  /** From the image's configuration, for entry point and stop signal decisions. */
  readonly user: string;
  readonly stopSignal?: string;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly serverAddress: string;
}

export interface PullProgress {
  readonly status: string;
  readonly layer?: string;
  readonly currentBytes?: number;
  readonly totalBytes?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  /** stdout and stderr together, at most `outputLimitBytes` of it. */
  readonly output: string;
}

export interface ExecSession {
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr?: Readable;
  /** Resolves with the exit code. */
  readonly done: Promise<number>;
  resize(size: { readonly columns: number; readonly rows: number }): Promise<void>;
  kill(): void;
}

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
  /** One of the outputs; both when absent. */
  readonly only?: 'stdout' | 'stderr';
}

/** Log lines as the container wrote them (stdout and stderr interleaved), ready to be sent to a client. */
export type LogStream = AsyncIterable<Buffer>;

export interface ContainerStats {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly atMs: number;
  readonly cpuNanosTotal: number;
  readonly memoryWorkingSetBytes: number;
}

/**
 * The kind of an engine's failure. `transient`: try again; `image-missing`; `invalid`: this spec can never start; `network`: the
 * container cannot have its network, address or port now; `timeout`: a command took longer than it may.
 */
export type RuntimeErrorCode =
  | 'transient'
  | 'not-found'
  | 'conflict'
  | 'image-missing'
  | 'image-pull'
  | 'invalid'
  | 'network'
  | 'timeout'
  | 'unavailable';

export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  /** The engine's words without our request, which the pod's user did not make. */
  readonly detail: string;

  constructor(
    code: RuntimeErrorCode,
    message: string,
    options?: ErrorOptions & { readonly detail?: string },
  ) {
    super(message, options);
    this.code = code;
    this.detail = options?.detail ?? message;
  }
}

/** All methods throw {@link RuntimeError}. */
export interface ContainerRuntime extends AsyncDisposable {
  info(): Promise<RuntimeInfo>;
  /**
   * All containers. `quick`: one whose state, name and address are what they were when it was inspected last is not
   * inspected again.
   */
  list(how?: 'quick'): Promise<readonly ContainerRecord[]>;
  inspect(id: string): Promise<ContainerRecord | undefined>;
  /** Whether the engine finds a file or directory at this path of its host. */
  sees(path: string): Promise<boolean>;
  create(spec: ContainerSpec): Promise<string>;
  start(id: string): Promise<void>;
  /** SIGTERM (or the stop signal), then SIGKILL after the grace; resolves when it has ended. Idempotent. */
  stop(id: string, graceSeconds: number): Promise<void>;
  kill(id: string, signal: string): Promise<void>;
  /** Idempotent; a running container is killed. */
  remove(id: string): Promise<void>;
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
  exec(
    id: string,
    command: readonly string[],
    options: { readonly timeoutMs: number; readonly outputLimitBytes: number },
  ): Promise<ExecResult>;
  execStream(
    id: string,
    command: readonly string[],
    options: { readonly stdin: boolean; readonly tty: boolean },
  ): Promise<ExecSession>;
  attach(id: string, options: { readonly stdin: boolean }): Promise<ExecSession>;
  logs(id: string, options: LogOptions, signal: AbortSignal): Promise<LogStream>;
  stats(): Promise<readonly ContainerStats[]>;
  findImage(reference: string): Promise<ImageRecord | undefined>;
  listImages(): Promise<readonly ListedImage[]>;
  pullImage(
    reference: string,
    auth: RegistryAuth | undefined,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<ImageRecord>;
  removeImage(id: string): Promise<void>;
  /** Makes an image of one layer from a tar of its root file system, under a name of ours. */
  importImage(
    reference: string,
    rootFs: Buffer,
    config: { readonly entrypoint: readonly string[] },
  ): Promise<ImageRecord>;
  /**
   * Makes sure that the pods' network exists; refuses with `invalid` when its subnet is taken by another network. Answers the
   * network's interface where that is on this machine.
   */
  ensureNetwork(network: {
    readonly name: string;
    readonly subnet: string;
    readonly gateway: string;
  }): Promise<{ readonly bridge: string | undefined }>;
  removeNetwork(name: string): Promise<void>;
  /** A stream to a port inside the container's network, for probes of unreachable networks and for port-forward. */
  dial(id: string, port: number): Promise<Duplex>;
}

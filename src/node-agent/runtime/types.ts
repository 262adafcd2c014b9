/**
 * The container engine as the agent sees it, in CRI's terms: sandboxes, and containers in them
 * (ADR 23). The adapters docker/ and fake/ pass one contract suite
 * (test/contracts/container-runtime.ts).
 *
 * Invariants: a runtime lists and touches only containers that carry our cluster's *and* our node's
 * labels. Creating a container or a sandbox again returns the first one: a lost reply is no error.
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
  /** `pod` (a sandbox), `init`, `container`. */
  role: 'symphony.dev/role',
  /** The agent records it before it asks for the container: a copy has no recorded mark. */
  mark: 'symphony.dev/mark',
  /** Addresses of the cluster's Services, on the network of its pods. */
  serviceCidr: 'symphony.dev/service-cidr',
  /** The pod's address, on a container whose network the agent connects. */
  address: 'symphony.dev/address',
  /** The pod as JSON, on one of its containers. A lost control plane is rebuilt from it. */
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
  /** Private by default. */
  readonly propagation?: 'rslave' | 'rshared';
}

export interface PublishedPort {
  readonly containerPort: number;
  readonly hostPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly hostIp?: string;
}

export type PodNetwork =
  | { readonly type: 'pod'; readonly network: string; readonly ip: string }
  | { readonly type: 'host' }
  | { readonly type: 'none' };

/** The part that all containers of a pod share: CRI's PodSandboxConfig. */
export interface SandboxSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The number of containers that the pod has. A restart does not count as another one. */
  readonly containers: number;
  readonly hostname?: string;
  readonly network: PodNetwork;
  readonly ipc: 'pod' | 'host';
  readonly pid: 'container' | 'pod' | 'host';
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ports: readonly PublishedPort[];
  /** Files of the pod, such as its hosts file. */
  readonly mounts: readonly Mount[];
  /** One of {@link RuntimeInfo.runtimeHandlers}; absent for the engine's default. */
  readonly runtimeHandler?: string;
}

/** The part of a sandbox that decides how an engine makes it. */
export type SandboxShape = Pick<SandboxSpec, 'containers' | 'pid'>;

/** A sandbox to create containers in. CRI's CreateContainer gets its configuration as well. */
export interface Sandbox {
  readonly id: string;
  readonly spec: SandboxSpec;
}

export interface SandboxRecord {
  readonly id: string;
  readonly attempt: number;
  /**
   * `ready`: the pod's network and namespaces exist. `vacant`: they come with the next container,
   * and nothing has to be stopped or removed. `dead`: containers in it have lost them for good.
   */
  readonly phase: 'ready' | 'vacant' | 'dead';
}

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
  readonly user?: string;
  readonly supplementalGroups: readonly number[];
  readonly mounts: readonly Mount[];
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] };
  /** `unconfined`, or a profile's JSON; absent for the engine's default. */
  readonly seccompProfile?: string;
  readonly appArmorProfile?: string;
  readonly cpuShares?: number;
  readonly cpuQuotaMicros?: number;
  readonly cpuPeriodMicros?: number;
  readonly memoryBytes?: number;
  readonly oomScoreAdj?: number;
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
  /** The engine's text on a failed start. */
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

/** Log lines as the container wrote them, stdout and stderr interleaved. */
export type LogStream = AsyncIterable<Buffer>;

export interface ContainerStats {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly atMs: number;
  readonly cpuNanosTotal: number;
  readonly memoryWorkingSetBytes: number;
}

/**
 * The kind of an engine's failure. `transient`: try again. `invalid`: this spec can never start.
 * `network`: the network or a port is not available now. `address`: another container has the
 * pod's address. `timeout`: a command took too long.
 */
export type RuntimeErrorCode =
  | 'transient'
  | 'not-found'
  | 'conflict'
  | 'image-missing'
  | 'image-pull'
  | 'invalid'
  | 'network'
  | 'address'
  | 'timeout'
  | 'unavailable';

export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  /** The engine's text without our request, which the pod's user did not make. */
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
  /** `quick` inspects only those whose state, name or address differs from the last inspection. */
  list(how?: 'quick'): Promise<readonly ContainerRecord[]>;
  inspect(id: string): Promise<ContainerRecord | undefined>;
  /** Whether the engine finds a file or directory at this path of its host. */
  sees(path: string): Promise<boolean>;
  /** Names of containers, of anybody, that may use a mount of this path or of something below it. */
  usersOfPath(path: string): Promise<readonly string[]>;
  /** The sandboxes of one pod, newest first, from all records of the pod. Pure. */
  sandboxesOf(records: readonly ContainerRecord[], shape: SandboxShape): readonly SandboxRecord[];
  /** Makes the sandbox and starts it; a sandbox that fails to start is removed. Answers its id. */
  ensureSandbox(spec: SandboxSpec): Promise<string>;
  /** Ends the sandbox at once. Idempotent. */
  stopSandbox(id: string): Promise<void>;
  /** Idempotent. */
  removeSandbox(id: string): Promise<void>;
  create(spec: ContainerSpec, sandbox: Sandbox): Promise<string>;
  start(id: string): Promise<void>;
  /** SIGTERM (or the stop signal), SIGKILL after the grace. Resolves at its end. Idempotent. */
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
  pullImage(reference: string, auth: RegistryAuth | undefined, signal: AbortSignal): Promise<ImageRecord>;
  removeImage(id: string): Promise<void>;
  /** Makes an image of one layer from a tar of its root file system. */
  importImage(
    reference: string,
    rootFs: Buffer,
    config: { readonly entrypoint: readonly string[] },
  ): Promise<ImageRecord>;
  /**
   * Makes the pods' network unless it exists. Throws `invalid` when another network has its subnet.
   * Answers the network's interface if that is on this machine.
   */
  ensureNetwork(network: {
    readonly name: string;
    readonly subnet: string;
    readonly gateway: string;
    /** Bytes; the engine's default when left out. A network that exists keeps its own. */
    readonly mtu?: number;
    /** Written on the network, so that other clusters leave these addresses alone. */
    readonly serviceCidr?: string;
  }): Promise<{ readonly bridge: string | undefined }>;
  removeNetwork(name: string): Promise<void>;
  /**
   * A stream to a port inside the container's network: at its address, or on its localhost. With
   * `address`, which the pod has, only there.
   */
  dial(id: string, port: number, address?: string): Promise<Duplex>;
  /** A stream from inside the container's network to an address and port anywhere. */
  dialFrom(id: string, host: string, port: number): Promise<Duplex>;
}

/**
 * ContainerRuntime without containers: for simulation (fake clock, seeded rng, faults on demand) and for `--runtime
 * hollow`. It keeps the real engine's rules that callers depend on: names and addresses are exclusive, a member joins
 * only a running sandbox, a second create of the same container returns the first. Its state outlives the agent's
 * dispose, as a real engine's does.
 */
import { type AsyncQueue, createAsyncQueue } from '../../../base/async-queue.ts';
import { type Clock, sleep } from '../../../base/clock.ts';
import type { Rng } from '../../../base/rng.ts';
import {
  type ContainerRecord,
  type ContainerRuntime,
  type ContainerSpec,
  type ExecResult,
  labelKeys,
  RuntimeError,
  type RuntimeErrorCode,
  type RuntimeEvent,
  type RuntimeInfo,
} from '../types.ts';
import { type FakeContainer, type FakeProgram, ipOf, recordOf, writeLog } from './fake-container.ts';
import { createFakeImages, type FakeImages } from './fake-images.ts';
import { dialFake, openFakeSession, readFakeLog } from './fake-streams.ts';

export type FakeOperation =
  | 'info'
  | 'list'
  | 'inspect'
  | 'create'
  | 'start'
  | 'stop'
  | 'kill'
  | 'remove'
  | 'exec'
  | 'pullImage'
  | 'ensureNetwork';

export interface FakeLatencies {
  readonly createMs: number;
  readonly startMs: number;
  readonly removeMs: number;
  readonly pullMs: number;
  readonly lookMs: number;
}

export interface FakeRuntimeOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly cluster: string;
  readonly node: string;
  readonly info?: Partial<RuntimeInfo>;
  readonly latencies?: Partial<FakeLatencies>;
  /** What a container does; by default it runs until it is stopped. */
  readonly programOf?: (spec: ContainerSpec) => FakeProgram;
  /** The interface of the pods' network, for tests of routes. */
  readonly bridge?: string;
  /** Which references the registry has; by default all. */
  readonly pullable?: (reference: string) => boolean;
  readonly onExec?: (container: ContainerRecord, command: readonly string[]) => ExecResult | undefined;
}

export interface FakeRuntime extends ContainerRuntime {
  readonly images: FakeImages;
  /** All containers as they are now, without latency or faults: for checks of invariants. */
  snapshot(): readonly ContainerRecord[];
  spec(id: string): ContainerSpec | undefined;
  /** Ends a running container from the inside. */
  crash(id: string, exitCode: number, oomKilled?: boolean): void;
  /** Whether execs in the container (probes) succeed. */
  setHealth(id: string, healthy: boolean): void;
  /** The next call of this kind fails; with `afterEffect` it is done first and only the reply is lost. */
  failNext(
    operation: FakeOperation,
    code: RuntimeErrorCode,
    options?: { readonly afterEffect?: boolean },
  ): void;
  /** Breaks the event streams; nothing is reported until they are whole again, which `resync` announces. */
  interruptEvents(): void;
  resumeEvents(): void;
  /** A reboot: everything that ran has ended with 137, without events; the boot id is another one. */
  reboot(): void;
}

const NO_LATENCY: FakeLatencies = { createMs: 0, startMs: 0, removeMs: 0, pullMs: 0, lookMs: 0 };
const KILLED = 137;
const TERMINATED = 143;

export function createFakeRuntime(options: FakeRuntimeOptions): FakeRuntime {
  const { clock, rng, cluster, node } = options;
  const latencies = { ...NO_LATENCY, ...options.latencies };
  const containers = new Map<string, FakeContainer>();
  const networks = new Map<string, string>();
  const subscribers = new Set<AsyncQueue<RuntimeEvent>>();
  const faults = new Map<
    FakeOperation,
    { readonly code: RuntimeErrorCode; readonly afterEffect: boolean }[]
  >();
  const images = createFakeImages();
  let bootId = rng.uuid();
  let interrupted = false;

  const emit = (container: FakeContainer, action: 'start' | 'die' | 'oom' | 'destroy'): void => {
    if (interrupted) return;
    const event: RuntimeEvent = {
      type: 'container',
      id: container.id,
      labels: container.spec.labels,
      action,
    };
    for (const subscriber of subscribers) subscriber.push(event);
  };

  /** Latency with ±50 % of noise, then the fault that was asked for, around the effect. */
  async function perform<T>(operation: FakeOperation, latencyMs: number, effect: () => T): Promise<T> {
    if (latencyMs > 0) await sleep(clock, latencyMs * (0.5 + rng.next()));
    const fault = faults.get(operation)?.shift();
    const fail = (): never => {
      throw new RuntimeError(fault?.code ?? 'transient', `Cannot ${operation}: injected fault`);
    };
    if (fault && !fault.afterEffect) fail();
    const result = effect();
    if (fault) fail();
    return result;
  }

  function find(id: string): FakeContainer | undefined {
    return containers.get(id) ?? [...containers.values()].find(({ spec }) => spec.name === id);
  }

  function need(id: string): FakeContainer {
    const container = find(id);
    if (!container) throw new RuntimeError('not-found', `Cannot find container "${id}"`);
    return container;
  }

  const isRunning = (container: FakeContainer): boolean => container.phase === 'running';

  function end(container: FakeContainer, exitCode: number, oomKilled = false, quietly = false): void {
    if (!isRunning(container)) return;
    container.phase = 'exited';
    container.finishedAtMs = clock.now();
    container.exitCode = exitCode;
    container.oomKilled = oomKilled;
    for (const follower of container.followers) follower.close();
    container.followers.clear();
    for (const notify of container.endings) notify();
    container.endings.clear();
    if (quietly) return;
    if (oomKilled) emit(container, 'oom');
    emit(container, 'die');
  }

  function create(spec: ContainerSpec): string {
    if (spec.labels[labelKeys.cluster] !== cluster || spec.labels[labelKeys.node] !== node) {
      throw new RuntimeError(
        'invalid',
        `Cannot create container "${spec.name}": its labels are not this node's`,
      );
    }
    const existing = find(spec.name);
    if (existing) {
      const keys = [labelKeys.specHash, labelKeys.mark];
      if (keys.every((key) => existing.spec.labels[key] === spec.labels[key])) return existing.id;
      throw new RuntimeError('conflict', `Cannot create container "${spec.name}": the name is taken`);
    }
    const image = images.find(spec.image);
    if (!image)
      throw new RuntimeError('image-missing', `Cannot create container: no such image "${spec.image}"`);
    const id = `${rng.uuid()}${rng.uuid()}`.replaceAll('-', '');
    containers.set(id, {
      id,
      spec,
      imageId: image.id,
      program: options.programOf?.(spec) ?? {},
      createdAtMs: clock.now(),
      phase: 'created',
      oomKilled: false,
      healthy: true,
      log: [],
      followers: new Set(),
      endings: new Set(),
    });
    return id;
  }

  function start(container: FakeContainer): void {
    if (isRunning(container)) return;
    const { network, ports } = container.spec;
    const others = [...containers.values()].filter((other) => other !== container && isRunning(other));
    if (network.type === 'container' && !others.some(({ id }) => id === network.containerId)) {
      throw new RuntimeError(
        'conflict',
        `Cannot start container: cannot join network of a non running container`,
      );
    }
    if (network.type === 'pod' && others.some((other) => ipOf(other) === network.ip)) {
      throw new RuntimeError('network', `Cannot start container: address ${network.ip} already in use`);
    }
    const taken = new Set(
      others.flatMap((other) => other.spec.ports.map((port) => `${port.protocol}/${port.hostPort}`)),
    );
    const clash = ports.find((port) => taken.has(`${port.protocol}/${port.hostPort}`));
    if (clash)
      throw new RuntimeError(
        'network',
        `Cannot start container: port ${clash.hostPort} is already allocated`,
      );
    const { program } = container;
    if (program.startError !== undefined) {
      container.phase = 'exited';
      container.exitCode = 127;
      container.error = program.startError;
      throw new RuntimeError('invalid', `Cannot start container: ${program.startError}`);
    }
    container.phase = 'running';
    container.startedAtMs = clock.now();
    emit(container, 'start');
    for (const line of program.output ?? []) writeLog(container, clock.now(), line);
    if (program.exitAfterMs !== undefined) {
      const timer = clock.setTimer(() => end(container, program.exitCode ?? 0), program.exitAfterMs);
      container.endings.add(() => timer.cancel());
    }
  }

  const ended = (container: FakeContainer): Promise<void> =>
    isRunning(container) ? new Promise((resolve) => container.endings.add(resolve)) : Promise.resolve();

  /** The program's answer to SIGTERM. */
  function terminate(container: FakeContainer): void {
    const { program } = container;
    if (program.ignoresTerm === true) return;
    const code = program.exitCodeOnTerm ?? TERMINATED;
    const delayMs = program.termDelayMs ?? 0;
    if (delayMs <= 0) return end(container, code);
    const timer = clock.setTimer(() => end(container, code), delayMs);
    container.endings.add(() => timer.cancel());
  }

  function remove(id: string): void {
    const container = find(id);
    if (!container) return;
    end(container, KILLED);
    containers.delete(container.id);
    emit(container, 'destroy');
  }

  return {
    images,
    snapshot: () => [...containers.values()].map(recordOf),
    spec: (id) => find(id)?.spec,
    crash: (id, exitCode, oomKilled = false) => end(need(id), exitCode, oomKilled),
    setHealth(id, healthy) {
      need(id).healthy = healthy;
    },
    failNext(operation, code, { afterEffect = false } = {}) {
      faults.set(operation, [...(faults.get(operation) ?? []), { code, afterEffect }]);
    },
    interruptEvents() {
      interrupted = true;
    },
    resumeEvents() {
      interrupted = false;
      for (const subscriber of subscribers) subscriber.push({ type: 'resync' });
    },
    reboot() {
      for (const container of containers.values()) end(container, KILLED, false, true);
      bootId = rng.uuid();
      for (const subscriber of subscribers) subscriber.push({ type: 'resync' });
    },

    info: () =>
      perform('info', latencies.lookMs, () => ({
        name: 'hollow',
        version: '1.0.0',
        apiVersion: '1.0',
        hostname: node,
        bootId,
        machineId: node,
        osImage: 'hollow',
        operatingSystem: 'linux',
        architecture: 'amd64',
        kernelVersion: '0.0.0',
        cpus: 32,
        memoryBytes: 256 * 1024 ** 3,
        diskBytes: 1024 ** 4,
        runtimeHandlers: ['runc'],
        ...options.info,
      })),
    // Newest first, as the Engine lists them: members come before their sandbox.
    list: () => perform('list', latencies.lookMs, () => [...containers.values()].map(recordOf).reverse()),
    inspect: (id) =>
      perform('inspect', latencies.lookMs, () => {
        const container = find(id);
        return container && recordOf(container);
      }),
    sees: async () => true,
    create: (spec) => perform('create', latencies.createMs, () => create(spec)),
    start: (id) => perform('start', latencies.startMs, () => start(need(id))),
    async stop(id, graceSeconds) {
      const container = await perform('stop', 0, () => {
        const found = find(id);
        if (found && isRunning(found)) terminate(found);
        return found;
      });
      if (!container || !isRunning(container)) return;
      const timer = clock.setTimer(() => end(container, KILLED), graceSeconds * 1000);
      await ended(container);
      timer.cancel();
    },
    kill: (id, signal) =>
      perform('kill', 0, () => {
        const container = need(id);
        if (signal === 'SIGKILL' || signal === 'KILL') end(container, KILLED);
        else if (signal === 'SIGTERM' || signal === 'TERM') terminate(container);
      }),
    remove: (id) => perform('remove', latencies.removeMs, () => remove(id)),

    async *events(signal) {
      const queue = createAsyncQueue<RuntimeEvent>();
      const close = (): void => queue.close();
      subscribers.add(queue);
      signal.addEventListener('abort', close, { once: true });
      if (signal.aborted) close();
      try {
        queue.push({ type: 'resync' });
        yield* queue;
      } finally {
        subscribers.delete(queue);
        signal.removeEventListener('abort', close);
      }
    },

    exec: (id, command, { outputLimitBytes }) =>
      perform('exec', latencies.lookMs, () => {
        const container = need(id);
        if (!isRunning(container)) {
          throw new RuntimeError('conflict', `Cannot run a command in container "${id}": it is not running`);
        }
        const answer = options.onExec?.(recordOf(container), command);
        const result = answer ?? { exitCode: container.healthy ? 0 : 1, output: '' };
        const output = Buffer.from(result.output).subarray(0, outputLimitBytes).toString();
        return { exitCode: result.exitCode, output };
      }),
    async execStream(id, command, { stdin }) {
      const container = need(id);
      const answer = options.onExec?.(recordOf(container), command);
      return openFakeSession({ echo: stdin, output: answer?.output ?? '', exitCode: answer?.exitCode ?? 0 });
    },
    async attach(id, { stdin }) {
      const container = need(id);
      return openFakeSession({ echo: stdin, output: '', exitCode: container.exitCode ?? 0 });
    },
    async logs(id, logOptions, signal) {
      return readFakeLog(need(id), logOptions, signal);
    },
    async stats() {
      return [...containers.values()].filter(isRunning).map((container) => ({
        id: container.id,
        labels: container.spec.labels,
        atMs: clock.now(),
        cpuNanosTotal: (clock.now() - (container.startedAtMs ?? 0)) * pretendedNanosPerMs(container.spec),
        memoryWorkingSetBytes: pretendedBytes(container.spec),
      }));
    },

    findImage: (reference) => Promise.resolve(images.find(reference)),
    listImages: () => Promise.resolve(images.list()),
    pullImage: (reference, _auth, onProgress) =>
      perform('pullImage', latencies.pullMs, () => {
        if (options.pullable && !options.pullable(reference)) {
          throw new RuntimeError('image-pull', `Cannot pull image "${reference}": manifest unknown`);
        }
        onProgress({ status: 'Pull complete' });
        return images.find(reference) ?? images.add(reference);
      }),
    async removeImage(id) {
      images.remove(id);
    },
    importImage: (reference) => Promise.resolve(images.add(reference)),
    ensureNetwork: ({ name, subnet }) =>
      perform('ensureNetwork', 0, () => {
        const existing = networks.get(name);
        if (existing !== undefined && existing !== subnet) {
          throw new RuntimeError(
            'invalid',
            `Cannot use network "${name}": its subnet is ${existing}, not ${subnet}`,
          );
        }
        const overlap = [...networks].find(([other, taken]) => other !== name && taken === subnet);
        if (overlap) {
          throw new RuntimeError(
            'invalid',
            `Cannot create network "${name}": subnet ${subnet} overlaps with another network ("${overlap[0]}")`,
          );
        }
        networks.set(name, subnet);
        return { bridge: options.bridge };
      }),
    async removeNetwork(name) {
      networks.delete(name);
    },
    async dial(id, port) {
      return dialFake(need(id), port);
    },
    async [Symbol.asyncDispose]() {
      for (const subscriber of subscribers) subscriber.close();
    },
  };
}

/** Nothing runs here: a pretended container uses half of the CPU that it asked for, or a thousandth of a core. */
function pretendedNanosPerMs({ cpuShares }: ContainerSpec): number {
  const cores = cpuShares === undefined ? 0.001 : cpuShares / SHARES_PER_CORE / 2;
  return Math.round(cores * NANOS_PER_MS);
}

const SHARES_PER_CORE = 1_024;
const NANOS_PER_MS = 1_000_000;

/** As much: half of the memory that it may use, or a mebibyte. */
const pretendedBytes = ({ memoryBytes }: ContainerSpec): number =>
  memoryBytes === undefined ? 1_048_576 : Math.round(memoryBytes / 2);

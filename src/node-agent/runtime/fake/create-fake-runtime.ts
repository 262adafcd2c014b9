/**
 * ContainerRuntime without containers, for simulation (fake clock, seeded rng, faults on demand)
 * and below `--runtime hollow`. Its state outlives the agent's dispose, as a real engine's does. It
 * has sandboxes as the Docker adapter has them.
 */
import { createAbort } from '../../../base/abort.ts';
import type { PlacedContainer } from '../docker/placed-container.ts';
import { createSandboxes, type PlacedContainers } from '../docker/sandboxes.ts';
import {
  type ContainerRecord,
  type ContainerRuntime,
  type ExecResult,
  type ImageRecord,
  RuntimeError,
  type RuntimeInfo,
} from '../types.ts';
import { createFakeCalls, type FakeCalls, type FakeLatencies } from './fake-calls.ts';
import { recordOf } from './fake-container.ts';
import {
  createFakeEngine,
  type FakeEngine,
  type FakeEngineOptions,
  isRunning,
  KILLED,
} from './fake-engine.ts';
import { createFakeEvents } from './fake-events.ts';
import { createFakeImages, type FakeImages } from './fake-images.ts';
import { createFakeNetworks } from './fake-networks.ts';
import { dialFake, openFakeSession, readFakeLog } from './fake-streams.ts';
import { usageOf } from './fake-usage.ts';

export interface FakeRuntimeOptions extends Omit<FakeEngineOptions, 'images' | 'events'> {
  readonly info?: Partial<RuntimeInfo>;
  readonly latencies?: Partial<FakeLatencies>;
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
  spec(id: string): PlacedContainer | undefined;
  /** Ends a running container from the inside. */
  crash(id: string, exitCode: number, oomKilled?: boolean): void;
  /** Whether execs in the container (probes) succeed. */
  setHealth(id: string, healthy: boolean): void;
  readonly failNext: FakeCalls['failNext'];
  /** Interrupts the event streams. `resync` announces their end. */
  interruptEvents(): void;
  resumeEvents(): void;
  /** A reboot ends every container with 137, without events, and changes the boot id. */
  reboot(): void;
}

export function createFakeRuntime(options: FakeRuntimeOptions): FakeRuntime {
  const { clock, rng } = options;
  const disposed = createAbort();
  const { perform, failNext } = createFakeCalls(clock, rng, disposed.signal, options.latencies);
  const images = createFakeImages();
  const events = createFakeEvents();
  const engine = createFakeEngine({ ...options, images, events });
  const { need } = engine;
  let bootId = rng.uuid();

  const info = (): Promise<RuntimeInfo> =>
    perform('info', () => ({ ...infoOf(options), bootId, ...options.info }));
  const placed = containerCalls(options, engine, perform);
  const imaging = imageCalls(options, images, perform);
  return {
    images,
    snapshot: () => engine.all().map(recordOf),
    spec: (id) => engine.find(id)?.spec,
    crash: (id, exitCode, oomKilled = false) => engine.end(need(id), exitCode, { oomKilled }),
    setHealth(id, healthy) {
      need(id).healthy = healthy;
    },
    failNext,
    interruptEvents: events.interrupt,
    resumeEvents: events.resume,
    reboot() {
      for (const container of engine.all()) engine.end(container, KILLED, { quietly: true });
      bootId = rng.uuid();
      events.resync();
    },
    info,
    ...placed,
    ...createSandboxes(placed, { info, ...imaging }),
    ...imaging,
    ...commandCalls(options, engine, perform),
    ...networkCalls(options, perform),
    events: events.stream,
    sees: async () => true,
    usersOfPath: async (path) =>
      engine
        .all()
        .filter(
          ({ phase, spec }) => phase !== 'exited' && spec.mounts.some(({ source }) => isWithin(source, path)),
        )
        .map(({ spec }) => spec.name),
    stats: async () =>
      engine
        .all()
        .filter(isRunning)
        .map((container) => usageOf(container, clock.now())),
    async [Symbol.asyncDispose]() {
      disposed.abort();
      events[Symbol.dispose]();
    },
  };
}

const isWithin = (source: string, path: string): boolean => source === path || source.startsWith(`${path}/`);

type Perform = FakeCalls['perform'];

function containerCalls(
  { clock }: FakeRuntimeOptions,
  engine: FakeEngine,
  perform: Perform,
): PlacedContainers & Pick<ContainerRuntime, 'list' | 'inspect' | 'kill'> {
  return {
    // Newest first, as the Engine lists them: members come before their sandbox.
    list: () => perform('list', () => engine.all().map(recordOf).reverse()),
    inspect: (id) =>
      perform('inspect', () => {
        const container = engine.find(id);
        return container && recordOf(container);
      }),
    create: (spec) => perform('create', () => engine.create(spec)),
    start: (id) => perform('start', () => engine.start(engine.need(id))),
    async stop(id, graceSeconds) {
      const container = await perform('stop', () => {
        const found = engine.find(id);
        if (found && isRunning(found)) engine.terminate(found);
        return found;
      });
      if (!container || !isRunning(container)) return;
      const timer = clock.setTimer(() => engine.end(container, KILLED), graceSeconds * 1000);
      await engine.ended(container);
      timer.cancel();
    },
    kill: (id, signal) =>
      perform('kill', () => {
        const container = engine.need(id);
        if (signal === 'SIGKILL' || signal === 'KILL') engine.end(container, KILLED);
        else if (signal === 'SIGTERM' || signal === 'TERM') engine.terminate(container);
      }),
    remove: (id) =>
      perform('remove', () => {
        const container = engine.find(id);
        if (container) engine.remove(container);
      }),
  };
}

function commandCalls(
  { onExec }: FakeRuntimeOptions,
  { need }: FakeEngine,
  perform: Perform,
): Pick<ContainerRuntime, 'exec' | 'execStream' | 'attach' | 'logs' | 'dial' | 'dialFrom'> {
  return {
    exec: (id, command, { outputLimitBytes }) =>
      perform('exec', () => {
        const container = need(id);
        if (!isRunning(container)) {
          throw new RuntimeError('conflict', `Cannot run a command in container "${id}": it is not running`);
        }
        const answer = onExec?.(recordOf(container), command);
        const result = answer ?? { exitCode: container.healthy ? 0 : 1, output: '' };
        const output = Buffer.from(result.output).subarray(0, outputLimitBytes).toString();
        return { exitCode: result.exitCode, output };
      }),
    async execStream(id, command, { stdin }) {
      const answer = onExec?.(recordOf(need(id)), command);
      return openFakeSession({ echo: stdin, output: answer?.output ?? '', exitCode: answer?.exitCode ?? 0 });
    },
    async attach(id, { stdin }) {
      return openFakeSession({ echo: stdin, output: '', exitCode: need(id).exitCode ?? 0 });
    },
    logs: async (id, logOptions, signal) => readFakeLog(need(id), logOptions, signal),
    dial: async (id, port) => dialFake(need(id), port),
    dialFrom: async (id, _host, port) => dialFake(need(id), port),
  };
}

function imageCalls(
  { pullable }: FakeRuntimeOptions,
  images: FakeImages,
  perform: Perform,
): Pick<ContainerRuntime, 'findImage' | 'listImages' | 'pullImage' | 'removeImage' | 'importImage'> {
  return {
    findImage: (reference) => Promise.resolve(images.find(reference)),
    listImages: () => Promise.resolve(images.list()),
    pullImage: (reference, _auth, signal) => {
      const refuse = (why: string): never => {
        throw new RuntimeError('image-pull', `Cannot pull image "${reference}": ${why}`);
      };
      const pull = (): ImageRecord => {
        if (signal.aborted) return refuse('cancelled');
        if (pullable && !pullable(reference)) return refuse('manifest unknown');
        return images.find(reference) ?? images.add(reference);
      };
      return perform('pullImage', pull, signal);
    },
    removeImage: async (id) => images.remove(id),
    importImage: (reference) => Promise.resolve(images.add(reference)),
  };
}

function networkCalls(
  { bridge }: FakeRuntimeOptions,
  perform: Perform,
): Pick<ContainerRuntime, 'ensureNetwork' | 'removeNetwork'> {
  const networks = createFakeNetworks();
  return {
    ensureNetwork: ({ name, subnet }) =>
      perform('ensureNetwork', () => {
        networks.ensure(name, subnet);
        return { bridge };
      }),
    removeNetwork: async (name) => networks.remove(name),
  };
}

/** A machine that is larger than most, so that many pods fit. */
const infoOf = ({ node }: FakeRuntimeOptions): Omit<RuntimeInfo, 'bootId'> => ({
  name: 'hollow',
  version: '1.0.0',
  apiVersion: '1.0',
  hostname: node,
  machineId: node,
  osImage: 'hollow',
  operatingSystem: 'linux',
  architecture: 'amd64',
  kernelVersion: '0.0.0',
  cpus: 32,
  memoryBytes: 256 * 1024 ** 3,
  diskBytes: 1024 ** 4,
  runtimeHandlers: ['runc'],
});

/**
 * The containers of the fake engine and their lives. It keeps the real engine's rules that callers
 * depend on: names are exclusive, and a second create of the same container returns the first.
 */
import type { Clock } from '../../../base/clock.ts';
import type { Rng } from '../../../base/rng.ts';
import type { PlacedContainer } from '../docker/placed-container.ts';
import { labelKeys, RuntimeError } from '../types.ts';
import { type FakeContainer, type FakeProgram, writeLog } from './fake-container.ts';
import type { FakeEvents } from './fake-events.ts';
import type { FakeImages } from './fake-images.ts';
import { checkNetworkOf } from './fake-networks.ts';

export interface FakeEngineOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly cluster: string;
  readonly node: string;
  readonly images: FakeImages;
  readonly events: Pick<FakeEvents, 'emit'>;
  /** The program of a container; by default it runs until it is stopped. */
  readonly programOf?: ((spec: PlacedContainer) => FakeProgram) | undefined;
}

export interface FakeEngine {
  /** In the order in which they were made. */
  all(): readonly FakeContainer[];
  find(id: string): FakeContainer | undefined;
  need(id: string): FakeContainer;
  create(spec: PlacedContainer): string;
  start(container: FakeContainer): void;
  terminate(container: FakeContainer): void;
  /** Ends the process; `quietly`: without an event. */
  end(
    container: FakeContainer,
    exitCode: number,
    how?: { readonly oomKilled?: boolean; readonly quietly?: boolean },
  ): void;
  ended(container: FakeContainer): Promise<void>;
  remove(container: FakeContainer): void;
}

export const KILLED = 137;
const TERMINATED = 143;

export const isRunning = (container: FakeContainer): boolean => container.phase === 'running';

export function createFakeEngine(options: FakeEngineOptions): FakeEngine {
  const { clock, rng, images, events } = options;
  const containers = new Map<string, FakeContainer>();

  function find(id: string): FakeContainer | undefined {
    return containers.get(id) ?? [...containers.values()].find(({ spec }) => spec.name === id);
  }

  const end: FakeEngine['end'] = (container, exitCode, { oomKilled = false, quietly = false } = {}) => {
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
    if (oomKilled) events.emit(container, 'oom');
    events.emit(container, 'die');
  };

  function endLater(container: FakeContainer, exitCode: number, delayMs: number): void {
    const timer = clock.setTimer(() => end(container, exitCode), delayMs);
    container.endings.add(() => timer.cancel());
  }

  function runProgram(container: FakeContainer): void {
    const { program } = container;
    if (program.startError !== undefined) {
      container.phase = 'exited';
      container.exitCode = 127;
      container.error = program.startError;
      throw new RuntimeError('invalid', `Cannot start container: ${program.startError}`);
    }
    container.phase = 'running';
    container.startedAtMs = clock.now();
    events.emit(container, 'start');
    for (const line of program.output ?? []) writeLog(container, clock.now(), line);
    if (program.exitAfterMs !== undefined) endLater(container, program.exitCode ?? 0, program.exitAfterMs);
  }

  return {
    all: () => [...containers.values()],
    find,
    need(id) {
      const container = find(id);
      if (!container) throw new RuntimeError('not-found', `Cannot find container "${id}"`);
      return container;
    },
    create(spec) {
      const existing = find(spec.name);
      checkSpec(spec, options, existing);
      if (existing) return existing.id;
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
    },
    start(container) {
      if (isRunning(container)) return;
      const others = [...containers.values()].filter((other) => other !== container && isRunning(other));
      checkNetworkOf(container, others);
      runProgram(container);
    },
    terminate(container) {
      const { ignoresTerm, exitCodeOnTerm = TERMINATED, termDelayMs = 0 } = container.program;
      if (ignoresTerm === true) return;
      if (termDelayMs > 0) endLater(container, exitCodeOnTerm, termDelayMs);
      else end(container, exitCodeOnTerm);
    },
    end,
    ended: (container) =>
      isRunning(container) ? new Promise((resolve) => container.endings.add(resolve)) : Promise.resolve(),
    remove(container) {
      end(container, KILLED);
      containers.delete(container.id);
      events.emit(container, 'destroy');
    },
  };
}

/** Throws when the labels are another node's, or the name belongs to another container. */
function checkSpec(
  spec: PlacedContainer,
  { cluster, node }: FakeEngineOptions,
  existing: FakeContainer | undefined,
): void {
  const refuse = (code: 'invalid' | 'conflict', why: string): never => {
    throw new RuntimeError(code, `Cannot create container "${spec.name}": ${why}`);
  };
  if (spec.labels[labelKeys.cluster] !== cluster || spec.labels[labelKeys.node] !== node)
    refuse('invalid', "its labels are not this node's");
  const isSame = [labelKeys.specHash, labelKeys.mark].every(
    (key) => existing?.spec.labels[key] === spec.labels[key],
  );
  if (existing && !isSame) refuse('conflict', 'the name is taken');
}

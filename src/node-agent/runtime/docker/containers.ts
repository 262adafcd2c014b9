/** Creates, starts, stops, signals and removes containers. It inspects only after a failure. */
import type { ContainerRuntime } from '../types.ts';
import { createContainer, type CreateOptions } from './create-container.ts';
import { type Engine, LIFECYCLE_TIMEOUT_MS } from './engine.ts';
import { engineMessage, engineStatus, toRuntimeError } from './engine-errors.ts';
import { createGate } from './gate.ts';
import { createContainerReads, isMissing } from './read-containers.ts';
import type { LinkedContainers } from './linked-containers.ts';
import type { PlacedContainers } from './sandboxes.ts';

/** Measured: an Engine starts the most containers per second with about eight calls at once. */
const LIFECYCLE_CONCURRENCY = 8;
/** The Engine answers a stop only after the grace. It hangs if it takes this much longer. */
const STOP_MARGIN_MS = 30_000;
/** The Engine counts nanoseconds in 64 bits. A longer grace would end at once. */
const MAX_STOP_SECONDS = 1_000_000_000;
/** The Engine's status for a container that is in the wanted state already. */
const NOT_MODIFIED = 304;
const CONFLICT = 409;

type Containers = PlacedContainers & Pick<ContainerRuntime, 'list' | 'inspect' | 'kill'>;

export interface ContainersOptions extends Omit<CreateOptions, 'inspect' | 'linked'> {
  readonly linked?: LinkedContainers | undefined;
}

export function createContainers(options: ContainersOptions): Containers {
  const { engine, ownership, linked } = options;
  const gate = createGate(LIFECYCLE_CONCURRENCY);
  const reads = createContainerReads(engine, ownership, linked);
  return {
    ...reads,
    create: (spec) => gate.run('low', () => createContainer({ ...options, inspect: reads.inspect }, spec)),
    async start(id) {
      await ownership.assertOurs(id);
      const begin = (): Promise<void> => gate.run('high', () => startContainer(engine, id));
      await (linked ? linked.start(id, begin) : begin());
    },
    async stop(id, graceSeconds) {
      await unlessMissing(async () => {
        await ownership.assertOurs(id);
        await stopContainer(engine, id, Math.min(Math.max(0, Math.ceil(graceSeconds)), MAX_STOP_SECONDS));
      });
    },
    async kill(id, signal) {
      await ownership.assertOurs(id);
      await signalContainer(engine, id, signal);
    },
    async remove(id) {
      try {
        await unlessMissing(async () => {
          await ownership.assertOurs(id);
          await removeContainer(engine, id);
        });
      } finally {
        ownership.forget(id);
      }
    },
  };
}

/** Does the work, and passes over the errors that `isHarmless` names. */
async function unless(isHarmless: (error: unknown) => boolean, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isHarmless(error)) throw error;
  }
}

const unlessMissing = (work: () => Promise<void>): Promise<void> => unless(isMissing, work);

const isNotModified = (error: unknown): boolean => engineStatus(error) === NOT_MODIFIED;

const startContainer = ({ docker, call }: Engine, id: string): Promise<void> =>
  call(
    `start container "${id}"`,
    (options) => unless(isNotModified, () => docker.getContainer(id).start(options)),
    LIFECYCLE_TIMEOUT_MS,
  );

const stopContainer = ({ docker, call }: Engine, id: string, seconds: number): Promise<void> =>
  call(
    `stop container "${id}"`,
    ({ abortSignal }) =>
      unless(isNotModified, () => docker.getContainer(id).stop({ t: seconds, abortSignal })),
    seconds * 1000 + STOP_MARGIN_MS,
  );

const signalContainer = ({ docker, call }: Engine, id: string, signal: string): Promise<void> =>
  call(`signal container "${id}"`, ({ abortSignal }) =>
    // A container that runs no more needs no signal.
    unless(
      (error) => engineStatus(error) === CONFLICT && /not running/i.test(engineMessage(error)),
      () => docker.getContainer(id).kill({ signal, abortSignal }),
    ),
  );

const removeContainer = ({ docker, call }: Engine, id: string): Promise<void> =>
  call(
    `remove container "${id}"`,
    ({ abortSignal }) =>
      unless(
        (error) =>
          /removal of container .* is already in progress/i.test(toRuntimeError('remove', error).message),
        () => docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
      ),
    LIFECYCLE_TIMEOUT_MS,
  );

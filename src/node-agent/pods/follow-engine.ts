/**
 * Follows the engine: by its events, by an inspection of each container that an event names, and by
 * a list of all containers, slowly and whenever events may have been missed.
 */
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { failureWords } from '../pod/failure-words.ts';
import {
  type ContainerRecord,
  type ContainerRuntime,
  labelKeys,
  type RuntimeEvent,
} from '../runtime/types.ts';

export interface EngineFollowerOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The worker that has started this container inspects it itself; its start is no news. */
  isKnown(uid: string, containerId: string): boolean;
  onRecord(record: ContainerRecord): void;
  onGone(uid: string, containerId: string): void;
  onList(all: readonly ContainerRecord[], listedAtMs: number): void;
  /** The stream of events broke. */
  onBroken(): void;
  /** A slow relist has begun. */
  onRelist(): void;
}

export interface EngineFollower extends AsyncDisposable {
  start(): void;
  /** Lists all containers now; calls during a list share it. */
  relist(): void;
}

type ContainerEvent = Extract<RuntimeEvent, { type: 'container' }>;

/** The pause before a broken stream of events is opened again. */
const ENGINE_RETRY_MS = 1_000;
/** The slow relist corrects whatever an event has missed. */
const RELIST_MS = 60_000;
/** One in this many slow relists inspects every container; the others, those that look changed. */
const QUICK_LISTS = 10;

export function createEngineFollower(options: EngineFollowerOptions): EngineFollower {
  const { runtime, clock, logger } = options;
  const stop = createAbort();
  const loops: Promise<void>[] = [];
  let relisting: { readonly how: 'quick' | undefined; readonly done: Promise<void> } | undefined;
  let fullWanted = false;

  function relist(how?: 'quick'): void {
    if (relisting) {
      if (relisting.how === 'quick' && how === undefined) fullWanted = true;
      return;
    }
    const done = list(how)
      .catch((error: unknown) => logger.warn({ error: failureWords(error) }, 'Cannot list containers'))
      .finally(() => {
        relisting = undefined;
        if (!fullWanted) return;
        fullWanted = false;
        if (!stop.signal.aborted) relist();
      });
    relisting = { how, done };
  }

  async function list(how: 'quick' | undefined): Promise<void> {
    const listedAtMs = clock.now();
    options.onList(await runtime.list(how), listedAtMs);
  }

  async function listen(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        relist();
        for await (const event of runtime.events(stop.signal)) {
          if (event.type === 'resync') relist();
          else void onEvent(event);
        }
      } catch (error) {
        if (!stop.signal.aborted) {
          logger.warn({ error: failureWords(error) }, 'The stream of engine events broke');
          options.onBroken();
        }
      }
      await sleep(clock, ENGINE_RETRY_MS, stop.signal);
    }
  }

  async function onEvent({ id, labels, action }: ContainerEvent): Promise<void> {
    const uid = labels[labelKeys.podUid] ?? '';
    if (action === 'destroy') return options.onGone(uid, id);
    if (action === 'start' && options.isKnown(uid, id)) return;
    try {
      const record = await runtime.inspect(id);
      if (record) options.onRecord(record);
    } catch (error) {
      logger.info({ container: id, error: failureWords(error) }, 'Cannot look at a container, listing all');
      relist();
    }
  }

  async function relistSlowly(): Promise<void> {
    for (let lists = 1; !stop.signal.aborted; lists += 1) {
      await sleep(clock, RELIST_MS, stop.signal);
      if (stop.signal.aborted) return;
      relist(lists % QUICK_LISTS === 0 ? undefined : 'quick');
      options.onRelist();
    }
  }

  return {
    start: () => void loops.push(listen(), relistSlowly()),
    relist: () => relist(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.allSettled([...loops, relisting?.done]);
    },
  };
}

/** The state of the engine and its machine, as of the last observation. */
import type { Clock } from '../../base/clock.ts';
import { goWords } from '../../base/go-words.ts';
import type { Logger } from '../../base/logger.ts';
import { failureWords } from '../pod/failure-words.ts';
import type { ContainerRuntime, ListedImage, RuntimeInfo } from '../runtime/types.ts';
import {
  type MachineUsage,
  notePressures,
  planPressures,
  type PressureMemory,
  type Pressures,
  pressuresAt,
} from './plan-pressure.ts';

export interface MachineObserverOptions {
  readonly runtime: Pick<ContainerRuntime, 'info' | 'listImages'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How full the machine is. Without it no pressure is ever reported. */
  readonly readUsage?: (() => Promise<MachineUsage>) | undefined;
  /** Checks whether pods can be reached by their addresses; answers why not. */
  checkNetwork?(): Promise<string | undefined>;
}

export interface MachineFacts {
  readonly info: RuntimeInfo | undefined;
  /** The engine answers. */
  readonly runtimeUp: boolean;
  readonly images: readonly ListedImage[];
  readonly pressure: Pressures;
  readonly networkProblem: string | undefined;
}

export interface MachineObserver {
  /** Never rejects: a machine that cannot be read is a fact, too. */
  observe(): Promise<void>;
  facts(): MachineFacts;
}

/** Only the scheduler's image locality needs the list of images. */
const IMAGES_EVERY_MS = 60_000;

export function createMachineObserver(options: MachineObserverOptions): MachineObserver {
  const { runtime, clock, logger } = options;
  let info: RuntimeInfo | undefined;
  let runtimeUp = false;
  let images: readonly ListedImage[] = [];
  let imagesAtMs = Number.NEGATIVE_INFINITY;
  let pressures: PressureMemory = {};
  let networkProblem: string | undefined;

  async function observeEngine(): Promise<void> {
    const before = runtimeUp;
    try {
      info = await runtime.info();
      runtimeUp = true;
      if (clock.now() - imagesAtMs < IMAGES_EVERY_MS) return;
      images = await runtime.listImages();
      imagesAtMs = clock.now();
    } catch (error) {
      runtimeUp = false;
      if (before) logger.error({ error: failureWords(error) }, 'The container runtime does not answer');
    }
  }

  async function observePressure(): Promise<void> {
    if (!options.readUsage) return;
    try {
      pressures = notePressures(pressures, planPressures(await options.readUsage()), clock.now());
    } catch (error) {
      logger.info({ error: goWords(error) }, 'Cannot read how full this machine is');
    }
  }

  return {
    async observe() {
      await observeEngine();
      await observePressure();
      // An engine that hangs must not cost the lease another time-out.
      if (runtimeUp) networkProblem = await options.checkNetwork?.();
    },
    facts: () => ({
      ...{ info, runtimeUp, images, networkProblem },
      pressure: pressuresAt(pressures, clock.now()),
    }),
  };
}

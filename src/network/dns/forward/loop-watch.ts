/**
 * Notices that the host's servers ask this server in their turn: a question that only it knows is
 * sent to them now and then. When it comes back, other questions would as well.
 */
import type { Clock, Timer } from '../../../base/clock.ts';
import type { Rng } from '../../../base/rng.ts';
import { TYPES } from '../wire/constants.ts';
import { type AskOptions, askServer, questionOf, type UpstreamServer } from './ask-server.ts';

export interface LoopWatchOptions extends AskOptions {
  servers(): Promise<readonly UpstreamServer[]>;
  /** A loop was found, or is over. */
  onChange(): void;
}

export interface LoopWatch extends Disposable {
  readonly isLooping: boolean;
  /** Whether the name is that of the question, which has come back. */
  catches(name: string): boolean;
}

const ASK_EVERY_MS = 30_000;
/** Below a domain that nobody has. */
const DOMAIN = 'symphony-loop';

export function createLoopWatch(options: LoopWatchOptions): LoopWatch {
  const name = `${randomHex(options.rng)}.${DOMAIN}`;
  const question = {
    name,
    question: questionOf(name, TYPES.A),
    isDnssecOk: false,
    isCheckingDisabled: false,
  };
  let [isLooping, cameBack, isDisposed] = [false, false, false];
  let timer: Timer | undefined;

  async function ask(clock: Clock): Promise<void> {
    cameBack = false;
    for (const server of await options.servers())
      await askServer(server, question, options).catch(() => undefined);
    if (isLooping && !cameBack) {
      isLooping = false;
      options.onChange();
    }
    if (!isDisposed) timer = clock.setTimer(() => void ask(clock), ASK_EVERY_MS);
  }
  void ask(options.clock);

  return {
    get isLooping() {
      return isLooping;
    },
    catches(asked) {
      if (asked !== name) return false;
      cameBack = true;
      if (!isLooping) {
        isLooping = true;
        options.onChange();
      }
      return true;
    },
    [Symbol.dispose]() {
      isDisposed = true;
      timer?.cancel();
    },
  };
}

const randomHex = (rng: Rng): string => Math.floor(rng.next() * 2 ** 47).toString(16);

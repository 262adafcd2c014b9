/**
 * Logs once that the control plane is away, and once that it answers again. Every loop of the agent
 * retries several times a second; their own failures are logged for debugging only (`levelOf`).
 */
import type { Clock } from '../../base/clock.ts';
import { TransientError } from '../../base/errors.ts';
import { goDuration, goWords } from '../../base/go-words.ts';
import type { Logger } from '../../base/logger.ts';
import type { ApiClient } from '../../client/types.ts';

/** A server that comes and goes is reported at most this often. */
const QUIET_MS = 30_000;
/** A lasting outage is reported again this often, so that a log that is read later shows it. */
const SAY_AGAIN_MS = 600_000;

/** After `signal` no call is waited for: a server that hangs must not hold up the end. */
export function watchContact(
  client: ApiClient,
  clock: Clock,
  logger: Logger,
  signal: AbortSignal,
): ApiClient {
  let lostAtMs: number | undefined;
  let isSaid = false;
  let saidAtMs = Number.NEGATIVE_INFINITY;

  function onAnswer(): void {
    if (lostAtMs !== undefined && isSaid)
      logger.info({ after: goDuration(clock.now() - lostAtMs) }, 'The control plane answers again');
    lostAtMs = undefined;
    isSaid = false;
  }

  function onError(error: unknown): void {
    if (signal.aborted) return;
    // A refusal is an answer, too.
    if (!(error instanceof TransientError)) return onAnswer();
    const nowMs = clock.now();
    lostAtMs ??= nowMs;
    if (nowMs - saidAtMs < (isSaid ? SAY_AGAIN_MS : QUIET_MS)) return;
    isSaid = true;
    saidAtMs = nowMs;
    const message = 'The control plane does not answer; the containers go on running, trying again';
    logger.warn({ error: goWords(error) }, message);
  }

  async function noting<T>(answer: Promise<T>): Promise<T> {
    try {
      const value = await beforeEnd(answer, signal);
      onAnswer();
      return value;
    } catch (error) {
      onError(error);
      throw error;
    }
  }

  return {
    get: (...args) => noting(client.get(...args)),
    list: (...args) => noting(client.list(...args)),
    async *watch(...args) {
      try {
        yield* client.watch(...args);
      } catch (error) {
        onError(error);
        throw error;
      }
    },
    create: (...args) => noting(client.create(...args)),
    update: (...args) => noting(client.update(...args)),
    patch: (...args) => noting(client.patch(...args)),
    delete: (...args) => noting(client.delete(...args)),
    clusterState: () => noting(client.clusterState()),
    restorePods: (...args) => noting(client.restorePods(...args)),
    report: (...args) => noting(client.report(...args)),
  };
}

function beforeEnd<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new TransientError('The agent is stopping'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

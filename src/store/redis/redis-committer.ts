/**
 * Committing to Redis, lost answers included. A connection that breaks, or a server that answers too late, leaves open
 * whether a commit happened. The commit is then asked for under its id, which does it at most once (redis-scripts.ts).
 *
 * Where asking fails as well, the caller gets StoreUnavailable with `isUnanswered`, and the id is kept: `settle` gives it up in
 * Redis, so that the commit has either happened by then or never will. Every look at the newest versions settles first.
 */
import { randomUUID } from 'node:crypto';
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { RedisLink } from './connect.ts';
import type { History } from '../history.ts';
import { checkDistinct, COMMIT_MEMORY_MS, payloadOf } from '../limits.ts';
import type { PayloadCodec } from './payload-codec.ts';
import type { ReadPromise } from './read-promise.ts';
import { commitArguments, commitResult } from './redis-commit.ts';
import type { RedisKeys } from './redis-keys.ts';
import { COMMIT } from './redis-scripts.ts';
import { runScript } from './script-runner.ts';
import { type CommitOptions, type CommitResult, type StoreOp, StoreUnavailable } from '../types.ts';

export interface CommitterOptions {
  readonly redis: RedisLink;
  readonly keys: RedisKeys;
  readonly codec: PayloadCodec;
  readonly history: History;
  readonly promise: ReadPromise;
  readonly clock: Clock;
  readonly logLimit: number;
  readonly logBytes: number;
  /** Aborts when the store is closed. */
  readonly closed: AbortSignal;
}

export interface Committer {
  commit(ops: readonly StoreOp[], options?: CommitOptions): Promise<CommitResult>;
  /** After it, every commit whose outcome nobody knows has happened or never will. */
  settle(): Promise<void>;
}

/** Times that a lost answer is asked for: with 15 s each, well within the time for which ids are remembered. */
const MAX_ASKS = 2;
const ASK_AGAIN: BackoffPolicy = { initialMs: 50, maxMs: 1_000, factor: 4 };
/** Commits without outcome that are kept. More would take as many callers that wait, which admission bounds far lower. */
const MAX_UNSETTLED = 1_000;

export function createCommitter(options: CommitterOptions): Committer {
  const { redis, keys, codec, history, promise, clock, closed } = options;
  const idPrefix = randomUUID();
  const unsettled = new Set<string>();
  let commits = 0;

  /** One try; again for as long as somebody else was promised that nothing changes. */
  async function attempt(
    ops: readonly StoreOp[],
    payloads: readonly string[],
    id: string,
    fence: CommitOptions['fence'],
  ): Promise<CommitResult> {
    const { logLimit, logBytes } = options;
    const { epoch = '', seen, floor } = history;
    const input = { id, keys, ops, payloads, epoch, seen, floor, fence, logLimit, logBytes };
    for (;;) {
      const over = promise.committing(ops);
      const script = commitArguments({ ...input, writer: promise.writer });
      let outcome: CommitResult | 'refused' | undefined;
      let promisedMs = 0;
      try {
        const reply = (await runScript(redis, COMMIT, script.keys, script.args)) as readonly unknown[];
        if (reply[0] !== 'OK') outcome = 'refused';
        if (reply[0] === 'PROMISED') promisedMs = Number(reply[1]);
        else outcome = commitResult(reply, ops, fence, codec);
      } finally {
        over(outcome);
      }
      if (outcome !== undefined && outcome !== 'refused') {
        if (history.epoch === epoch) history.expect()(epoch, Number(outcome.version));
        return outcome;
      }
      await sleep(clock, promisedMs, closed);
      if (closed.aborted) throw new StoreUnavailable('The store was closed');
    }
  }

  function leaveOpen(id: string): void {
    unsettled.add(id);
    const [oldest] = unsettled;
    if (unsettled.size > MAX_UNSETTLED && oldest !== undefined) unsettled.delete(oldest);
  }

  return {
    async commit(ops, commitOptions) {
      checkDistinct(ops);
      const payloads = ops.map((op, index) =>
        'object' in op ? codec.encode(op.resource, op.key, payloadOf(op, index)) : '',
      );
      commits += 1;
      const id = commitOptions?.id ?? `${idPrefix}:${commits.toString(36)}`;
      for (let asks = 0; ; asks += 1) {
        try {
          return await attempt(ops, payloads, id, commitOptions?.fence);
        } catch (error) {
          const isOpen = asks > 0 || (error instanceof StoreUnavailable && error.isUnanswered);
          if (!(error instanceof StoreUnavailable) || !isOpen) throw error;
          if (asks >= MAX_ASKS || !error.isUnanswered || closed.aborted) {
            leaveOpen(id);
            throw new StoreUnavailable(`${error.message}; whether the commit happened is not known`, {
              cause: error,
              isReadOnly: error.isReadOnly,
              isUnanswered: true,
            });
          }
          await sleep(clock, backoffDelayMs(ASK_AGAIN, asks + 1), closed);
        }
      }
    },

    async settle() {
      for (const id of [...unsettled]) {
        try {
          await redis.call('SET', keys.commit(id), 'void', 'PX', COMMIT_MEMORY_MS, 'NX');
          unsettled.delete(id);
        } catch (error) {
          // Nor does it take the commit; reads go on, and the next one settles.
          if (error instanceof StoreUnavailable && error.isReadOnly) return;
          throw error;
        }
      }
    },
  };
}

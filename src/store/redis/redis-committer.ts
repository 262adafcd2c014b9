/**
 * Committing to Redis, lost answers included. After a broken connection or a late answer, the
 * commit is asked for under its id, which does it at most once (redis-scripts.ts).
 *
 * When asking fails as well, the caller gets StoreUnavailable with `isUnanswered`. `settle` then
 * gives the kept id up in Redis: the commit has happened by then or never will. Every read of the
 * newest versions settles first.
 */
import { randomUUID } from 'node:crypto';
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { checkDistinct, COMMIT_MEMORY_MS } from '../limits.ts';
import { type CommitOptions, type CommitResult, type StoreOp, StoreUnavailable } from '../types.ts';
import { commitArguments, commitResult } from './redis-commit.ts';
import type { RedisData } from './redis-data.ts';
import { COMMIT } from './redis-scripts.ts';
import { runScript } from './script-runner.ts';

export interface CommitterOptions {
  readonly data: RedisData;
  readonly clock: Clock;
  readonly logLimit: number;
  readonly logBytes: number;
  /** Aborts when the store is closed. */
  readonly closed: AbortSignal;
}

export interface Committer {
  commit(ops: readonly StoreOp[], options?: CommitOptions): Promise<CommitResult>;
  /** After it, every commit of unknown outcome has happened or never will. */
  settle(): Promise<void>;
}

/** A lost answer is asked for this often. With 15 s each, ids are still remembered then. */
const MAX_ASKS = 2;
const ASK_AGAIN: BackoffPolicy = { initialMs: 50, maxMs: 1_000, factor: 4 };
/** At most this many commits are unsettled. Admission bounds the callers far lower. */
const MAX_UNSETTLED = 1_000;

interface Commit {
  readonly id: string;
  readonly ops: readonly StoreOp[];
  readonly payloads: readonly string[];
  readonly fence: CommitOptions['fence'];
}

export function createCommitter(options: CommitterOptions): Committer {
  const { data, clock, closed } = options;
  const idPrefix = randomUUID();
  const unsettled = new Set<string>();
  let commits = 0;

  function leaveOpen(id: string): void {
    unsettled.add(id);
    const [oldest] = unsettled;
    if (unsettled.size > MAX_UNSETTLED && oldest !== undefined) unsettled.delete(oldest);
  }

  return {
    async commit(ops, { id = `${idPrefix}:${((commits += 1)).toString(36)}`, fence } = {}) {
      checkDistinct(ops);
      const payloads = ops.map((op, index) => ('object' in op ? data.objects.encode(op, index) : ''));
      for (let asks = 0; ; asks += 1) {
        try {
          return await attempt(options, { id, ops, payloads, fence });
        } catch (error) {
          const isOpen = asks > 0 || (error instanceof StoreUnavailable && error.isUnanswered);
          if (!(error instanceof StoreUnavailable) || !isOpen) throw error;
          if (asks >= MAX_ASKS || !error.isUnanswered || closed.aborted) {
            leaveOpen(id);
            throw unanswered(error);
          }
          await sleep(clock, backoffDelayMs(ASK_AGAIN, asks + 1), closed);
        }
      }
    },
    async settle() {
      for (const id of [...unsettled]) {
        try {
          await data.redis.call('SET', data.keys.commit(id), 'void', 'PX', COMMIT_MEMORY_MS, 'NX');
          unsettled.delete(id);
        } catch (error) {
          // A read-only Redis does not take the commit either. Reads go on, and the next one
          // settles.
          if (error instanceof StoreUnavailable && error.isReadOnly) return;
          throw error;
        }
      }
    },
  };
}

async function attempt(
  { data, logLimit, logBytes }: CommitterOptions,
  { id, ops, payloads, fence }: Commit,
): Promise<CommitResult> {
  const { redis, keys, history, objects } = data;
  const { epoch = '', seen, floor } = history;
  const script = commitArguments({ id, keys, ops, payloads, epoch, seen, floor, fence, logLimit, logBytes });
  const reply = (await runScript(redis, COMMIT, script.keys, script.args)) as readonly unknown[];
  const result = commitResult(reply, ops, fence, objects);
  history.note(epoch, Number(result.version));
  return result;
}

function unanswered(cause: StoreUnavailable): StoreUnavailable {
  return new StoreUnavailable(`${cause.message}; whether the commit happened is not known`, {
    cause,
    isReadOnly: cause.isReadOnly,
    isUnanswered: true,
  });
}

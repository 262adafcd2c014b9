/** Posts the statuses that one context owes its forge, and keeps the rest. */
import type { Clock } from '../../base/clock.ts';
import { ConflictError, errorMessage } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { setRecent } from '../../base/bounded-map.ts';
import {
  type RepositoryStatus,
  type StatusLedger,
  isSameCommit,
  isSameStatus,
  planDueStatuses,
  recordPosted,
  rewordWaitMs,
} from '../status/plan-due-statuses.ts';
import type { HostWaits } from './host-waits.ts';
import { type ForgeRecord, type Records, ledgerMembers, ledgerOf } from './records.ts';
import type { Forge } from './types.ts';

export interface Posting {
  readonly records: Records;
  readonly forge: Forge;
  readonly hosts: HostWaits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory: PostMemory;
}

/** This may be lost: then a refused or reworded status is posted sooner. */
export interface PostMemory {
  /** By record: it is replaced by each pass, and goes with the last refusal. */
  readonly refused: Map<string, readonly Refused[]>;
  /** By context and commit. */
  readonly posts: Map<string, { readonly count: number; readonly atMs: number }>;
  /** Ends of commits that were overtaken before they were posted, by record. */
  readonly overtaken: Map<string, readonly RepositoryStatus[]>;
}

/** A status that the forge refused for itself. */
interface Refused {
  readonly status: RepositoryStatus;
  readonly failures: number;
  readonly retryAtMs: number;
}

/** Lost jobs are made up for this often. */
export const RESYNC_MS = 60_000;
/** Commits whose posts are counted; beyond it, those that were posted longest ago count anew. */
const MAX_COUNTED = 10_000;

export interface Wanted {
  readonly recordKey: string;
  readonly context: string;
  readonly statuses: readonly RepositoryStatus[];
}

/** Gives when to come back. */
export async function postStatuses(
  posting: Posting,
  { recordKey, context, statuses: wanted }: Wanted,
  signal: AbortSignal,
): Promise<number> {
  const { records, memory } = posting;
  const record = await records.get(recordKey);
  const before = ledgerOf(record);
  const ends = memory.overtaken.get(recordKey) ?? [];
  memory.overtaken.delete(recordKey);
  const isOver = (status: RepositoryStatus): boolean => ends.some(isSameCommit(status));
  const due = [...before.due.filter((status) => !isOver(status)), ...ends];
  let ledger = planDueStatuses({ ...before, due }, wanted);
  let waitMs = RESYNC_MS;
  const refused: Refused[] = [];
  const sent: RepositoryStatus[] = [];
  try {
    for (const status of ledger.due) {
      const earlier = memory.refused.get(recordKey)?.find((one) => isSameStatus(one.status, status));
      const result = await postOne(posting, { recordKey, context, status, ledger, earlier }, signal);
      if (result.isPosted) {
        sent.push(status);
        ledger = recordPosted(ledger, status, wanted.some(isSameCommit(status)));
      }
      waitMs = Math.min(waitMs, result.waitMs);
      if (result.refused) refused.push(result.refused);
    }
  } finally {
    if (refused.length > 0) memory.refused.set(recordKey, refused);
    else memory.refused.delete(recordKey);
    try {
      if (!jsonEqual(before, ledger)) await save(records, recordKey, record, ledger, sent);
    } catch (error) {
      // Nothing else knows of these ends.
      memory.overtaken.set(recordKey, [...ends, ...(memory.overtaken.get(recordKey) ?? [])]);
      throw error;
    }
  }
  return waitMs;
}

/**
 * Two leaders may post for an instant. Whoever loses the race for the record has posted, too, and
 * the forge may show either status: those that differ are due again.
 */
async function save(
  records: Records,
  key: string,
  before: ForgeRecord | undefined,
  ledger: StatusLedger,
  sent: readonly RepositoryStatus[],
): Promise<void> {
  try {
    await records.save(key, before, ledgerMembers(ledger));
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const record = await records.get(key);
    const { posted, due } = ledgerOf(record);
    const isUnsure = (status: RepositoryStatus): boolean =>
      sent.some(isSameCommit(status)) && !sent.some((own) => isSameStatus(own, status));
    const unsure = posted.filter(isUnsure);
    const known = { posted: posted.filter((status) => !isUnsure(status)), due: [...due, ...unsure] };
    if (unsure.length > 0) await records.save(key, record, ledgerMembers(known));
    throw error;
  }
}

interface Post {
  readonly recordKey: string;
  readonly context: string;
  readonly status: RepositoryStatus;
  readonly ledger: StatusLedger;
  readonly earlier: Refused | undefined;
}

interface PostResult {
  readonly isPosted: boolean;
  readonly waitMs: number;
  readonly refused?: Refused | undefined;
}

async function postOne(
  { forge, hosts, clock, logger, memory }: Posting,
  { recordKey, context, status, ledger, earlier }: Post,
  signal: AbortSignal,
): Promise<PostResult> {
  const countKey = `${context} ${status.sha}`;
  const { count, atMs } = memory.posts.get(countKey) ?? { count: 0, atMs: 0 };
  const isReworded = ledger.posted.find(isSameCommit(status))?.state === status.state;
  const dueMs = Math.max(earlier?.retryAtMs ?? 0, isReworded ? atMs + rewordWaitMs(count) : 0);
  const restMs = dueMs - clock.now();
  if (restMs > 0) return { isPosted: false, waitMs: restMs, refused: earlier };

  const host = forge.hostOf?.(status.repoURL) ?? forge.name;
  const post = { ...status, asOperator: status.asOperator !== false, context };
  const answer = await hosts.ask(host, earlier?.failures ?? 0, signal, () => forge.post(post, signal));
  const fields = { application: recordKey, commit: status.sha };
  if (answer.type === 'done') {
    logger.info({ ...fields, state: status.state }, 'Posted a commit status');
    setRecent(memory.posts, countKey, { count: count + 1, atMs: clock.now() }, MAX_COUNTED);
    return { isPosted: true, waitMs: RESYNC_MS };
  }
  const { waitMs } = answer;
  if (answer.type === 'held') return { isPosted: false, waitMs };
  const error = errorMessage(answer.error);
  logger.warn({ ...fields, retryInMs: waitMs, error }, 'Cannot post a commit status; trying again');
  if (answer.scope !== 'status') return { isPosted: false, waitMs };
  const failures = (earlier?.failures ?? 0) + 1;
  return { isPosted: false, waitMs, refused: { status, failures, retryAtMs: clock.now() + waitMs } };
}

/**
 * The commit of a plan: claims, writes and checks, in this order, all or nothing. It has an id that
 * the store remembers, so that a lost answer is asked for again. A refusal is mapped here, and
 * nowhere else, to the answer that Kubernetes gives.
 */
import { conflict } from '../../schemas/errors/status.ts';
import { keyOf, splitKey } from '../../schemas/object.ts';
import { fromStored, type ResourceKind, storageIdOf } from '../../schemas/resource-kind.ts';
import {
  type CommitOptions,
  CommitRefused,
  type CommitResult,
  type Store,
  type StoreOp,
  StoreUnavailable,
} from '../../store/types.ts';
import type { Claimed } from './claims.ts';
import { statusOf } from './object-rules.ts';
import type { Planned } from './plan-write.ts';
import type { Check, WriteResults } from './write-plan.ts';

/** A plan that lost a race is made anew this often; then its caller is told. */
const MAX_TRIES = 10;
/** Claims collide only with other processes, and with the recount of a quota. */
const MAX_CLAIM_TRIES = 30;
/** Times that a commit is asked for again after the store's adapter has given up asking. */
const MAX_ASKS = 1;

export interface KnownCheck extends Check {
  readonly kind: ResourceKind;
}

/** A commit that was refused: the answer to the caller once `maxTries` plans were made. */
export interface Refused {
  readonly answer: Error;
  readonly maxTries: number;
}
export type Outcome = { readonly results: WriteResults } | Refused;

export async function commitPlan(
  store: Pick<Store, 'commit'>,
  { planned, ops: claims }: Claimed,
  checks: readonly KnownCheck[],
  options: CommitOptions,
): Promise<Outcome> {
  const effective = planned.filter(({ op }) => op !== undefined);
  if (effective.length === 0) return { results: planned.map(({ current }) => current) };
  const ops = [...claims, ...effective.flatMap(({ op }) => op ?? []), ...checks.map(checkOp)];
  try {
    const { objects } = await commitOnce(store, ops, options);
    const stored = new Map(effective.map((item, index) => [item, objects[claims.length + index]]));
    return {
      results: planned.map((item) => {
        const object = stored.get(item);
        return item.op ? object && fromStored(item.kind, object) : item.current;
      }),
    };
  } catch (error) {
    if (error instanceof CommitRefused) return refusalOf(error, claims.length, effective, checks);
    throw error;
  }
}

/** Asks again under the same id after a lost answer: the store does a commit at most once. */
async function commitOnce(
  store: Pick<Store, 'commit'>,
  ops: readonly StoreOp[],
  options: CommitOptions,
): Promise<CommitResult> {
  for (let asks = 0; ; asks += 1) {
    try {
      return await store.commit(ops, options);
    } catch (error) {
      const isOpen = error instanceof StoreUnavailable && error.isUnanswered;
      if (!isOpen || asks >= MAX_ASKS) throw error;
    }
  }
}

function refusalOf(
  error: CommitRefused,
  claims: number,
  effective: readonly Planned[],
  checks: readonly KnownCheck[],
): Refused {
  const { name } = splitKey(error.op.key);
  const index = error.opIndex - claims;
  if (index < 0) {
    const answer = conflict({ group: '', plural: error.op.resource }, name);
    return { answer, maxTries: MAX_CLAIM_TRIES };
  }
  const write = effective[index];
  if (write) {
    const isLost = write.isRetriable && error.reason !== 'tooLarge' && error.reason !== 'newer';
    return { answer: statusOf(error, write.kind, name), maxTries: isLost ? MAX_TRIES : 1 };
  }
  const check = checks[index - effective.length];
  return { answer: check ? conflict(check.kind, name) : error, maxTries: 1 };
}

function checkOp({ expect, object, kind }: KnownCheck): StoreOp {
  const expectedVersion = expect === 'absent' ? undefined : (object.metadata.resourceVersion ?? '');
  return { type: 'check', resource: storageIdOf(kind), key: keyOf(object), expectedVersion };
}

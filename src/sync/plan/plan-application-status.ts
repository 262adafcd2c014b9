/** The next status of an Application. Times change only together with other fields. Pure. */
import { jsonEqual } from '../../base/json.ts';
import { toRfc3339 } from '../../base/clock.ts';
import { printable } from '../../base/printable.ts';
import { cutMiddle } from '../../base/text.ts';
import type { Health } from '../../health/index.ts';
import { asRecords } from '../../schemas/json-access.ts';
import type { Application } from '../../schemas/types.ts';
import {
  type ObjectNames,
  type OperationPhase,
  type OperationState,
  operationStateOf,
  requestOf,
} from './operation.ts';
import type { PruneBaseline } from './plan-brake.ts';
import type { CommitStatus } from '../status/plan-commit-status.ts';

export interface ResourceStatus extends ObjectNames {
  readonly status: 'Synced' | 'OutOfSync';
  readonly health: { readonly status: string; readonly message?: string };
  /** Git no longer holds it, and it has not been pruned. */
  readonly requiresPruning?: boolean;
}

export interface ApplicationCondition {
  readonly type: string;
  readonly message: string;
}

export interface ApplicationObservation {
  readonly revision: string | undefined;
  readonly syncStatus: 'Synced' | 'OutOfSync' | 'Unknown';
  readonly health: Health;
  /** Undefined when no sync is to be reported (nothing was applied and nothing waits). */
  readonly operation: { readonly phase: OperationPhase; readonly message: string } | undefined;
  readonly conditions: readonly ApplicationCondition[];
  readonly resources: readonly ResourceStatus[];
  readonly resourceCount: number;
  readonly commitStatus: CommitStatus | undefined;
  readonly baseline: PruneBaseline | undefined;
}

/** List at most this many: an Application has at most 1.5 MB in the store. */
export const MAX_LISTED_RESOURCES = 500;
const MAX_HISTORY = 10;
const MAX_MESSAGE = 8_000;

interface HistoryEntry {
  readonly id: number;
  readonly revision: string;
}

/** The whole next status; equal to the present one when nothing is to be written. */
export function planApplicationStatus(
  application: Application,
  observed: ApplicationObservation,
  nowMs: number,
): Record<string, unknown> {
  const current = application.status ?? {};
  const now = toRfc3339(nowMs);
  const source = application.spec.source;
  const operationState = nextOperation(operationStateOf(application), observed, now);
  const next: Record<string, unknown> = {
    ...current,
    sync: {
      status: observed.syncStatus,
      ...(observed.revision === undefined ? {} : { revision: observed.revision }),
      comparedTo: { source, destination: application.spec.destination },
    },
    health: nextHealth(current['health'], observed.health, now),
    conditions: nextConditions(current['conditions'], observed.conditions, nowMs),
    resources: observed.resources,
    resourceCount: observed.resourceCount,
    sourceType: 'Directory',
    ...(operationState ? { operationState } : {}),
    ...(observed.commitStatus ? { commitStatus: observed.commitStatus } : {}),
    ...(observed.baseline ? { pruneBaseline: observed.baseline } : {}),
  };
  const finished = operationState?.phase === 'Succeeded' ? operationState.syncResult?.revision : undefined;
  if (finished !== undefined) next['history'] = nextHistory(current['history'], finished, source, now);
  if (jsonEqual(next, current)) return current;
  return { ...next, reconciledAt: now };
}

function nextOperation(
  current: OperationState | undefined,
  { operation, revision }: ApplicationObservation,
  now: string,
): OperationState | undefined {
  if (!operation) return current;
  const { phase } = operation;
  const message = shown(operation.message);
  const sameRevision = current?.syncResult?.revision === revision;
  if (current?.phase === phase && current.message === message && sameRevision) return current;
  // A request that was refused is not made good by what was in order before it.
  if (current?.phase === 'Error' && phase === 'Succeeded' && sameRevision) return current;
  // A requested operation learns its revision only when it has been fetched.
  const continues = current?.phase === 'Running' && (sameRevision || !current.syncResult);
  const amends = current?.phase === phase && sameRevision;
  const kept = current && (continues || amends) ? current : undefined;
  const resources = sameRevision && kept ? kept.syncResult?.resources : undefined;
  return {
    phase,
    message,
    startedAt: kept?.startedAt ?? now,
    ...(phase === 'Running' ? {} : { finishedAt: (amends && current.finishedAt) || now }),
    ...(kept?.retryCount === undefined ? {} : { retryCount: kept.retryCount }),
    ...(current?.attempt === undefined ? {} : { attempt: current.attempt }),
    operation: kept?.operation ?? requestOf(current) ?? { initiatedBy: { automated: true } },
    ...(revision === undefined ? {} : { syncResult: { revision, ...(resources ? { resources } : {}) } }),
  };
}

/** Names of files, messages of containers and the like come from outside. */
const shown = (message: string): string => cutMiddle(printable(message, { newlines: true }), MAX_MESSAGE);

function nextHealth(current: unknown, health: Health, now: string): unknown {
  const known = current as { status?: string; message?: string; lastTransitionTime?: string } | undefined;
  const since = known?.status === health.status ? (known.lastTransitionTime ?? now) : now;
  return {
    status: health.status,
    ...(health.message === '' ? {} : { message: shown(health.message) }),
    lastTransitionTime: since,
  };
}

/** The time of a condition changes only with its message. `current` is from a status. */
export function nextConditions(
  current: unknown,
  conditions: readonly ApplicationCondition[],
  nowMs: number,
): readonly object[] {
  return conditions.map(({ type, message }) => {
    const cut = shown(message);
    const same = asRecords(current).find((one) => one['type'] === type && one['message'] === cut);
    return { type, message: cut, lastTransitionTime: same?.['lastTransitionTime'] ?? toRfc3339(nowMs) };
  });
}

function nextHistory(current: unknown, revision: string, source: unknown, now: string): unknown {
  const history = (Array.isArray(current) ? current : []) as HistoryEntry[];
  const last = history.at(-1);
  if (last?.revision === revision) return history;
  return [...history, { id: (last?.id ?? 0) + 1, revision, deployedAt: now, source }].slice(-MAX_HISTORY);
}

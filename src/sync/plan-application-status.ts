/**
 * What an Application's status becomes, in Argo CD's words. Pure. Times in it change only together with something
 * else: an application at rest is never written.
 */
import { jsonEqual } from '../base/json.ts';
import { toRfc3339 } from '../base/clock.ts';
import type { Health } from '../health/index.ts';
import type { Application } from '../schemas/types.ts';
import type { CommitStatus } from './status/plan-commit-status.ts';

export type OperationPhase = 'Running' | 'Succeeded' | 'Failed' | 'Error';

export interface ResourceStatus {
  readonly group?: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly status: 'Synced' | 'OutOfSync';
  readonly health: { readonly status: string; readonly message?: string };
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
}

/** An Application has a place in the store of at most 1.5 MB: of more objects only these many are listed. */
export const MAX_LISTED_RESOURCES = 500;
const MAX_HISTORY = 10;
const MAX_MESSAGE = 8_000;

interface OperationState {
  readonly phase?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly syncResult?: { readonly revision?: string };
}
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
  const operationState = nextOperation(
    current['operationState'] as OperationState | undefined,
    observed,
    now,
  );
  const next: Record<string, unknown> = {
    ...current,
    sync: {
      status: observed.syncStatus,
      ...(observed.revision === undefined ? {} : { revision: observed.revision }),
      comparedTo: { source, destination: application.spec.destination },
    },
    health: nextHealth(current['health'], observed.health, now),
    conditions: nextConditions(current['conditions'], observed.conditions, now),
    resources: observed.resources,
    resourceCount: observed.resourceCount,
    sourceType: 'Directory',
    ...(operationState ? { operationState } : {}),
    ...(observed.commitStatus ? { commitStatus: observed.commitStatus } : {}),
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
  const message = operation.message.slice(0, MAX_MESSAGE);
  const same = current?.phase === operation.phase && current.message === message;
  if (current && same && current.syncResult?.revision === revision) return current;
  const continues = current?.phase === 'Running' && current.syncResult?.revision === revision;
  return {
    phase: operation.phase,
    message,
    startedAt: continues ? (current.startedAt ?? now) : now,
    ...(operation.phase === 'Running' ? {} : { finishedAt: now }),
    ...(revision === undefined ? {} : { syncResult: { revision } }),
  };
}

function nextHealth(current: unknown, health: Health, now: string): unknown {
  const known = current as { status?: string; message?: string; lastTransitionTime?: string } | undefined;
  const since = known?.status === health.status ? (known.lastTransitionTime ?? now) : now;
  return {
    status: health.status,
    ...(health.message === '' ? {} : { message: health.message.slice(0, MAX_MESSAGE) }),
    lastTransitionTime: since,
  };
}

function nextConditions(current: unknown, conditions: readonly ApplicationCondition[], now: string): unknown {
  const known = (Array.isArray(current) ? current : []) as (ApplicationCondition & {
    lastTransitionTime?: string;
  })[];
  return conditions.map(({ type, message }) => {
    const cut = message.slice(0, MAX_MESSAGE);
    const same = known.find((condition) => condition.type === type && condition.message === cut);
    return { type, message: cut, lastTransitionTime: same?.lastTransitionTime ?? now };
  });
}

function nextHistory(current: unknown, revision: string, source: unknown, now: string): unknown {
  const history = (Array.isArray(current) ? current : []) as HistoryEntry[];
  const last = history.at(-1);
  if (last?.revision === revision) return history;
  return [...history, { id: (last?.id ?? 0) + 1, revision, deployedAt: now, source }].slice(-MAX_HISTORY);
}

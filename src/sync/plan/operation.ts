/**
 * The operation: one attempt to bring an Application to a commit, as in Argo CD's
 * `status.operationState`. It is written before the first hook starts and after each one ends, so
 * that the next worker continues it: nothing runs twice, nothing is left out. Pure.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { isRecord } from '../../base/json.ts';
import type { HookType } from '../../diff/annotations.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { Application } from '../../schemas/types.ts';

export type OperationPhase = 'Running' | 'Succeeded' | 'Failed' | 'Error';

/** The names of an object, as Argo CD lists them. */
export interface ObjectNames {
  readonly group?: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export function namesOf({ group, version, kind }: ResourceKind, { metadata }: KubeObject): ObjectNames {
  const { namespace, name } = metadata;
  return {
    ...(group === '' ? {} : { group }),
    ...{ version, kind },
    ...(namespace === undefined ? {} : { namespace }),
    name,
  };
}

/** How a hook ended in this operation. */
export interface HookResult extends ObjectNames {
  readonly hookType: HookType;
  readonly hookPhase: 'Succeeded' | 'Failed';
  readonly message?: string;
}

/** The request of a person, or of the automation. */
export interface OperationRequest {
  readonly initiatedBy?: { readonly username?: string; readonly automated?: boolean };
  readonly sync?: {
    readonly prune?: boolean;
    readonly syncOptions?: readonly string[];
    readonly [member: string]: unknown;
  };
  readonly [member: string]: unknown;
}

export interface OperationState {
  readonly phase: OperationPhase;
  readonly message: string;
  readonly startedAt: string;
  readonly finishedAt?: string;
  /** Attempts at this commit before the present one. */
  readonly retryCount?: number;
  /** Counts the attempts of the Application, to tell their hooks apart. */
  readonly attempt?: number;
  readonly operation?: OperationRequest;
  readonly syncResult?: { readonly revision: string; readonly resources?: readonly HookResult[] };
}

export function operationStateOf(application: Pick<Application, 'status'>): OperationState | undefined {
  const state = application.status?.['operationState'];
  return isRecord(state) && typeof state['phase'] === 'string' && typeof state['startedAt'] === 'string'
    ? (state as unknown as OperationState)
    : undefined;
}

/** The request of an operation that has not ended; it outlives the commit that it began with. */
export function requestOf(state: OperationState | undefined): OperationRequest | undefined {
  const request = state?.phase === 'Running' ? state.operation : undefined;
  return request && request.initiatedBy?.automated !== true ? request : undefined;
}

export function hasSucceeded(state: OperationState | undefined, revision: string | undefined): boolean {
  return state?.phase === 'Succeeded' && state.syncResult?.revision === revision;
}

/** Whether hooks of an attempt at this commit have run, or are running. */
export function hasHooksStarted(state: OperationState | undefined, revision: string | undefined): boolean {
  return state?.syncResult?.revision === revision && state?.syncResult?.resources !== undefined;
}

/** Whether an operation at this commit has begun and not ended. */
export function isUnderWay(state: OperationState | undefined, revision: string | undefined): boolean {
  return state?.phase === 'Running' && state.syncResult?.revision === revision;
}

/** Whether an attempt with hooks at this commit is under way. */
export function isRunning(state: OperationState | undefined, revision: string | undefined): boolean {
  return state?.phase === 'Running' && hasHooksStarted(state, revision);
}

/** A new attempt with hooks; a failed attempt at the same commit counts as one more try. */
export function startOperation(
  before: OperationState | undefined,
  revision: string,
  nowMs: number,
): OperationState {
  const request = requestOf(before);
  const failed = before?.phase === 'Failed' && hasHooksStarted(before, revision);
  return {
    phase: 'Running',
    message: 'syncing',
    startedAt: request && before ? before.startedAt : toRfc3339(nowMs),
    ...(failed ? { retryCount: (before.retryCount ?? 0) + 1 } : {}),
    attempt: (before?.attempt ?? 0) + 1,
    operation: request ?? { initiatedBy: { automated: true } },
    syncResult: { revision, resources: [] },
  };
}

/** A sync that a person asked for, before anything of it is done. */
export function requestedOperation(
  before: OperationState | undefined,
  request: OperationRequest,
  nowMs: number,
): OperationState {
  const startedAt = toRfc3339(nowMs);
  const attempt = before?.attempt === undefined ? {} : { attempt: before.attempt };
  const begun = { startedAt, ...attempt, operation: request };
  const complaint = requestComplaint(request);
  if (complaint === undefined) return { phase: 'Running', message: 'requested', ...begun };
  const { revision } = before?.syncResult ?? {};
  const syncResult = revision === undefined ? {} : { syncResult: { revision } };
  return { phase: 'Error', message: complaint, finishedAt: startedAt, ...begun, ...syncResult };
}

export function withHookResults(state: OperationState, results: readonly HookResult[]): OperationState {
  const { revision = '', resources = [] } = state.syncResult ?? {};
  return { ...state, syncResult: { revision, resources: [...resources, ...results] } };
}

/** Tells the hooks of one attempt from those of every other. */
export const runOf = ({ syncResult, attempt = 0 }: OperationState): string =>
  `${syncResult?.revision ?? ''}/${attempt}`;

const SHORT_REVISION = 7;

/** Makes the generated name of a hook unique, as Argo CD does: `1a2b3c4-presync-1767225600`. */
export function nameSuffixOf({ syncResult, startedAt }: OperationState, type: HookType): string {
  const revision = (syncResult?.revision ?? '').slice(0, SHORT_REVISION);
  return `${revision}-${type.toLowerCase()}-${Math.floor(Date.parse(startedAt) / 1_000)}`;
}

/** The members of `operation.sync` that are implemented, or change nothing. */
const ACCEPTED: readonly string[] = [
  ...['prune', 'syncOptions', 'syncStrategy'],
  ...['autoHealAttemptsCount', 'source', 'sources'],
];
const UNSET: readonly unknown[] = [undefined, null, '', false];

/** Why a request cannot be carried out; undefined when it can. */
function requestComplaint({ sync = {} }: OperationRequest): string | undefined {
  const unknown = Object.entries(isRecord(sync) ? sync : {})
    .filter(([member, value]) => !ACCEPTED.includes(member) && !UNSET.includes(value))
    .map(([member]) => `operation.sync.${member}`);
  if (unknown.length === 0) return undefined;
  return `${unknown.join(', ')}: not implemented by Symphony; sync the whole application`;
}

/**
 * Events of an Application, with Argo CD's reasons (docs/GITOPS.md). Only a change is one. Pure.
 */
import { printable } from '../../base/printable.ts';
import { cutMiddle, listNames } from '../../base/text.ts';
import { isHook } from '../../diff/annotations.ts';
import type { Change } from '../../diff/change-set.ts';
import { fieldChanges } from '../../diff/field-changes.ts';
import { changedBy } from '../../diff/tracking.ts';
import { asRecord, asRecords, asString } from '../../schemas/json-access.ts';
import type { CommitText } from '../git/types.ts';
import { type OperationRequest, type OperationState, operationStateOf } from './operation.ts';

export interface ApplicationEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

const normal = (reason: string, message: string): ApplicationEvent => ({ type: 'Normal', reason, message });
const warning = (reason: string, message: string): ApplicationEvent => ({ type: 'Warning', reason, message });

/** Why the repository was fetched when the commit was found. */
export type FetchCause = 'start' | 'poll' | 'webhook' | 'refresh';

/** Counts the writes of an operation so far. */
export type Tally = Readonly<Record<'create' | 'update' | 'delete', number>>;

export const NOTHING_WRITTEN: Tally = { create: 0, update: 0, delete: 0 };

/** Name at most this many objects and fields; the rest is counted. */
const MAX_NAMED = 5;
const MAX_FIELDS = 3;
/** Git advises fewer characters for a subject. */
const MAX_SUBJECT = 80;
const MAX_USER = 100;
const SHORT_COMMIT = 7;
/** Conditions that another event tells of already. */
const TOLD_OTHERWISE: readonly string[] = ['SyncError', 'DriftWarning'];

const shortCommit = (revision: string | undefined): string =>
  revision?.slice(0, SHORT_COMMIT) ?? 'an unknown commit';

export function startedEvent(
  request: OperationRequest | undefined,
  revision: string | undefined,
  cause: FetchCause,
  commit: CommitText | undefined,
): ApplicationEvent {
  const described = commit ? `: ${line(commit.subject, MAX_SUBJECT)} (${line(commit.author, MAX_USER)})` : '';
  const user = line(request?.initiatedBy?.username ?? 'Unknown user', MAX_USER);
  const message = request
    ? `${user} initiated sync to ${shortCommit(revision)}${described}`
    : `Initiated automated sync to ${shortCommit(revision)} by ${cause}${described}`;
  return normal('OperationStarted', message);
}

/** The end of an operation. `attempted`: something was tried in this reconcile. */
export function endedEvent(
  before: OperationState | undefined,
  after: OperationState | undefined,
  attempted: boolean,
  tally: Tally,
): ApplicationEvent | undefined {
  if (!after || after.phase === 'Running') return undefined;
  const reason = 'OperationCompleted';
  const commit = shortCommit(after.syncResult?.revision);
  if (after.phase === 'Succeeded') {
    if (before?.phase === 'Succeeded' && (!attempted || sameCommit(before, after))) return undefined;
    return normal(reason, `Sync operation to ${commit} succeeded${talliedText(tally)}`);
  }
  const isKnown =
    before?.phase === after.phase && before.message === after.message && sameCommit(before, after);
  if (isKnown && !attempted) return undefined;
  return warning(reason, `Sync operation to ${commit} failed: ${oneLine(after.message)}`);
}

const sameCommit = (a: OperationState, b: OperationState): boolean =>
  a.syncResult?.revision === b.syncResult?.revision;

function talliedText(tally: Tally): string {
  const parts = [
    [tally.create, 'created'],
    [tally.update, 'updated'],
    [tally.delete, 'pruned'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, verb]) => `${count} ${verb}`);
  return said.length === 0 ? '' : `: ${said.join(', ')}`;
}

/** Events of deletions, and of drift that was undone. */
export function writtenEvents(
  written: readonly Change[],
  healing: boolean,
  revision: string | undefined,
): readonly ApplicationEvent[] {
  const own = written.filter(({ object }) => !isHook(object));
  const deleted = own.filter(({ action }) => action === 'delete');
  const healed = healing ? own.filter(({ action }) => action !== 'delete') : [];
  const commit = shortCommit(revision);
  const drifts = healed.map((change) => `${nameOf(change)} (${driftOf(change)})`);
  return [
    ...(deleted.length === 0
      ? []
      : [normal('ResourceDeleted', `Pruned ${listed(deleted.map(nameOf))}: not in Git at ${commit}`)]),
    ...(drifts.length === 0 ? [] : [normal('SelfHealed', `Undid drift from ${commit}: ${listed(drifts)}`)]),
  ];
}

export const finalizedEvent = (deleted: readonly Change[]): ApplicationEvent =>
  normal('ResourceDeleted', `Deleted ${listed(deleted.map(nameOf))} with the Application`);

type Status = Readonly<Record<string, unknown>>;

export function statusEvents(
  before: Status,
  after: Status,
  attempted: boolean,
  tally: Tally,
): readonly ApplicationEvent[] {
  const ended = endedEvent(operationOf(before), operationOf(after), attempted, tally);
  return [
    ...(ended ? [ended] : []),
    ...changedEvents(before, after),
    ...conditionEvents(before, after, attempted),
  ];
}

const operationOf = (status: Status): OperationState | undefined => operationStateOf({ status });

function changedEvents(before: Status, after: Status): readonly ApplicationEvent[] {
  const sync = transition(before['sync'], after['sync']);
  const health = transition(before['health'], after['health']);
  const message = health?.to === 'Healthy' ? '' : oneLine(asString(asRecord(after['health'])['message']));
  const cause = message === '' ? '' : `: ${message}`;
  const say = health?.to === 'Degraded' ? warning : normal;
  return [
    ...(sync ? [normal('ResourceUpdated', `Updated sync status: ${sync.text}`)] : []),
    ...(health ? [say('ResourceUpdated', `Updated health status: ${health.text}${cause}`)] : []),
  ];
}

function transition(
  before: unknown,
  after: unknown,
): { readonly to: string; readonly text: string } | undefined {
  const [from, to] = [before, after].map((part) => asString(asRecord(part)['status']) || 'Unknown');
  return to === undefined || from === to ? undefined : { to, text: `${from} -> ${to}` };
}

/** Conditions that are new, and errors again after another attempt. */
function conditionEvents(before: Status, after: Status, attempted: boolean): readonly ApplicationEvent[] {
  const known = asRecords(before['conditions']);
  const told = operationOf(after)?.message;
  return asRecords(after['conditions']).flatMap((condition) => {
    const [type, message] = [asString(condition['type']), asString(condition['message'])];
    const isNew = !known.some((other) => other['type'] === type && other['message'] === message);
    const isDue = isNew || (attempted && type.endsWith('Error'));
    if (TOLD_OTHERWISE.includes(type) || message === told || !isDue) return [];
    return [warning(type, oneLine(message))];
  });
}

export const nameOf = ({ kind, key }: Change): string => `${kind.kind} ${key}`;

/** `ConfigMap shop/a, ConfigMap shop/b and 7 more` */
export const listed = (names: readonly string[]): string => listNames(names, MAX_NAMED);

function driftOf({ action, live, object }: Change): string {
  if (action === 'create' || !live) return 'was deleted';
  const paths = fieldChanges(live, object).map(({ path }) => path);
  // Without the time: the same drift again is the same event.
  const user = changedBy(live)?.split(' at ')[0];
  return `${listNames(paths, MAX_FIELDS)}${user === undefined ? '' : ` changed by ${user}`}`;
}

/** Tables of kubectl show an event in one row. */
const oneLine = (text: string): string => text.replaceAll('\n', '; ');

/** A text from outside within a line. */
const line = (text: string, limit: number): string => cutMiddle(printable(text), limit);

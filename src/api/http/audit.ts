/**
 * The audit log: one JSON line per request, two for a watch or a session (when it begins and when
 * it ends). Lines are collected and written behind the requests. When the disk cannot follow, lines
 * are dropped and counted: a full log must not stop the API.
 */
import { printableJson } from '../../base/printable.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ResourceAttributes } from '../../resources/authz/types.ts';
import type { UserInfo } from '../../resources/types.ts';
import type { AnswerRecord } from './answer-record.ts';
import { openAuditFile } from './audit-file.ts';

export interface AuditLog extends AsyncDisposable {
  record(record: AnswerRecord): void;
}

export interface AuditOptions {
  /** A path, or `-` for standard output. */
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export async function openAuditLog({ path, clock, logger }: AuditOptions): Promise<AuditLog> {
  const file = path === '-' ? undefined : await openAuditFile({ path, clock, logger });
  const lines = file ?? process.stdout;
  return {
    record: (record) => void lines.write(auditLine(record, clock.now())),
    [Symbol.asyncDispose]: async () => file?.[Symbol.asyncDispose](),
  };
}

const MESSAGES = { started: 'A request is being served', complete: 'A request was answered' } as const;
/** The level as pino writes it, as in all our logs. */
const INFO = 30;

/**
 * Built by hand, since every request writes one. The parts for a user and a route are kept, as they
 * repeat. Absent fields are left out: most requests have no subresource and no impersonator.
 */
export function auditLine(record: AnswerRecord, nowMs: number): string {
  const { user, impersonator, routed, rejection, durationMs, annotations } = record;
  const who = user ? said(user, saysUser) : '';
  const really = impersonator
    ? `,"impersonator":${text(impersonator.name)},"impersonatorGroups":${JSON.stringify(impersonator.groups)}`
    : '';
  const what = routed
    ? said(routed.attributes, saysAttributes)
    : `,"verb":${text(record.method.toLowerCase())}`;
  const ms = Math.round(durationMs * 1_000) / 1_000;
  const client = `,"ip":${text(record.sourceAddress)},"agent":${text(record.userAgent)}`;
  const why = rejection === undefined ? '' : `,"rejection":"${rejection}"`;
  const notes =
    annotations && annotations.size > 0 ? fields({ annotations: Object.fromEntries(annotations) }) : '';
  const line = `{"level":${INFO},"time":${nowMs}${who}${really}${what},"uri":${text(record.uri)},"code":${record.code},"ms":${ms}${client}${why}${notes},"msg":"${MESSAGES[record.stage]}"}\n`;
  return printableJson(line);
}

const text = (value: string): string => JSON.stringify(value);

const kept = new WeakMap<object, string>();

function said<T extends object>(value: T, says: (value: T) => string): string {
  let words = kept.get(value);
  if (words === undefined) kept.set(value, (words = says(value)));
  return words;
}

const saysUser = ({ name, groups, uid }: UserInfo): string => fields({ user: name, groups, uid });

function saysAttributes(attributes: ResourceAttributes): string {
  const { verb, group, resource, subresource, namespace, name } = attributes;
  return fields({ verb, group, resource, subresource, namespace, name });
}

/** The fields of an object as JSON; undefined ones are left out. */
const fields = (object: Readonly<Record<string, unknown>>): string =>
  `,${JSON.stringify(object).slice(1, -1)}`;

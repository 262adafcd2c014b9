/**
 * The audit log: one JSON line a request (pino), two for what goes on (a watch, a session: when it stands and when it
 * ends). Lines are gathered and written behind the requests; when the disk cannot follow they are dropped and counted,
 * for the API must not stop because its log is full.
 */
import type { Clock } from '../../base/clock.ts';
import { createLineWriter, type Logger } from '../../base/logger.ts';
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
  const write = createLineWriter(file ?? process.stdout);
  return {
    record: (record) => write(auditFields(record), MESSAGES[record.stage]),
    [Symbol.asyncDispose]: async () => file?.[Symbol.asyncDispose](),
  };
}

const MESSAGES = { started: 'A request is being served', complete: 'A request was answered' } as const;

/** What is not there is left out: most requests have no subresource and no impersonator. */
export function auditFields(record: AnswerRecord): Record<string, unknown> {
  const { user, impersonator, routed, rejection, durationMs, annotations } = record;
  const attributes = routed?.attributes;
  return {
    user: user?.name,
    groups: user?.groups,
    uid: user?.uid,
    ...(impersonator ? { impersonator: impersonator.name, impersonatorGroups: impersonator.groups } : {}),
    verb: attributes?.verb ?? record.method.toLowerCase(),
    group: attributes?.group,
    resource: attributes?.resource,
    subresource: attributes?.subresource,
    namespace: attributes?.namespace,
    name: attributes?.name,
    uri: record.uri,
    code: record.code,
    ms: Math.round(durationMs * 1_000) / 1_000,
    ip: record.sourceAddress,
    agent: record.userAgent,
    rejection,
    ...(annotations && annotations.size > 0 ? { annotations: Object.fromEntries(annotations) } : {}),
  };
}

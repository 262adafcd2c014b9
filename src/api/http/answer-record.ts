/**
 * The record of a request for audit and metrics, filled in on its way, so that a refusal shows all
 * that was known. It holds no body, no header but the name of the client's program, and no part of
 * the query that may be a secret.
 */
import type { IncomingMessage } from 'node:http';
import type { UserInfo } from '../../resources/types.ts';
import type { Rejection } from './rate-limits.ts';
import { originForm } from './request-url.ts';
import type { RoutedRequest } from './routing.ts';

/** `started`: a watch or a session has begun; it has a record of its own when it ends. */
export type AnswerStage = 'started' | 'complete';

export interface AnswerRecord {
  readonly stage: AnswerStage;
  /** Undefined where the request was refused before the user was known. */
  readonly user: UserInfo | undefined;
  /** The real caller, where the user was impersonated. */
  readonly impersonator: UserInfo | undefined;
  readonly routed: Pick<RoutedRequest, 'verb' | 'subresource' | 'attributes'> | undefined;
  readonly method: string;
  /** Path and query; values of parameters that are not known to be harmless are hidden. */
  readonly uri: string;
  readonly code: number;
  readonly durationMs: number;
  readonly sourceAddress: string;
  readonly userAgent: string;
  /** There was a record of its start before. */
  readonly stood: boolean;
  /** Why a 429 was given. */
  readonly rejection: Rejection | undefined;
  /** Annotations of admission. */
  readonly annotations: ReadonlyMap<string, string> | undefined;
}

/** The facts about a request, as far as known. */
export interface Attempt {
  user?: UserInfo;
  impersonator?: UserInfo;
  routed?: RoutedRequest;
  rejection?: Rejection;
  annotations?: ReadonlyMap<string, string>;
  beganAtMs?: number;
  sourceAddress?: string;
  stands?: boolean;
  isOver?: boolean;
  /** Gives back the place among the requests in flight. */
  release?: () => void;
}

export function answerRecord(
  request: IncomingMessage,
  attempt: Attempt,
  { stage, code, durationMs }: Pick<AnswerRecord, 'stage' | 'code' | 'durationMs'>,
): AnswerRecord {
  return {
    stage,
    code,
    durationMs,
    user: attempt.user,
    impersonator: attempt.impersonator,
    routed: attempt.routed,
    rejection: attempt.rejection,
    annotations: attempt.annotations,
    stood: attempt.stands === true,
    method: request.method ?? '',
    uri: harmlessUri(request.url ?? ''),
    sourceAddress: attempt.sourceAddress ?? '',
    userAgent: (request.headers['user-agent'] ?? '').slice(0, MAX_TEXT),
  };
}

/** Longer texts of clients are cut. */
const MAX_TEXT = 256;
const MAX_URI = 2_048;

/** Parameters of the API itself. Anything else (a proxied query) may be a secret. */
const HARMLESS: ReadonlySet<string> = new Set([
  'allowWatchBookmarks',
  'container',
  'continue',
  'dryRun',
  'fieldManager',
  'fieldSelector',
  'fieldValidation',
  'follow',
  'force',
  'gracePeriodSeconds',
  'includeObject',
  'labelSelector',
  'limit',
  'limitBytes',
  'orphanDependents',
  'pretty',
  'previous',
  'propagationPolicy',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'sinceSeconds',
  'sinceTime',
  'stderr',
  'stdin',
  'stdout',
  'tailLines',
  'timeout',
  'timeoutSeconds',
  'timestamps',
  'tty',
  'verbose',
  'watch',
]);

export function harmlessUri(target: string): string {
  const cut = originForm(target).slice(0, MAX_URI);
  const mark = cut.indexOf('?');
  if (mark < 0) return cut;
  const query = cut
    .slice(mark + 1)
    .split('&')
    .map((pair) => {
      const name = pair.split('=', 1)[0] ?? '';
      return HARMLESS.has(name) || !pair.includes('=') ? pair : `${name}=***`;
    });
  return `${cut.slice(0, mark)}?${query.join('&')}`;
}

/**
 * When a post that failed is tried again, and what waits with it. Pure.
 *
 * No answer is final: a token is replaced, a limit is lifted, a commit arrives. An answer about the
 * caller or the server (a rate limit, 401, 5xx, none at all) holds up everything for that host. An
 * answer about one commit or repository holds up that status alone. The server's own wait is
 * honoured in full; one that is over or zero does not end the back-off.
 */
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import type { HttpResponse } from './http.ts';

export interface RetryWait {
  readonly scope: 'host' | 'status';
  readonly waitMs: number;
}

/** A forge that is away is asked again after 1 s, doubling up to five minutes. */
const BACKOFF: BackoffPolicy = { initialMs: 1_000, maxMs: 300_000, factor: 2 };
/** A status that is refused for itself hardly ever heals by itself. */
const REFUSED: BackoffPolicy = { initialMs: 1_000, maxMs: 900_000, factor: 2 };
/**
 * GitHub: without a header, wait for at least one minute after a secondary rate limit, and longer
 * each time (docs.github.com, "Rate limits for the REST API").
 */
const LIMITED: BackoffPolicy = { initialMs: 60_000, maxMs: 3_600_000, factor: 2 };
/** A date in whole seconds may lie up to a second in the past of what was meant. */
const MARGIN_MS = 1_000;
/** A wait beyond this is a server's mistake. Rate limits last an hour. */
const MAX_SERVER_WAIT_MS = 86_400_000;
/** Smaller numbers in a reset header are seconds from now (the IETF's form), not a date. */
const SMALLEST_EPOCH_SECONDS = 1_000_000_000;

/** `response` is undefined where there was none; `failures` counts this one. */
export function planRetryWait(
  response: HttpResponse | undefined,
  failures: number,
  nowMs: number,
): RetryWait {
  if (!response) return { scope: 'host', waitMs: backoffDelayMs(BACKOFF, failures) };
  const { status, text } = response;
  const told = serverWaitMs(response, nowMs);
  if (told !== undefined) {
    const waitMs = Math.max(told + MARGIN_MS, backoffDelayMs(BACKOFF, failures));
    return { scope: 'host', waitMs: Math.min(waitMs, MAX_SERVER_WAIT_MS) };
  }
  const isLimited = status === 429 || (status === 403 && /rate limit|abuse|too many/i.test(text));
  if (isLimited) return { scope: 'host', waitMs: backoffDelayMs(LIMITED, failures) };
  if (status >= 500 || status === 401 || status === 407 || status === 408)
    return { scope: 'host', waitMs: backoffDelayMs(BACKOFF, failures) };
  return { scope: 'status', waitMs: backoffDelayMs(REFUSED, failures) };
}

/** How long the server asks to be left alone, by its own clock where it tells the time. */
function serverWaitMs({ status, headers }: HttpResponse, nowMs: number): number | undefined {
  const date = Date.parse(headers.get('date') ?? '');
  const serverNowMs = Number.isNaN(date) ? nowMs : date;
  const retryAfter = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(retryAfter)) return Math.ceil(Number(retryAfter) * 1_000);
  const until = Date.parse(retryAfter);
  if (!Number.isNaN(until)) return Math.max(0, until - serverNowMs);
  // GitHub sends its reset with every answer; only an exhausted allowance makes it a wait.
  const header = (name: string): string => headers.get(`x-${name}`) ?? headers.get(name) ?? '';
  if ((status !== 403 && status !== 429) || header('ratelimit-remaining').trim() !== '0') return undefined;
  const reset = Number(header('ratelimit-reset').trim() || Number.NaN);
  if (!Number.isFinite(reset) || reset < 0) return undefined;
  return reset < SMALLEST_EPOCH_SECONDS ? reset * 1_000 : Math.max(0, reset * 1_000 - serverNowMs);
}

/**
 * How much one client may ask of the server: requests per second (a token bucket per user, or per address where nobody
 * knows who it is), wrong credentials per address, and requests that are worked on at the same time. Administrators and
 * the control plane's own nodes have room of their own, so that a flood of somebody else's never locks them out.
 */
import { createBoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { failure, type StatusError } from '../../schemas/errors/status.ts';
import type { UserInfo } from '../../resources/types.ts';

export interface RequestLimits {
  /** Per user (and per address of the unknown); 0 is no limit. A second's worth more may come at once. */
  readonly requestsPerSecond: number;
  /** Requests that read, worked on at the same time; watches and sessions are not counted. 0 is no limit. */
  readonly maxReadsInFlight: number;
  readonly maxWritesInFlight: number;
  /** The same for those who have not said who they are, of whatever kind: they never take a place of those who have. */
  readonly maxUnknownInFlight: number;
  /** Wrong credentials that an address may try per minute; right ones from there are taken all the same. */
  readonly failedLoginsPerMinute: number;
}

/** Upstream's 400 and 200 in flight; the rate is far above what a person or a controller needs. */
export const defaultRequestLimits: RequestLimits = {
  requestsPerSecond: 400,
  maxReadsInFlight: 400,
  maxWritesInFlight: 200,
  maxUnknownInFlight: 200,
  failedLoginsPerMinute: 600,
};

export const unlimited: RequestLimits = {
  requestsPerSecond: 0,
  maxReadsInFlight: 0,
  maxWritesInFlight: 0,
  maxUnknownInFlight: 0,
  failedLoginsPerMinute: 0,
};

export type Rejection = 'rate' | 'failed-logins' | 'in-flight';

export interface RateLimits {
  /**
   * Somebody could not say who they are. Throws 429 for an address where that happens too often; others behind the same
   * address are not shut out by it.
   */
  failedLogin(address: string): void;
  /** Throws 429 when this client asks too often. */
  checkRate(user: UserInfo, address: string): void;
  /** Takes a place for the time that the request is worked on; throws 429 when there is none. */
  begin(user: UserInfo, mutates: boolean): () => void;
  readonly inFlight: { readonly reads: number; readonly writes: number; readonly unknown: number };
}

/** Why a request was refused; for the record. */
export function rejectionOf(error: unknown): Rejection | undefined {
  return typeof error === 'object' && error !== null ? rejections.get(error) : undefined;
}

const rejections = new WeakMap<object, Rejection>();

function tooMany(rejection: Rejection, retryAfterSeconds: number): StatusError {
  const message = 'Too many requests, please try again later.';
  const error = failure(429, 'TooManyRequests', message, { retryAfterSeconds });
  rejections.set(error, rejection);
  return error;
}

const ADMINISTRATORS = 'system:masters';
const NODES = 'system:nodes';
const UNAUTHENTICATED = 'system:unauthenticated';
/** A node with many pods writes many states at once, and must never be late for long. */
const NODE_FACTOR = 10;
/** The unknown get health, version and webhooks only, which are cheap; a forge's storm of pushes comes from one address. */
const UNKNOWN_FACTOR = 5;
/** What one user may have of the places, so that others find one while theirs are slow. */
const SHARE_OF_ONE = 0.75;
/** More clients than this at the same time: those that have not asked for long are forgotten. */
const MAX_BUCKETS = 20_000;

export function createRateLimits(limits: RequestLimits, clock: Clock): RateLimits {
  const requests = createBuckets(clock);
  const logins = createBuckets(clock);
  const inFlight = { reads: 0, writes: 0, unknown: 0 };
  const mostOf = {
    reads: limits.maxReadsInFlight,
    writes: limits.maxWritesInFlight,
    unknown: limits.maxUnknownInFlight,
  };
  const held = new Map<string, number>();
  return {
    inFlight,
    failedLogin(address) {
      const perMinute = limits.failedLoginsPerMinute;
      if (perMinute > 0 && !logins.take(address, perMinute / 60, perMinute))
        throw tooMany('failed-logins', Math.ceil(60 / perMinute));
    },
    checkRate(user, address) {
      if (limits.requestsPerSecond <= 0 || user.groups.includes(ADMINISTRATORS)) return;
      const unknown = user.groups.includes(UNAUTHENTICATED);
      const factor = unknown ? UNKNOWN_FACTOR : user.groups.includes(NODES) ? NODE_FACTOR : 1;
      const perSecond = limits.requestsPerSecond * factor;
      // The space keeps a user's name apart from an address.
      const client = unknown ? `address ${address}` : user.name;
      if (!requests.take(client, perSecond, perSecond * 2)) throw tooMany('rate', 1);
    },
    begin(user, mutates) {
      const unknown = user.groups.includes(UNAUTHENTICATED);
      const kind = unknown ? 'unknown' : mutates ? 'writes' : 'reads';
      const most = mostOf[kind];
      const client = `${kind} ${user.name}`;
      const own = held.get(client) ?? 0;
      const full = inFlight[kind] >= most || (!unknown && own >= Math.ceil(most * SHARE_OF_ONE));
      const hasRoom = user.groups.includes(ADMINISTRATORS) || user.groups.includes(NODES);
      if (most > 0 && full && !hasRoom) throw tooMany('in-flight', 1);
      inFlight[kind] += 1;
      held.set(client, own + 1);
      let over = false;
      return () => {
        if (over) return;
        over = true;
        inFlight[kind] -= 1;
        const left = (held.get(client) ?? 1) - 1;
        if (left > 0) held.set(client, left);
        else held.delete(client);
      };
    },
  };
}

interface Bucket {
  tokens: number;
  atMs: number;
}

interface Buckets {
  /** False when there is no token; then none is taken. */
  take(key: string, perSecond: number, size: number): boolean;
}

function createBuckets(clock: Clock): Buckets {
  const buckets = createBoundedMap<string, Bucket>(MAX_BUCKETS);

  function filled(key: string, perSecond: number, size: number): Bucket {
    const nowMs = clock.now();
    const bucket = buckets.get(key) ?? { tokens: size, atMs: nowMs };
    const sinceMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(size, bucket.tokens + (sinceMs * perSecond) / 1_000);
    bucket.atMs = nowMs;
    // The client that asked longest ago is forgotten first.
    buckets.set(key, bucket);
    return bucket;
  }

  return {
    take(key, perSecond, size) {
      const bucket = filled(key, perSecond, size);
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      return true;
    },
  };
}

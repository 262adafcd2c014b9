/**
 * Limits of one client: requests per second, wrong credentials per address, requests in flight.
 * Administrators and nodes always find a place, so that a flood of others never locks them out.
 */
import { createBoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { failure, type StatusError } from '../../schemas/errors/status.ts';
import type { UserInfo } from '../../resources/types.ts';

export interface RequestLimits {
  /** Per user, or per anonymous address; 0 is no limit. A burst may be a second's worth more. */
  readonly requestsPerSecond: number;
  /** Reads in flight; watches and sessions are not counted. 0 is no limit. */
  readonly maxReadsInFlight: number;
  readonly maxWritesInFlight: number;
  /** Requests of anonymous clients in flight. They never take a place of other users. */
  readonly maxUnknownInFlight: number;
  /** Wrong credentials that an address may try per minute; right ones are accepted all the same. */
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
  /** A client had wrong credentials. Throws 429 where that happens too often at its address. */
  failedLogin(address: string): void;
  /** Throws 429 when this client asks too often. */
  checkRate(user: UserInfo, address: string): void;
  /** Takes a place while the request is in flight; throws 429 when there is none. */
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
/** A node with many pods writes many statuses at once, and must not be delayed for long. */
const NODE_FACTOR = 10;
/** Anonymous requests are cheap, and a forge's pushes come from one address. */
const UNKNOWN_FACTOR = 5;
/** The share of the places that one user may take, so that others find one. */
const SHARE_OF_ONE = 0.75;
/** Clients that are remembered; beyond it, those that asked longest ago are forgotten. */
const MAX_BUCKETS = 20_000;

export function createRateLimits(limits: RequestLimits, clock: Clock): RateLimits {
  const takeRequest = createBuckets(clock);
  const takeLogin = createBuckets(clock);
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
      if (perMinute > 0 && !takeLogin(address, perMinute / 60, perMinute))
        throw tooMany('failed-logins', Math.ceil(60 / perMinute));
    },
    checkRate(user, address) {
      if (limits.requestsPerSecond <= 0 || user.groups.includes(ADMINISTRATORS)) return;
      const unknown = user.groups.includes(UNAUTHENTICATED);
      const factor = unknown ? UNKNOWN_FACTOR : user.groups.includes(NODES) ? NODE_FACTOR : 1;
      const perSecond = limits.requestsPerSecond * factor;
      // The space keeps a user's name apart from an address.
      const client = unknown ? `address ${address}` : user.name;
      if (!takeRequest(client, perSecond, perSecond * 2)) throw tooMany('rate', 1);
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

/** Takes a token of a key. False when there is none. */
type TakeToken = (key: string, perSecond: number, size: number) => boolean;

function createBuckets(clock: Clock): TakeToken {
  const buckets = createBoundedMap<string, Bucket>(MAX_BUCKETS);
  return (key, perSecond, size) => {
    const nowMs = clock.now();
    const bucket = buckets.get(key) ?? { tokens: size, atMs: nowMs };
    const sinceMs = Math.max(0, nowMs - bucket.atMs);
    bucket.tokens = Math.min(size, bucket.tokens + (sinceMs * perSecond) / 1_000);
    bucket.atMs = nowMs;
    // The client that asked longest ago is forgotten first.
    buckets.set(key, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  };
}

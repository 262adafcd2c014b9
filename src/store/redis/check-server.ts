/**
 * Whether a Redis server can carry the store: reads and assesses what it says. A server that
 * anybody may write to is refused: access to Redis is close to running code on it.
 */
import { StoreUnavailable } from '../types.ts';
import type { RedisLink } from './connect.ts';
import { isLocalTarget, type RedisTarget } from './redis-target.ts';

/** Undefined where the server does not tell (a managed service without CONFIG). */
export interface ServerFacts {
  readonly version: string;
  readonly role: string | undefined;
  /** `standalone`, `cluster` or `sentinel`. */
  readonly mode: string | undefined;
  /** As the URL says. */
  readonly isClusterUrl: boolean;
  readonly maxmemoryPolicy: string | undefined;
  readonly appendonly: boolean | undefined;
  readonly needsPassword: boolean;
  /** Reached by a unix socket or loopback. */
  readonly isLocal: boolean;
}

export interface ServerProblem {
  readonly severity: 'refuse' | 'warn';
  readonly code: 'version' | 'eviction' | 'persistence' | 'password' | 'role' | 'mode' | 'unknown';
  readonly message: string;
  /** The change that mends it. */
  readonly advice: string;
}

/** Streams keep what the change log needs, and scripts replicate by effect, as of this version. */
const MIN_MAJOR = 7;

export function assessServer(facts: ServerFacts): readonly ServerProblem[] {
  const problems: ServerProblem[] = [];
  const { version, maxmemoryPolicy, appendonly } = facts;
  if (!(Number.parseInt(version, 10) >= MIN_MAJOR)) {
    problems.push({
      severity: 'refuse',
      code: 'version',
      message: `Redis ${version} is too old`,
      advice: `Use Redis ${MIN_MAJOR} or later`,
    });
  }
  if (!facts.needsPassword && !facts.isLocal) {
    problems.push({
      severity: 'refuse',
      code: 'password',
      message: 'Redis asks for no password and is reached over the network',
      advice: 'Set requirepass (or an ACL user) and put it into the URL, or use a unix socket or loopback',
    });
  }
  if (facts.mode === 'sentinel' || (facts.mode === 'cluster' && !facts.isClusterUrl)) {
    problems.push({
      severity: 'refuse',
      code: 'mode',
      message: `Redis runs as a ${facts.mode} there`,
      advice: `Use a redis+${facts.mode}:// URL`,
    });
  }
  if (facts.role === 'slave') {
    problems.push({
      severity: 'refuse',
      code: 'role',
      message: 'Redis is a read-only replica',
      advice: 'Name the primary, or use a redis+sentinel:// URL',
    });
  }
  if (maxmemoryPolicy !== undefined && maxmemoryPolicy !== 'noeviction') {
    problems.push({
      severity: 'refuse',
      code: 'eviction',
      message: `Redis drops keys when memory is short (maxmemory-policy ${maxmemoryPolicy})`,
      advice: 'Set maxmemory-policy to noeviction',
    });
  }
  if (appendonly === false) {
    problems.push({
      severity: 'warn',
      code: 'persistence',
      message:
        'Redis keeps no append-only file: a restart loses changes, and the cluster is rebuilt from Git and nodes',
      advice: 'Set appendonly to yes',
    });
  }
  if (maxmemoryPolicy === undefined || appendonly === undefined) {
    problems.push({
      severity: 'warn',
      code: 'unknown',
      message: 'Redis does not tell its configuration',
      advice: 'Make sure that maxmemory-policy is noeviction and appendonly is yes',
    });
  }
  return problems;
}

export async function readServerFacts(redis: RedisLink, target: RedisTarget): Promise<ServerFacts> {
  const info = (await redis.call('INFO')) as string;
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const config = async (name: string): Promise<string | undefined> => {
    try {
      const [, value] = (await redis.call('CONFIG', 'GET', name)) as readonly string[];
      return value;
    } catch (error) {
      // A user without the right to CONFIG gets a reply as well.
      const isReply =
        error instanceof Error && error.cause instanceof Error && error.cause.name === 'ReplyError';
      if (error instanceof StoreUnavailable && !isReply) throw error;
      return undefined;
    }
  };
  const [maxmemoryPolicy, appendonly, requirepass] = await Promise.all([
    config('maxmemory-policy'),
    config('appendonly'),
    config('requirepass'),
  ]);
  const login = target.username !== undefined || target.password !== undefined;
  return {
    version: field('redis_version') ?? 'unknown',
    role: field('role'),
    mode: field('redis_mode'),
    isClusterUrl: target.type === 'cluster',
    maxmemoryPolicy,
    appendonly: appendonly === undefined ? undefined : appendonly === 'yes',
    // A user of its own is as good as a password; without CONFIG, having logged in is all that is
    // known.
    needsPassword: requirepass === undefined ? login : requirepass !== '' || target.username !== undefined,
    isLocal: isLocalTarget(target),
  };
}

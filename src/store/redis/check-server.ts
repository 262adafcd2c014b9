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
  const add =
    (severity: ServerProblem['severity']) =>
    (code: ServerProblem['code'], message: string, advice: string): unknown =>
      problems.push({ severity, code, message, advice });
  const [refuse, warn] = [add('refuse'), add('warn')];
  const { version, mode, maxmemoryPolicy, appendonly } = facts;
  if (!(Number.parseInt(version, 10) >= MIN_MAJOR))
    refuse('version', `Redis ${version} is too old`, `Use Redis ${MIN_MAJOR} or later`);
  if (!facts.needsPassword && !facts.isLocal)
    refuse(
      'password',
      'Redis asks for no password and is reached over the network',
      'Set requirepass (or an ACL user) and put it into the URL, or use a unix socket or loopback',
    );
  if (mode === 'sentinel' || (mode === 'cluster' && !facts.isClusterUrl))
    refuse('mode', `Redis runs as a ${mode} there`, `Use a redis+${mode}:// URL`);
  if (facts.role === 'slave')
    refuse('role', 'Redis is a read-only replica', 'Name the primary, or use a redis+sentinel:// URL');
  if (maxmemoryPolicy !== undefined && maxmemoryPolicy !== 'noeviction')
    refuse(
      'eviction',
      `Redis drops keys when memory is short (maxmemory-policy ${maxmemoryPolicy})`,
      'Set maxmemory-policy to noeviction',
    );
  if (appendonly === false)
    warn(
      'persistence',
      'Redis keeps no append-only file: a restart loses changes, and the cluster is rebuilt from Git and nodes',
      'Set appendonly to yes',
    );
  if (maxmemoryPolicy === undefined || appendonly === undefined)
    warn(
      'unknown',
      'Redis does not tell its configuration',
      'Make sure that maxmemory-policy is noeviction and appendonly is yes',
    );
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

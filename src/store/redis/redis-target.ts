/**
 * Where Redis is, parsed from a URL (pure):
 * - `redis://[user:password@]host[:6379][/db]`, `rediss://…` (TLS)
 * - `unix:///path/to.sock[?db=n]` or `redis+unix:///path`
 * - `redis+sentinel://[user:password@]h1[:26379],h2/master-name[/db]` (`rediss+sentinel` for TLS)
 * - `redis+cluster://[user:password@]h1[:6379],h2` (`rediss+cluster` for TLS)
 */
import { UserError } from '../../base/errors.ts';

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

export interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
}

export type RedisTarget = RedisCredentials &
  (
    | { readonly type: 'single'; readonly host: RedisHost; readonly tls: boolean; readonly db: number }
    | { readonly type: 'unix'; readonly path: string; readonly db: number }
    | {
        readonly type: 'sentinel';
        readonly hosts: readonly RedisHost[];
        readonly master: string;
        readonly tls: boolean;
        readonly db: number;
      }
    | { readonly type: 'cluster'; readonly hosts: readonly RedisHost[]; readonly tls: boolean }
  );

const SHAPE = /^([a-z+]+):\/\/(?:([^@/]*)@)?([^/?]*)(\/[^?]*)?(?:\?(.*))?$/;
const HOST = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

/** Throws UserError; the message never repeats the URL, which may hold a password. */
export function parseRedisUrl(url: string): RedisTarget {
  const match = SHAPE.exec(url);
  if (!match) throw new UserError('Cannot use the Redis URL: it has the form scheme://host:port');
  const [, scheme = '', credentials, hosts = '', path = '', query = ''] = match;
  const login = parseCredentials(credentials);
  const tls = scheme.startsWith('rediss');
  switch (scheme) {
    case 'redis':
    case 'rediss': {
      const [host, ...others] = parseHosts(hosts, REDIS_PORT);
      if (!host || others.length > 0) throw new UserError('Cannot use the Redis URL: it names one host');
      return { ...login, type: 'single', host, tls, db: parseDb(path.slice(1)) };
    }
    case 'unix':
    case 'redis+unix': {
      if (hosts !== '' || path.length < 2) {
        throw new UserError('Cannot use the Redis URL: a unix socket is written unix:///absolute/path');
      }
      const db = new URLSearchParams(query).get('db') ?? '';
      return { ...login, type: 'unix', path: decodeURIComponent(path), db: parseDb(db) };
    }
    case 'redis+sentinel':
    case 'rediss+sentinel': {
      const [master = '', db = ''] = path.slice(1).split('/');
      if (master === '') throw new UserError('Cannot use the Redis URL: name the master as /master-name');
      return {
        ...login,
        type: 'sentinel',
        hosts: parseHosts(hosts, SENTINEL_PORT),
        master,
        tls,
        db: parseDb(db),
      };
    }
    case 'redis+cluster':
    case 'rediss+cluster':
      return { ...login, type: 'cluster', hosts: parseHosts(hosts, REDIS_PORT), tls };
    default:
      throw new UserError(
        `Cannot use the Redis URL: unknown scheme "${scheme}"; use redis, rediss, unix, redis+sentinel or redis+cluster`,
      );
  }
}

function parseCredentials(text: string | undefined): RedisCredentials {
  if (!text) return {};
  const colon = text.indexOf(':');
  const username = decodeURIComponent(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? '' : decodeURIComponent(text.slice(colon + 1));
  return { ...(username ? { username } : {}), ...(password ? { password } : {}) };
}

function parseHosts(text: string, defaultPort: number): readonly RedisHost[] {
  return text.split(',').map((item) => {
    const match = HOST.exec(item);
    const port = Number(match?.[3] ?? defaultPort);
    if (!match || port < 1 || port > 65_535)
      throw new UserError(`Cannot use the Redis URL: bad host "${item}"`);
    return { host: match[1] ?? match[2] ?? '', port };
  });
}

function parseDb(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,4}$/.test(text)) throw new UserError(`Cannot use the Redis URL: bad database number "${text}"`);
  return Number(text);
}

/** Whether nobody else can connect: a unix socket, or addresses of this machine only. */
export function isLocalTarget(target: RedisTarget): boolean {
  if (target.type === 'unix') return true;
  const hosts = target.type === 'single' ? [target.host] : target.hosts;
  return hosts.every(
    ({ host }) => host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host),
  );
}

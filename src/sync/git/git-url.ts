/**
 * Which repository URLs are accepted, and how they are shown and compared.
 *
 * A URL comes from an Application object, so it is untrusted: only https, ssh, http to this
 * machine, and local paths where they are configured. Never `ext::`, never an option in disguise,
 * never a link-local host (cloud metadata).
 */
import { isAbsolute } from 'node:path';
import { isIPv6 } from 'node:net';
import { UserError } from '../../base/errors.ts';
import { withoutTrailing } from '../../base/text.ts';
import { isForbiddenHost } from './link-local.ts';

export interface RepoUrl {
  readonly transport: 'https' | 'http' | 'ssh' | 'file';
  /** The address for git; carries no credentials. */
  readonly remote: string;
  /** A name or an address, as git will look it up; undefined for a path. */
  readonly host?: string;
  /** Credentials that were written into the URL. */
  readonly username?: string;
  readonly password?: string;
}

/** No forge has longer ones; a bound keeps error messages and keys small. */
const MAX_URL_LENGTH = 2_048;

const SCP_LIKE =
  /^(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!\/\/)([A-Za-z0-9~_/.][^\s\\]*)$/;

/** git and ssh decode percent-encoded hosts and users, so both are checked in decoded form. */
const HOST = /^[A-Za-z0-9_]([A-Za-z0-9._-]*)$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._@+~-]*$/;

const UNPRINTABLE = /[\u0000-\u0020\u007f]/;

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

/** An Application that could name any path would read this machine's files. */
const LOCAL =
  'local paths are not enabled: symphony reads the one that it is started with (--repo PATH) for Applications in symphony-system; name others by https or ssh';

/**
 * Throws {@link UserError} for a refused URL; the message never carries a credential. `allowFile`:
 * whether `file://` URLs and absolute paths are allowed.
 */
export function parseRepoUrl(url: string, { allowFile }: { readonly allowFile: boolean }): RepoUrl {
  const refuse = (why: string): never => {
    throw new UserError(`Cannot use repository "${redactUrl(url)}": ${why}`);
  };
  if (url === '' || url.length > MAX_URL_LENGTH) return refuse('the URL is empty or too long');
  if (url.startsWith('-') || UNPRINTABLE.test(url)) return refuse('the URL is malformed');
  if (isAbsolute(url)) return allowFile ? { transport: 'file', remote: url } : refuse(LOCAL);
  const scp = url.includes('://') ? null : SCP_LIKE.exec(url);
  if (scp) {
    const [, user = 'git', host = ''] = scp;
    return isForbiddenHost(host)
      ? refuse('link-local hosts are refused')
      : { transport: 'ssh', remote: url, host, username: user };
  }
  const parsed = parseUrl(url);
  if (!parsed) return refuse('it is neither a URL nor an absolute path');
  if (parsed.protocol === 'file:') {
    if (!allowFile) return refuse(LOCAL);
    if (parsed.host !== '') return refuse('a file URL must not name a host');
    return { transport: 'file', remote: parsed.path };
  }
  const { host } = parsed;
  if (!HOST.test(host) && !isIPv6(host.replace(/^\[|\]$/g, ''))) return refuse('the host is malformed');
  if (isForbiddenHost(host)) return refuse('link-local hosts are refused');
  switch (parsed.protocol) {
    case 'https:':
      return withoutCredentials('https', parsed);
    case 'http:':
      return LOOPBACK_HOSTS.has(host)
        ? withoutCredentials('http', parsed)
        : refuse('plain http is allowed only to this machine; use https');
    case 'ssh:': {
      const { username: user, port } = parsed;
      if (user !== '' && !USER.test(user)) return refuse('the user is malformed');
      const at = user === '' ? '' : `${encodeURIComponent(user)}@`;
      return { transport: 'ssh', remote: `ssh://${at}${host}${port}${parsed.pathname}`, host };
    }
    default:
      return refuse(`the scheme "${parsed.protocol.slice(0, 20)}" is not allowed`);
  }
}

type ParsedUrl = NonNullable<ReturnType<typeof parseUrl>>;

/** Decoded but for `pathname`; undefined for what is no URL, or is encoded wrongly. */
function parseUrl(url: string) {
  try {
    const { protocol, hostname, port, username, password, pathname } = new URL(url);
    return {
      protocol,
      pathname,
      port: port === '' ? '' : `:${port}`,
      host: decodeURIComponent(hostname),
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
      path: decodeURIComponent(pathname),
    };
  } catch {
    return undefined;
  }
}

function withoutCredentials(transport: 'https' | 'http', parsed: ParsedUrl): RepoUrl {
  const { host, port, pathname, username, password } = parsed;
  return {
    transport,
    remote: `${transport}://${host}${port}${pathname}`,
    host,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  };
}

/** The URL without user and password, safe for logs, statuses and errors. */
export const redactUrl = (url: string): string => redactCredentials(url).slice(0, 300);

/** A name without a password that is this long is a token. */
const TOKEN_LENGTH = 20;

/** Replaces `//user:password@` wherever it stands in a text. */
export function redactCredentials(text: string): string {
  return text.replace(/\/\/([^/\s]*)@/g, (whole, user: string) => {
    const name = user.split('@', 1)[0] ?? '';
    return name.includes(':') || name.length >= TOKEN_LENGTH ? '//***@' : whole;
  });
}

/**
 * One text for all spellings of a repository, to compare a webhook's with an Application's:
 * `git@github.com:Acme/shop.git`, `https://github.com/acme/shop` → `github.com/acme/shop`.
 */
export function canonicalRepoUrl(url: string): string {
  const scp = url.includes('://') ? null : SCP_LIKE.exec(url);
  const parsed = URL.canParse(url) ? placeOf(new URL(url)) : url;
  const text = scp ? `${scp[2] ?? ''}/${scp[3] ?? ''}` : parsed;
  return withoutTrailing(text.replace(/\/{2,}/g, '/'), '/')
    .replace(/\.git$/i, '')
    .toLowerCase();
}

/** A port tells two servers of one host apart, unless it is the scheme's own or of ssh. */
function placeOf({ protocol, hostname, port, pathname }: URL): string {
  if (protocol === 'file:') return pathname;
  return `${hostname}${port === '' || protocol === 'ssh:' ? '' : `:${port}`}${pathname}`;
}

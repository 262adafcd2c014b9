/**
 * Which repository URLs are accepted, and how they are shown and compared.
 *
 * A URL comes from an Application object, so it is untrusted: only https, ssh, http to this machine, and local paths
 * where they are configured. Never `ext::`, never an option in disguise, never a link-local host (cloud metadata).
 */
import { isAbsolute } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { withoutTrailing } from '../../base/text.ts';

export interface RepoUrlPolicy {
  /** Whether `file://` URLs and absolute paths are allowed. */
  readonly allowFile: boolean;
}

export interface RepoUrl {
  readonly transport: 'https' | 'http' | 'ssh' | 'file';
  /** What git is given; carries no credentials. */
  readonly remote: string;
  /** Credentials that were written into the URL. */
  readonly username?: string;
  readonly password?: string;
}

/** No forge has longer ones; a bound keeps error messages and keys small. */
const MAX_URL_LENGTH = 2_048;

const SCP_LIKE =
  /^(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!\/\/)([A-Za-z0-9~_/.][^\s\\]*)$/;

const UNPRINTABLE = /[\u0000-\u0020\u007f]/;

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Throws {@link UserError} for a URL that is not allowed; the message never carries a credential. */
export function parseRepoUrl(url: string, policy: RepoUrlPolicy): RepoUrl {
  const refuse = (why: string): never => {
    throw new UserError(`Cannot use repository "${redactUrl(url)}": ${why}`);
  };
  if (url === '' || url.length > MAX_URL_LENGTH) return refuse('the URL is empty or too long');
  if (url.startsWith('-') || UNPRINTABLE.test(url)) return refuse('the URL is malformed');
  if (isAbsolute(url)) {
    return policy.allowFile ? { transport: 'file', remote: url } : refuse('local paths are not enabled');
  }
  const scp = url.includes('://') ? null : SCP_LIKE.exec(url);
  if (scp) {
    const [, user = 'git', host = ''] = scp;
    return isLinkLocal(host)
      ? refuse('link-local hosts are refused')
      : { transport: 'ssh', remote: url, username: user };
  }
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return refuse('it is neither a URL nor an absolute path');
  }
  if (parsed.hostname.startsWith('-')) return refuse('the host is malformed');
  if (isLinkLocal(parsed.hostname)) return refuse('link-local hosts are refused');
  switch (parsed.protocol) {
    case 'https:':
      return withoutCredentials('https', parsed);
    case 'http:':
      return LOOPBACK_HOSTS.has(parsed.hostname)
        ? withoutCredentials('http', parsed)
        : refuse('plain http is allowed only to this machine; use https');
    case 'ssh:':
      if (parsed.username.startsWith('-')) return refuse('the user is malformed');
      return {
        transport: 'ssh',
        remote: `ssh://${parsed.username === '' ? '' : `${parsed.username}@`}${parsed.host}${parsed.pathname}`,
      };
    case 'file:':
      if (!policy.allowFile) return refuse('local paths are not enabled');
      if (parsed.host !== '') return refuse('a file URL must not name a host');
      return { transport: 'file', remote: decodeURIComponent(parsed.pathname) };
    default:
      return refuse(`the scheme "${parsed.protocol.slice(0, 20)}" is not allowed`);
  }
}

function withoutCredentials(transport: 'https' | 'http', parsed: URL): RepoUrl {
  return {
    transport,
    remote: `${parsed.protocol}//${parsed.host}${parsed.pathname}`,
    ...(parsed.username === '' ? {} : { username: decodeURIComponent(parsed.username) }),
    ...(parsed.password === '' ? {} : { password: decodeURIComponent(parsed.password) }),
  };
}

/** 169.254.0.0/16, fe80::/10 and the names that clouds give to their metadata service. */
function isLinkLocal(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return (
    /^169\.254\./.test(name) ||
    /^\[fe[89ab]/.test(name) ||
    /^\[::ffff:(a9fe:|169\.254\.)/.test(name) ||
    name === 'metadata.google.internal'
  );
}

/** The URL without user and password, safe for logs, statuses and errors. */
export function redactUrl(url: string): string {
  return redactCredentials(url).slice(0, 300);
}

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
 * One text for all spellings of a repository, to compare what a webhook names with what an Application says:
 * `git@github.com:Acme/shop.git`, `https://github.com/acme/shop` → `github.com/acme/shop`.
 */
export function canonicalRepoUrl(url: string): string {
  const scp = url.includes('://') ? null : SCP_LIKE.exec(url);
  let text: string;
  if (scp) text = `${scp[2] ?? ''}/${scp[3] ?? ''}`;
  else {
    try {
      const parsed = new URL(url);
      text =
        parsed.protocol === 'file:'
          ? parsed.pathname
          : `${parsed.hostname}${portOf(parsed)}${parsed.pathname}`;
    } catch {
      text = url;
    }
  }
  return withoutTrailing(text.replace(/\/{2,}/g, '/'), '/')
    .replace(/\.git$/i, '')
    .toLowerCase();
}

/** A port other than the scheme's own tells two servers of one host apart; ssh ports say nothing about the web's. */
function portOf(parsed: URL): string {
  return parsed.port === '' || parsed.protocol === 'ssh:' ? '' : `:${parsed.port}`;
}

/**
 * The addresses of a repository's host. An allowed name may resolve to a forbidden address, and to
 * another one a moment later: git is told to use the addresses that were checked.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { untilAborted } from '../../base/abort.ts';
import { TransientError, UserError } from '../../base/errors.ts';
import type { RepoUrl } from './git-url.ts';
import { isForbiddenHost } from './link-local.ts';

/** All addresses of a name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** A name of a real server has a handful. */
const MAX_ADDRESSES = 32;

const lookupAll: Lookup = async (host) =>
  (await systemLookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/**
 * Configuration that pins the host for HTTP, empty where there is nothing to pin. ssh resolves by
 * itself, because its own configuration may rename the host; its name is only checked.
 * Throws UserError for a forbidden address.
 */
export async function pinnedAddresses(
  { transport, remote, host }: RepoUrl,
  signal: AbortSignal,
  lookup: Lookup = lookupAll,
): Promise<Readonly<Record<string, string>>> {
  if (host === undefined || isIP(host.replace(/^\[|\]$/g, '')) !== 0) return {};
  let addresses: readonly string[];
  try {
    addresses = await untilAborted(lookup(host), signal);
  } catch (error) {
    if (transport === 'ssh') return {};
    throw new TransientError(`Could not resolve host: ${host}`, { cause: error });
  }
  if (addresses.some(isForbiddenHost)) {
    throw new UserError(`Cannot use repository host "${host}": it resolves to a link-local address`);
  }
  if (transport === 'ssh') return {};
  const { port, protocol } = new URL(remote);
  const shown = addresses
    .slice(0, MAX_ADDRESSES)
    .map((address) => (isIP(address) === 6 ? `[${address}]` : address));
  return { 'http.curloptResolve': `${host}:${port || (protocol === 'http:' ? 80 : 443)}:${shown.join(',')}` };
}

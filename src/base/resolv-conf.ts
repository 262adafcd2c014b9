/** resolv.conf(5): reading, and the host's own servers. */
import { readFile } from 'node:fs/promises';
import { append } from './append.ts';

export interface ResolverConfig {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export function parseResolvConf(text: string): ResolverConfig {
  const nameservers: string[] = [];
  let searches: readonly string[] = [];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword = '', ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && words[0]) nameservers.push(words[0]);
    // The last one counts (man 5 resolv.conf), and `domain` is an old word for a search of one.
    else if (keyword === 'search' || keyword === 'domain') searches = words;
    else if (keyword === 'options') append(options, words);
  }
  return { nameservers, searches, options };
}

const HOST_FILE = '/etc/resolv.conf';
/** The servers that systemd-resolved asks. */
const RESOLVED_FILE = '/run/systemd/resolve/resolv.conf';

/** An unreadable file reads as empty. */
type ReadText = (path: string) => Promise<string>;
const readText: ReadText = (path) => readFile(path, 'utf8').catch(() => '');

/**
 * The host's configuration, as a pod can use it. A server on the loopback answers the host alone:
 * systemd-resolved names the servers behind its own in another file, which kubeadm uses as well.
 */
export async function readHostResolver(read: ReadText = readText): Promise<ResolverConfig> {
  const own = parseResolvConf(await read(HOST_FILE));
  if (own.nameservers.length === 0 || !own.nameservers.every(isLoopback)) return own;
  const behind = parseResolvConf(await read(RESOLVED_FILE));
  return behind.nameservers.length > 0 ? behind : own;
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

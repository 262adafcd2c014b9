/** The routes and addresses of this machine (IPv4; proc(5), fib_trie of all tables). */
import { readFile } from 'node:fs/promises';
import { cidrContains } from '../../base/cidr.ts';
import { formatAddress } from './ip-allocator.ts';
import { parseRoutes } from './plan-pod-route.ts';

export interface HostRoute {
  readonly cidr: string;
  /** Undefined for a route that the main table does not have. */
  readonly device: string | undefined;
}

/** Shorter prefixes lead everywhere: default routes, and the halves that VPNs put before them. */
const SHORTEST_PREFIX = 8;

/** Empty if there is no such file: outside Linux the engine runs in a machine of its own. */
export async function readHostRoutes(): Promise<readonly HostRoute[]> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  const [trie, main] = await Promise.all([read('/proc/net/fib_trie'), read('/proc/net/route')]);
  return parseHostRoutes(trie, main);
}

/** Pure. Every range once; the machine's own addresses only if no route leads to them. */
export function parseHostRoutes(trie: string, main: string): readonly HostRoute[] {
  const devices = parseDevices(main);
  const routed = new Set<string>();
  const local = new Set<string>();
  let address = '';
  for (const line of trie.split('\n')) {
    address = /\|-- (\S+)/.exec(line)?.[1] ?? address;
    const [, prefix, type] = /^\s+\/(\d+) \S+ (UNICAST|LOCAL)\b/.exec(line) ?? [];
    if (prefix === undefined || Number(prefix) < SHORTEST_PREFIX) continue;
    (type === 'LOCAL' ? local : routed).add(`${address}/${prefix}`);
  }
  const lone = [...local].filter(
    (cidr) => ![...routed, ...local].some((other) => other !== cidr && cidrContains(other, cidr)),
  );
  return [...routed, ...lone].map((cidr) => ({ cidr, device: devices.get(cidr) }));
}

/** Devices of the main table, by range. */
function parseDevices(main: string): ReadonlyMap<string, string> {
  const lengthOf = (mask: number): number => mask.toString(2).replaceAll('0', '').length;
  return new Map(
    parseRoutes(main).map(({ destination, mask, interface: device }) => [
      `${formatAddress(destination)}/${lengthOf(mask)}`,
      device,
    ]),
  );
}

/**
 * Ranges of this host's routes and addresses that Symphony itself has made: for checks of what else
 * has addresses of a cluster. Routes of other clusters count as well: their networks stand for them.
 */
import { type RunProgram, runJson } from '../run-program.ts';
import { type ObservedRoute, ROUTE_PROTOCOL, TUNNEL_PREFIX } from './plan-commands.ts';

interface AddressJson {
  readonly ifname: string;
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

/** Empty where the programs of iproute2 are missing. */
export async function readOwnRanges(run: RunProgram): Promise<ReadonlySet<string>> {
  try {
    const [routes, addresses] = await Promise.all([
      runJson<ObservedRoute>(run, 'ip', '-4', 'route', 'show', 'proto', String(ROUTE_PROTOCOL)),
      runJson<AddressJson>(run, 'ip', '-4', 'address', 'show'),
    ]);
    const ends = addresses
      .filter(({ ifname }) => ifname.startsWith(TUNNEL_PREFIX))
      .flatMap(({ addr_info: all = [] }) => all.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
    return new Set([...routes.map(({ dst }) => dst), ...ends]);
  } catch {
    return new Set();
  }
}

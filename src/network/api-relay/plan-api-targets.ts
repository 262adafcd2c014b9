/**
 * Where connections to the Service `default/kubernetes` go from this host. Pure. API servers that
 * the host reaches are connected to directly; where it reaches none of them but the agent has its
 * own way to the API, the agent carries the connections.
 */
import type { EndpointSlice } from '../../schemas/types.ts';
import { isLinkLocal, isLoopback, parseAddress } from '../../schemas/values/ip-address.ts';
import type { Target } from '../services/select-endpoints.ts';

export const API_SERVICE = 'default/kubernetes';
const SERVICE_LABEL = 'kubernetes.io/service-name';
/** More API servers than this are not tried. */
const MOST_SERVERS = 16;

export const isApiSlice = ({ metadata }: EndpointSlice): boolean =>
  metadata.namespace === 'default' && metadata.labels?.[SERVICE_LABEL] === 'kubernetes';

/** API servers as pods could reach them: no pod reaches a loopback of the host. */
export function apiServers(slices: Iterable<EndpointSlice>): readonly Target[] {
  const found = new Map<string, Target>();
  for (const { addressType, endpoints, ports } of [...slices].filter(isApiSlice)) {
    const port = ports?.[0]?.port;
    if (addressType !== 'IPv4' || port === undefined) continue;
    for (const { addresses, conditions } of endpoints ?? []) {
      const [address = ''] = addresses;
      const parsed = parseAddress(address);
      if (!parsed || isLoopback(parsed) || isLinkLocal(parsed) || conditions?.ready === false) continue;
      found.set(`${address}:${port}`, { address, port, isLocal: false });
    }
  }
  return [...found.values()].slice(0, MOST_SERVERS);
}

export interface ApiTargetsInput {
  readonly servers: readonly Target[];
  /** Those that take connections from this host. */
  readonly reached: ReadonlySet<Target>;
  /** The agent's own way works. */
  readonly isRelayUseful: boolean;
  readonly before: ApiTargets;
}

/** `slices`: all API servers. `relay`: the agent. `unknown`: as the kernel has it. */
export type ApiTargets = 'unknown' | 'slices' | 'relay' | readonly Target[];

export function planApiTargets({ servers, reached, isRelayUseful, before }: ApiTargetsInput): ApiTargets {
  const direct = servers.filter((server) => reached.has(server));
  if (direct.length > 0) return direct.length === servers.length ? 'slices' : direct;
  // No API server answers anybody: this says nothing about the ways to them.
  return isRelayUseful ? 'relay' : before;
}

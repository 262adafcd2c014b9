/**
 * The endpoints that a host sends the connections of one service port to. Pure. The rules are
 * kube-proxy's: ready endpoints, else those that are ending and still serve (KEP-1669); local ones
 * where a traffic policy says so (KEP-2086); near ones where hints say so (KEP-2433, KEP-4444).
 */
import type { Endpoint, EndpointSlice, ServicePort } from '../../schemas/types.ts';
import {
  isBroadcast,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseAddress,
} from '../../schemas/values/ip-address.ts';

/** The nodes that one host is, and their zone. */
export interface ProxyHost {
  readonly nodes: ReadonlySet<string>;
  readonly zone: string | undefined;
}

/** Where a connection ends. */
export interface Target {
  readonly address: string;
  readonly port: number;
  readonly isLocal: boolean;
}

export interface SelectedEndpoints {
  /** For connections that any endpoint may serve. */
  readonly cluster: readonly Target[];
  /** For connections that stay on this host. */
  readonly local: readonly Target[];
  /** All that are ready, far ones as well. */
  readonly ready: readonly Target[];
  /** Existing connections go on to these: the ready ones, and those that end and still serve. */
  readonly serving: readonly Target[];
}

interface Candidate extends Target {
  readonly endpoint: Endpoint;
}

export type Family = 'IPv4' | 'IPv6';

export function selectEndpoints(
  port: ServicePort,
  slices: readonly EndpointSlice[],
  family: Family,
  host: ProxyHost,
): SelectedEndpoints {
  const all = slices
    .filter(({ addressType }) => addressType === family)
    .flatMap((slice) => candidates(slice, port, host));
  const ready = all.filter(isReady);
  const near = nearest(ready, host);
  const local = all.filter(({ isLocal }) => isLocal);
  return {
    ready: targets(ready),
    serving: targets(all.filter((one) => isReady(one) || isEndingYetServing(one))),
    cluster: targets(near.length > 0 ? near : all.filter(isEndingYetServing)),
    local: targets(local.some(isReady) ? local.filter(isReady) : local.filter(isEndingYetServing)),
  };
}

/** The endpoints of a slice that has this port. A slice names ports as the Service does. */
function candidates(slice: EndpointSlice, port: ServicePort, host: ProxyHost): readonly Candidate[] {
  const { protocol = 'TCP', name = '' } = port;
  const found = (slice.ports ?? []).find(
    (one) => (one.name ?? '') === name && (one.protocol ?? 'TCP') === protocol,
  );
  if (found?.port === undefined) return [];
  const { port: number } = found;
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const [address = ''] = endpoint.addresses;
    if (!mayServe(address)) return [];
    const isLocal = host.nodes.has(endpoint.nodeName ?? '');
    return [{ address, port: number, isLocal, endpoint }];
  });
}

/**
 * A slice that somebody made must not lead to the host itself, to its cloud's metadata, or to many
 * at once. The API refuses such addresses, too, but not all multicast ones.
 */
function mayServe(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && !NOWHERE.some((is) => is(address));
}

const NOWHERE = [isLoopback, isLinkLocal, isMulticast, isUnspecified, isBroadcast];

/** Unknown counts as ready. */
const isReady = ({ endpoint: { conditions } }: Candidate): boolean => conditions?.ready !== false;

const isEndingYetServing = ({ endpoint: { conditions } }: Candidate): boolean =>
  conditions?.terminating === true && conditions.serving !== false;

/** Hints count only when every endpoint has them and one is meant for this host. */
function nearest(ready: readonly Candidate[], { nodes, zone }: ProxyHost): readonly Candidate[] {
  const hintsOf = ({ endpoint }: Candidate) => endpoint.hints ?? {};
  if (ready.every((one) => (hintsOf(one).forNodes ?? []).length > 0)) {
    const here = ready.filter((one) => hintsOf(one).forNodes?.some(({ name }) => nodes.has(name)));
    if (here.length > 0) return here;
  }
  if (zone !== undefined && ready.every((one) => (hintsOf(one).forZones ?? []).length > 0)) {
    const here = ready.filter((one) => hintsOf(one).forZones?.some(({ name }) => name === zone));
    if (here.length > 0) return here;
  }
  return ready;
}

/** Each once, in a fixed order, so that equal endpoints make equal rules. */
function targets(found: readonly Candidate[]): readonly Target[] {
  const unique = new Map(
    found.map(({ address, port, isLocal }) => [`${address}:${port}`, { address, port, isLocal }]),
  );
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, target]) => target);
}

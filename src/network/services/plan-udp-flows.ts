/**
 * The flows of UDP that the kernel must forget. Pure. A flow goes on to the endpoint that it began
 * with as long as its client sends: to one that is gone, or to the port itself where there was none.
 */
import type { EndpointSlice, Service } from '../../schemas/types.ts';
import { entrancesOf, protocolOf } from './entrances.ts';
import { type ProxyHost, selectEndpoints, type Target } from './select-endpoints.ts';

/** By entrance: the endpoints that existing flows may go on to, as `address port`. */
export type UdpEntrances = ReadonlyMap<string, ReadonlySet<string>>;

const NONE: UdpEntrances = new Map();

/** Undefined for a Service without UDP. */
export function udpEntrances(
  service: Service,
  slices: readonly EndpointSlice[],
  host: ProxyHost,
  owns: (key: string) => boolean,
  ownTargets?: readonly Target[],
): UdpEntrances | undefined {
  const ports = (service.spec.ports ?? []).filter((port) => protocolOf(port) === 'udp');
  const entries = ports.flatMap((port) => {
    const serving = ownTargets ?? selectEndpoints(port, slices, 'IPv4', host).serving;
    const endpoints = new Set(serving.map((target) => `${target.address} ${target.port}`));
    return entrancesOf(service, port)
      .filter(({ key }) => owns(key))
      .map(({ key }) => [key, endpoints] as const);
  });
  return entries.length > 0 ? new Map(entries) : undefined;
}

/** Commands for `conntrack --load-file`. */
export function planForgottenFlows(before = NONE, after = NONE): readonly string[] {
  const commands: string[] = [];
  for (const [key, endpoints] of before) {
    const left = after.get(key);
    for (const endpoint of endpoints) if (!left?.has(endpoint)) commands.push(forgetFlows(key, endpoint));
  }
  for (const [key, endpoints] of after)
    if (endpoints.size > 0 && !before.get(key)?.size) commands.push(forgetUntranslated(key));
  return commands;
}

function forgetFlows(key: string, endpoint: string): string {
  const [address, port] = endpoint.split(' ');
  return `${toEntrance(key)} -r ${address} --reply-port-src ${port}`;
}

/** Flows to a node's port have one of many addresses, so that all flows to such a port go. */
function forgetUntranslated(key: string): string {
  const { address } = partsOf(key);
  return address === undefined ? toEntrance(key) : `${toEntrance(key)} -r ${address}`;
}

function toEntrance(key: string): string {
  const { address, port } = partsOf(key);
  return `-D -p udp${address === undefined ? '' : ` -d ${address}`} --orig-port-dst ${port}`;
}

function partsOf(key: string): { readonly address: string | undefined; readonly port: string } {
  const parts = key.split(' . ');
  return { address: parts.length === 3 ? parts[0] : undefined, port: parts.at(-1) ?? '' };
}

/** A line of `conntrack --output save`. It has `-g` where the kernel translates the target. */
const FLOW = /-s (\S+) -d (\S+) -[gr] (\S+) .*--sport (\d+) --dport (\d+) --reply-port-src (\d+)/;

/** Commands for flows of the listing that should not go on, whatever was known before. */
export function planStrayFlows(listing: string, entrances: UdpEntrances): readonly string[] {
  return listing.split('\n').flatMap((line) => {
    const [, source, target, answering, sourcePort, targetPort, answeringPort] = FLOW.exec(line) ?? [];
    if (source === undefined) return [];
    const endpoints =
      entrances.get(`${target} . udp . ${targetPort}`) ?? entrances.get(`udp . ${targetPort}`);
    const isTranslated = answering !== target;
    // Without endpoints nothing serves the port: a flow without translation is somebody else's.
    if (!endpoints || (!isTranslated && endpoints.size === 0)) return [];
    if (endpoints.has(`${answering} ${answeringPort}`)) return [];
    return [`-D -p udp -s ${source} -d ${target} --sport ${sourcePort} --dport ${targetPort}`];
  });
}

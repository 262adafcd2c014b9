/**
 * The rules of one policy in one direction, as rules of a chain that accept. Pure. The union of the
 * policies of a pod is a chain that jumps to one after the other and drops at its end.
 *
 * A rule allows what one of its peers and one of its ports match. No peers or no ports: any. What
 * the API would refuse matches nothing, since the kernel would refuse the whole policy for it.
 */
import {
  type AddressSelection,
  addressGroupName,
  ALL_PODS,
  selectionOfPeer,
} from '../../schemas/address-groups.ts';
import { asRecord, asRecords, asString, type Fields, isAbsent } from '../../schemas/json-access.ts';
import type { NetworkPolicy } from '../../schemas/types.ts';
import { blockRanges, isEverything, portRanges } from './ranges.ts';

export type Direction = 'ingress' | 'egress';

/** Whether the addresses of a selection are asked for, and which of its named ports, by set. */
export interface GroupNeeds {
  addresses: boolean;
  readonly ports: Map<string, PortName>;
}

/** The sets of the table that rules name, so that they are made. */
export interface NeededSets {
  /** By the name of the selection. */
  readonly groups: Map<string, GroupNeeds>;
  /** Named ports of the pods of this host, by the name of the set. */
  readonly ownPorts: Map<string, PortName>;
}

export interface PortName {
  readonly name: string;
  readonly protocol: string;
}

export const noSets = (): NeededSets => ({ groups: new Map(), ownPorts: new Map() });

/** nft's names of them. */
const PROTOCOLS: ReadonlySet<string> = new Set(['TCP', 'UDP', 'SCTP']);
const PORT_NAME = /^[a-z0-9-]{1,15}$/;
const MAX_PORT = 65_535;

export const groupSet = (group: string): string => `group-${group}`;
const portSuffix = ({ protocol, name }: PortName): string => `${protocol.toLowerCase()}-${name}`;
const groupPortSet = (group: string, port: PortName): string => `${groupSet(group)}-${portSuffix(port)}`;

const SIDES = { ingress: ['from', 'saddr'], egress: ['to', 'daddr'] } as const;

/** Whether the policy isolates its pods in this direction; the API fills in `policyTypes`. */
export function isolates({ spec }: NetworkPolicy, direction: Direction): boolean {
  const types = spec.policyTypes ?? [];
  if (types.length > 0) return types.includes(direction === 'ingress' ? 'Ingress' : 'Egress');
  return direction === 'ingress' || (spec.egress ?? []).length > 0;
}

export function planRules(
  policy: NetworkPolicy,
  direction: Direction,
  needed: NeededSets,
): readonly string[] {
  const { metadata, spec } = policy;
  const rules = asRecords(spec[direction]).flatMap((rule) => {
    const peers = readPeers(metadata.namespace ?? '', rule, direction);
    const ports = readPorts(rule['ports']);
    return [...numericRules(peers, ports, direction, needed), ...namedRules(peers, ports, direction, needed)];
  });
  return [...new Set(rules)];
}

/** Undefined stands for any. */
interface Peers {
  readonly groups: readonly AddressSelection[];
  readonly ranges: readonly string[] | undefined;
}

function readPeers(namespace: string, rule: Fields, direction: Direction): Peers {
  const peers = asRecords(rule[SIDES[direction][0]]);
  if (peers.length === 0) return { groups: [], ranges: undefined };
  const blocks = peers.flatMap(({ ipBlock }) => (isAbsent(ipBlock) ? [] : [asRecord(ipBlock)]));
  const ranges = blockRanges(blocks);
  return {
    groups: peers.flatMap((peer) => selectionOfPeer(namespace, peer) ?? []),
    ranges: isEverything(ranges) ? undefined : ranges,
  };
}

interface Ports {
  /** nft's matches; an empty text for any port. */
  readonly matches: readonly string[];
  readonly names: readonly PortName[];
}

function readPorts(value: unknown): Ports {
  const ports = asRecords(value);
  if (ports.length === 0) return { matches: [''], names: [] };
  const numbers = new Map<string, [number, number][]>();
  const names: PortName[] = [];
  for (const { port, endPort, protocol } of ports) {
    const name = isAbsent(protocol) ? 'TCP' : asString(protocol);
    if (!PROTOCOLS.has(name)) continue;
    if (typeof port === 'string') {
      if (PORT_NAME.test(port)) names.push({ name: port, protocol: name });
      continue;
    }
    const [first, last] = isAbsent(port) ? [0, MAX_PORT] : [port, isAbsent(endPort) ? port : endPort];
    if (!isPort(first) || !isPort(last) || last < first) continue;
    const found = numbers.get(name) ?? [];
    numbers.set(name, found);
    found.push([first, last]);
  }
  return { matches: [...numbers].map(([protocol, found]) => portMatch(protocol, portRanges(found))), names };
}

const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_PORT;

const portMatch = (protocol: string, texts: readonly string[]): string => {
  const word = protocol.toLowerCase();
  return texts.includes(`0-${MAX_PORT}`) ? `meta l4proto ${word}` : `${word} dport { ${texts.join(', ')} }`;
};

function numericRules(
  peers: Peers,
  { matches }: Ports,
  direction: Direction,
  needed: NeededSets,
): readonly string[] {
  if (matches.length === 0) return [];
  const side = `ip ${SIDES[direction][1]}`;
  const sources = peers.groups.map((selection) => {
    const name = addressGroupName(selection);
    groupNeeds(needed, name).addresses = true;
    return `${side} @${groupSet(name)}`;
  });
  const all = [...sources, ...rangeMatches(peers, side)];
  return all.flatMap((source) => matches.map((port) => sentence(source, port)));
}

/** A name is one of the destination's ports: of pods of this host, or of the peers. */
function namedRules(
  peers: Peers,
  { names }: Ports,
  direction: Direction,
  needed: NeededSets,
): readonly string[] {
  return names.flatMap((port) => {
    const destination = `ip daddr . ${port.protocol.toLowerCase()} dport`;
    if (direction === 'ingress') {
      const set = `port-${portSuffix(port)}`;
      needed.ownPorts.set(set, port);
      return numericRules(peers, { matches: [`${destination} @${set}`], names: [] }, direction, needed);
    }
    const among = (selection: AddressSelection): string => {
      const name = addressGroupName(selection);
      const set = groupPortSet(name, port);
      groupNeeds(needed, name).ports.set(set, port);
      return `${destination} @${set}`;
    };
    return [
      ...peers.groups.map((selection) => sentence(among(selection))),
      ...rangeMatches(peers, 'ip daddr').map((range) => sentence(range, among(ALL_PODS))),
    ];
  });
}

/** An empty text for any address; nothing if no range is left. */
function rangeMatches({ ranges }: Peers, side: string): readonly string[] {
  if (!ranges) return [''];
  return ranges.length === 0 ? [] : [`${side} { ${ranges.join(', ')} }`];
}

function groupNeeds({ groups }: NeededSets, name: string): GroupNeeds {
  const known = groups.get(name) ?? { addresses: false, ports: new Map<string, PortName>() };
  groups.set(name, known);
  return known;
}

const sentence = (...words: readonly string[]): string =>
  [...words, 'accept'].filter((word) => word !== '').join(' ');

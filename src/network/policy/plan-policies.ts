/**
 * From the pods of a host and the policies of the cluster to the parts of the host's table. Pure.
 * Only policies that select one of these pods are there. Pods with the same policies share a chain.
 */
import { createHash } from 'node:crypto';
import { type AddressGroup, type NamedPort } from '../../schemas/address-groups.ts';
import { keyOf } from '../../schemas/object.ts';
import type { NetworkPolicy } from '../../schemas/types.ts';
import { ipFamily } from '../../schemas/values/ip-address.ts';
import {
  type Labels,
  type LabelRequirement,
  labelSelectorRequirements,
  matchesRequirements,
} from '../../schemas/values/selectors.ts';
import type { SetDeclaration, TablePart } from '../nft/table-state.ts';
import {
  type Direction,
  type GroupNeeds,
  groupSet,
  isolates,
  type NeededSets,
  noSets,
  planRules,
  type PortName,
} from './plan-rules.ts';

/** A pod with an address of the pod network. */
export interface PolicyPod {
  readonly namespace: string;
  readonly labels: Labels;
  readonly address: string;
  /** With a name. */
  readonly ports: readonly NamedPort[];
  /** Ports of the host that lead to it. */
  readonly published: readonly PublishedPort[];
}

export interface PublishedPort {
  readonly protocol: string;
  /** Empty: every address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly port: number;
}

export interface PolicyPlan {
  /** All but the groups, by name. */
  readonly parts: ReadonlyMap<string, TablePart>;
  /** The sets that the rules need of groups, by the name of the selection. */
  readonly groups: NeededSets['groups'];
}

const DIRECTIONS: readonly Direction[] = ['egress', 'ingress'];
const SCOPES = new Map([
  ['broadcast', 'drop'],
  ['multicast', 'drop'],
]);

interface ReadPolicy {
  readonly key: string;
  readonly policy: NetworkPolicy;
  readonly selector: readonly LabelRequirement[] | undefined;
}

/** `refused`: policies that the kernel did not take. They isolate their pods and allow nothing. */
export function planPolicies(
  pods: readonly PolicyPod[],
  policies: Iterable<NetworkPolicy>,
  refused: ReadonlySet<string> = new Set(),
): PolicyPlan {
  const parts = new Map<string, TablePart>();
  const needed = noSets();
  const byNamespace = readPolicies(policies);
  for (const pod of pods) {
    const selecting = (byNamespace.get(pod.namespace) ?? []).filter(
      ({ selector }) => selector !== undefined && matchesRequirements(selector, pod.labels),
    );
    for (const one of selecting)
      if (!parts.has(partOf(one))) parts.set(partOf(one), policyPart(one, needed, refused.has(one.key)));
    const verdicts = DIRECTIONS.flatMap((direction) => {
      const chains = selecting
        .filter(({ policy }) => isolates(policy, direction))
        .map(({ key }) => chainOf(direction, key));
      if (chains.length === 0) return [];
      const union = `union-${hash(chains.join())}`;
      parts.set(`union/${union}`, {
        chains: { [union]: [...chains.map((chain) => `jump ${chain}`), 'drop'] },
      });
      return [[direction, new Map([[pod.address, `goto ${union}`]])] as const];
    });
    if (verdicts.length > 0 || pod.published.length > 0)
      parts.set(`pod/${pod.address}`, podPart(pod, Object.fromEntries(verdicts)));
  }
  for (const [set, port] of needed.ownPorts) parts.set(`port/${set}`, portPart(set, port, pods));
  return { parts, groups: needed.groups };
}

/** In the order of their names, so that equal policies make equal chains. */
function readPolicies(policies: Iterable<NetworkPolicy>): ReadonlyMap<string, readonly ReadPolicy[]> {
  const byNamespace = new Map<string, ReadPolicy[]>();
  for (const policy of policies) {
    const { namespace = '' } = policy.metadata;
    const selector = labelSelectorRequirements(policy.spec.podSelector ?? {});
    const read = { key: keyOf(policy), policy, selector };
    const list = byNamespace.get(namespace) ?? [];
    byNamespace.set(namespace, list);
    list.push(read);
  }
  for (const list of byNamespace.values()) list.sort((a, b) => (a.key < b.key ? -1 : 1));
  return byNamespace;
}

const partOf = ({ key }: ReadPolicy): string => `policy/${key}`;

function policyPart({ key, policy }: ReadPolicy, needed: NeededSets, isRefused: boolean): TablePart {
  const chains = DIRECTIONS.filter((direction) => isolates(policy, direction)).map(
    (direction) => [chainOf(direction, key), isRefused ? [] : planRules(policy, direction, needed)] as const,
  );
  return { chains: Object.fromEntries(chains) };
}

function podPart(
  { address, published }: PolicyPod,
  verdicts: Readonly<Partial<Record<Direction, ReadonlyMap<string, string>>>>,
): TablePart {
  const ports = published.map(({ protocol, hostIp, hostPort, port }) => ({
    hostIp,
    element: [`${protocol.toLowerCase()} . ${hostPort}`, `${address} . ${port}`] as const,
  }));
  const everywhere = ports.filter(({ hostIp }) => hostIp === '');
  const somewhere = ports.filter(({ hostIp }) => ipFamily(hostIp) === 'IPv4');
  return {
    elements: {
      ...verdicts,
      selves: new Map([[`${address} . ${address}`, '']]),
      published: new Map(everywhere.map(({ element }) => element)),
      'published-at': new Map(somewhere.map(({ hostIp, element: [key, to] }) => [`${hostIp} . ${key}`, to])),
      ...(verdicts.ingress ? { scopes: SCOPES } : {}),
    },
  };
}

const ADDRESSES: SetDeclaration = { kind: 'set', declaration: 'type ipv4_addr;' };
const ADDRESSES_WITH_PORT: SetDeclaration = { kind: 'set', declaration: 'type ipv4_addr . inet_service;' };

function portPart(set: string, wanted: PortName, pods: readonly PolicyPod[]): TablePart {
  const keys = pods.flatMap(({ address, ports }) => portKeys(address, ports, wanted));
  return { sets: { [set]: ADDRESSES_WITH_PORT }, elements: { [set]: elements(keys) } };
}

/** The sets of one selection: its addresses, and those that have a port of this name. */
export function planGroup(needs: GroupNeeds, name: string, groups: readonly AddressGroup[]): TablePart {
  const all = groups.flatMap(({ addresses = [] }) => addresses).filter(({ ip }) => ipFamily(ip) === 'IPv4');
  const found: (readonly [set: string, declared: SetDeclaration, keys: readonly string[]])[] = [];
  if (needs.addresses) found.push([groupSet(name), ADDRESSES, all.map(({ ip }) => ip)]);
  for (const [set, wanted] of needs.ports) {
    const keys = all.flatMap(({ ip, ports = [] }) => portKeys(ip, ports, wanted));
    found.push([set, ADDRESSES_WITH_PORT, keys]);
  }
  return {
    sets: Object.fromEntries(found.map(([set, declared]) => [set, declared])),
    elements: Object.fromEntries(found.map(([set, , keys]) => [set, elements(keys)])),
  };
}

const portKeys = (address: string, ports: readonly NamedPort[], wanted: PortName): readonly string[] =>
  ports
    .filter(({ name, protocol }) => name === wanted.name && protocol === wanted.protocol)
    .map(({ port }) => `${address} . ${port}`);

const elements = (keys: readonly string[]): ReadonlyMap<string, string> =>
  new Map(keys.map((key) => [key, '']));

const chainOf = (direction: Direction, key: string): string => `${direction}-${hash(key)}`;
const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 20);

/**
 * The selections of pods that NetworkPolicies name as peers. The control plane resolves each of
 * them into AddressGroups; agents find the addresses under the same names. Pure.
 */
import { createHash } from 'node:crypto';
import { stableStringify } from '../base/json.ts';
import { asList, asRecord, asRecords, asString, isAbsent } from './json-access.ts';
import type { KubeObject } from './object.ts';
import type { NetworkPolicy } from './types.ts';
import { labelSelectorRequirements } from './values/selectors.ts';

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Pods by their labels: of one namespace, or of the namespaces with such labels. */
export interface AddressSelection {
  readonly namespace?: string;
  readonly namespaceSelector?: LabelSelector;
  /** Absent: every pod. */
  readonly podSelector?: LabelSelector;
}

/** A container port with a name. */
export interface NamedPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

export interface GroupAddress {
  readonly ip: string;
  /** The ports that rules ask for by name. */
  readonly ports?: readonly NamedPort[];
}

/** Some of the addresses of a selection, as an EndpointSlice has some of a Service. */
export interface AddressGroup extends KubeObject {
  spec: AddressSelection;
  addresses?: readonly GroupAddress[];
}

export const ADDRESS_GROUPS = 'addressgroups.symphony.dev';

/** As many as an EndpointSlice may hold. */
export const MAX_ADDRESSES_PER_GROUP = 1_000;

/** Every pod of the cluster: for rules about a named port that name no pods. */
export const ALL_PODS: AddressSelection = { namespaceSelector: {} };

/** 128 bits: nobody finds a second selection with the name of another. */
const NAME_CHARACTERS = 32;

/** The name that all AddressGroups of a selection begin with. */
export const addressGroupName = (selection: AddressSelection): string =>
  createHash('sha256').update(stableStringify(selection)).digest('hex').slice(0, NAME_CHARACTERS);

/** The name of one AddressGroup of a selection. */
export const addressSliceName = (group: string, index: number): string => `${group}-${index}`;

/** The selection's name in the name of one of its AddressGroups. */
export const groupOfSlice = (name: string): string => name.slice(0, NAME_CHARACTERS);

/**
 * The pods that a peer selects. Undefined for an ipBlock, and where a selector cannot be read: it
 * selects nothing then.
 */
export function selectionOfPeer(policyNamespace: string, peer: unknown): AddressSelection | undefined {
  const { podSelector, namespaceSelector } = asRecord(peer);
  if (isAbsent(podSelector) && isAbsent(namespaceSelector)) return undefined;
  const pods = isAbsent(podSelector) ? {} : canonical(podSelector);
  const namespaces = isAbsent(namespaceSelector) ? {} : canonical(namespaceSelector);
  if (!pods || !namespaces) return undefined;
  return {
    ...(isAbsent(namespaceSelector) ? { namespace: policyNamespace } : { namespaceSelector: namespaces }),
    ...(Object.keys(pods).length === 0 ? {} : { podSelector: pods }),
  };
}

/** A selection that a policy needs resolved. */
export interface NeededGroup {
  readonly name: string;
  readonly selection: AddressSelection;
  /** The names of ports whose numbers the rules ask for. */
  readonly portNames: ReadonlySet<string>;
}

/** The selections of the peers of a policy, each once. */
export function neededGroups({ metadata, spec }: NetworkPolicy): readonly NeededGroup[] {
  const { namespace = '' } = metadata;
  const groups = new Map<string, NeededGroup & { readonly portNames: Set<string> }>();
  const need = (selection: AddressSelection | undefined, portNames: readonly string[]): void => {
    if (!selection) return;
    const name = addressGroupName(selection);
    const group = groups.get(name) ?? { name, selection, portNames: new Set<string>() };
    for (const port of portNames) group.portNames.add(port);
    groups.set(name, group);
  };
  const types = asList(spec.policyTypes);
  // A named port of an ingress rule is one of the policy's own pods.
  if (types.includes('Ingress'))
    for (const rule of asRecords(spec.ingress))
      for (const peer of asRecords(rule['from'])) need(selectionOfPeer(namespace, peer), []);
  if (types.includes('Egress'))
    for (const rule of asRecords(spec.egress)) {
      const peers = asRecords(rule['to']);
      const names = portNamesOf(rule['ports']);
      for (const peer of peers) need(selectionOfPeer(namespace, peer), names);
      const isByAddress = peers.length === 0 || peers.some(({ ipBlock }) => !isAbsent(ipBlock));
      if (names.length > 0 && isByAddress) need(ALL_PODS, names);
    }
  return [...groups.values()];
}

const portNamesOf = (ports: unknown): readonly string[] =>
  asRecords(ports).flatMap(({ port }) => (typeof port === 'string' ? [port] : []));

/** A selector in one of the forms that select the same. Undefined: it cannot be read. */
function canonical(selector: unknown): LabelSelector | undefined {
  if (labelSelectorRequirements(selector) === undefined) return undefined;
  const { matchLabels, matchExpressions } = asRecord(selector);
  const labels = Object.entries(asRecord(matchLabels)).map(([key, value]) => [key, asString(value)] as const);
  const expressions = asRecords(matchExpressions).map(({ key, operator, values }) => ({
    key: asString(key),
    operator: asString(operator),
    ...(asList(values).length > 0 ? { values: [...new Set(asList(values).map(asString))].sort() } : {}),
  }));
  const sorted = expressions
    .map((expression) => ({ expression, text: stableStringify(expression) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .filter(({ text }, index, all) => text !== all[index - 1]?.text)
    .map(({ expression }) => expression);
  return {
    ...(labels.length > 0 ? { matchLabels: Object.fromEntries(labels) } : {}),
    ...(sorted.length > 0 ? { matchExpressions: sorted } : {}),
  };
}

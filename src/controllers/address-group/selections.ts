/**
 * The selections that NetworkPolicies need, found by what they select: a change of a pod costs what
 * its own labels cost, however many policies there are.
 */
import type { AddressSelection, NeededGroup } from '../../schemas/address-groups.ts';
import {
  type LabelRequirement,
  type Labels,
  labelSelectorRequirements,
  matchesRequirements,
} from '../../schemas/values/selectors.ts';

/** A selection in a form that is fast to ask. */
export interface Selection {
  readonly selection: AddressSelection;
  readonly podTerms: readonly LabelRequirement[];
  /** Undefined: the selection names its namespace. */
  readonly namespaceTerms: readonly LabelRequirement[] | undefined;
}

interface Place {
  readonly namespace: string;
  readonly namespaceLabels: Labels;
}

export interface Selections {
  /** Replaces the needs of a policy. Returns the selections that it needed or needs. */
  set(policy: string, groups: readonly NeededGroup[]): ReadonlySet<string>;
  get(name: string): Selection | undefined;
  /** The names of ports that any policy asks for. */
  portNamesOf(name: string): ReadonlySet<string>;
  names(): Iterable<string>;
  /** The selections that select a pod with these labels. */
  selecting(labels: Labels, place: Place): ReadonlySet<string>;
  /** The selections that select namespaces by labels, and these among them. */
  inNamespacesWith(labels: Labels): ReadonlySet<string>;
}

interface Known extends Selection {
  readonly lead: string;
  readonly users: Map<string, ReadonlySet<string>>;
}

export function createSelections(): Selections {
  const known = new Map<string, Known>();
  const byLead = new Map<string, Set<string>>();
  const byPolicy = new Map<string, readonly string[]>();

  function add(policy: string, { name, selection, portNames }: NeededGroup): void {
    let found = known.get(name);
    if (!found) {
      found = { ...read(selection), lead: leadOf(read(selection)), users: new Map() };
      known.set(name, found);
      const leads = byLead.get(found.lead) ?? new Set();
      byLead.set(found.lead, leads.add(name));
    }
    found.users.set(policy, portNames);
  }

  function remove(policy: string, name: string): void {
    const found = known.get(name);
    if (!found?.users.delete(policy) || found.users.size > 0) return;
    known.delete(name);
    const leads = byLead.get(found.lead);
    leads?.delete(name);
    if (leads?.size === 0) byLead.delete(found.lead);
  }

  return {
    set(policy, groups) {
      const before = byPolicy.get(policy) ?? [];
      const names = groups.map(({ name }) => name);
      // Added first: what is needed before and after stays as it is.
      for (const group of groups) add(policy, group);
      for (const name of before) if (!names.includes(name)) remove(policy, name);
      if (names.length > 0) byPolicy.set(policy, names);
      else byPolicy.delete(policy);
      return new Set([...before, ...names]);
    },
    get: (name) => known.get(name),
    portNamesOf: (name) =>
      new Set([...(known.get(name)?.users.values() ?? [])].flatMap((names) => [...names])),
    names: () => known.keys(),
    selecting(labels, place) {
      const names = new Set<string>();
      if (known.size === 0) return names;
      for (const lead of leadsTo(labels, place))
        for (const name of byLead.get(lead) ?? []) {
          const found = known.get(name);
          if (found && selectsNamespace(found, place) && matchesRequirements(found.podTerms, labels))
            names.add(name);
        }
      return names;
    },
    inNamespacesWith(labels) {
      const names = new Set<string>();
      for (const [name, { namespaceTerms }] of known)
        if (namespaceTerms && matchesRequirements(namespaceTerms, labels)) names.add(name);
      return names;
    },
  };
}

const read = (selection: AddressSelection): Selection => ({
  selection,
  podTerms: labelSelectorRequirements(selection.podSelector ?? {}) ?? [],
  namespaceTerms: labelSelectorRequirements(selection.namespaceSelector),
});

function selectsNamespace({ selection, namespaceTerms }: Selection, place: Place): boolean {
  if (namespaceTerms) return matchesRequirements(namespaceTerms, place.namespaceLabels);
  return selection.namespace === place.namespace;
}

/** A label that everything with these requirements has. Undefined: there is none. */
export function leadingLabel(terms: readonly LabelRequirement[]): readonly [string, string] | undefined {
  for (const { key, operator, values } of terms) {
    const [value] = values;
    const isEquality = operator === '=' || operator === 'in';
    if (isEquality && values.length === 1 && value !== undefined) return [key, value];
  }
  return undefined;
}

const ANYWHERE = 'anywhere';
const podLead = ([key, value]: readonly [string, unknown]): string => `pod ${key}=${String(value)}`;
const namespaceLead = (name: string): string => `in ${name}`;
const namespaceLabelLead = ([key, value]: readonly [string, unknown]): string =>
  `namespace ${key}=${String(value)}`;

/** The one fact about a pod by which the selection is found. */
function leadOf({ selection: { namespace }, podTerms, namespaceTerms }: Selection): string {
  const label = leadingLabel(podTerms);
  if (label) return podLead(label);
  if (namespace !== undefined) return namespaceLead(namespace);
  const namespaceLabel = leadingLabel(namespaceTerms ?? []);
  return namespaceLabel ? namespaceLabelLead(namespaceLabel) : ANYWHERE;
}

/** The facts by which the selections of a pod are found. */
const leadsTo = (labels: Labels, { namespace, namespaceLabels }: Place): readonly string[] => [
  ANYWHERE,
  namespaceLead(namespace),
  ...Object.entries(labels).map(podLead),
  ...Object.entries(namespaceLabels).map(namespaceLabelLead),
];

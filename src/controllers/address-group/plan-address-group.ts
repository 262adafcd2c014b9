/**
 * The plan of the AddressGroups of one selection: the addresses of its pods, spread over few
 * objects, so that a pod that comes or goes changes one of them. Pure.
 */
import { jsonEqual } from '../../base/json.ts';
import {
  type AddressGroup,
  addressSliceName,
  type AddressSelection,
  type GroupAddress,
  type NamedPort,
} from '../../schemas/address-groups.ts';
import type { NetworkPolicy, Pod } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { addressesOf, mayBeEndpoint, portHolders } from '../endpoints/endpoint-facts.ts';
import { deletionOf } from '../ownership.ts';
import { type Draft, packItems } from '../pack-items.ts';
import { type EventTexts, eventsOf, warning } from '../planned-event.ts';

/**
 * Fewer than an object may hold: every change of an address is sent to every node, with the other
 * addresses of its object.
 */
export const ADDRESSES_PER_OBJECT = 250;

/** Objects written at a time: this many full ones are about 3 MB. The rest follows at once. */
const MAX_WRITES = 100;

/** Each may select every pod of the cluster: without a limit one policy could fill the store. */
export const MAX_SELECTIONS_PER_POLICY = 500;

export const ADDRESS_GROUP_EVENTS = {
  component: 'address-group-controller',
  texts: {
    tooMany: warning(
      'TooManyPeers',
      (count, max) =>
        `It names ${count} selections of pods. The first ${max} count, the others select nothing`,
    ),
  },
} satisfies EventTexts;

const event = eventsOf<typeof ADDRESS_GROUP_EVENTS.texts>();

export type AddressGroupView =
  /** A policy with more selections than are resolved. */
  | { readonly policy: NetworkPolicy; readonly count: number }
  | {
      readonly policy?: undefined;
      /** The name of the selection. */
      readonly name: string;
      /** Undefined: no policy needs it. */
      readonly selection: AddressSelection | undefined;
      readonly portNames: ReadonlySet<string>;
      /** The pods that it selects. */
      readonly pods: readonly Pod[];
      /** The objects that there are. */
      readonly groups: readonly AddressGroup[];
    };

export function planAddressGroup(view: AddressGroupView): Plan | undefined {
  if (view.policy) {
    const { policy, count } = view;
    const told = event('tooMany', policy, String(count), String(MAX_SELECTIONS_PER_POLICY));
    return { writes: [], checks: [unchanged(policy)], events: [told] };
  }
  const writes = planWrites(view);
  if (writes.length === 0) return undefined;
  return {
    writes: writes.slice(0, MAX_WRITES),
    ...(writes.length > MAX_WRITES ? { requeueAfterMs: 0 } : {}),
  };
}

type GroupView = Extract<AddressGroupView, { readonly name: string }>;

function planWrites({ name, selection, portNames, pods, groups }: GroupView): readonly Write[] {
  if (!selection) return groups.map((group) => deletionOf(group));
  const usable = groups.filter(({ spec }) => jsonEqual(spec, selection));
  const unusable = groups.filter((group) => !usable.includes(group));
  const { drafts, emptied } = packItems(usable, desiredAddresses(pods, portNames, usable), {
    max: ADDRESSES_PER_OBJECT,
    itemsOf: ({ addresses }: AddressGroup) => addresses ?? [],
    identityOf: ({ ip }) => ip,
    sameState: ({ ports }, other) => jsonEqual(ports, other.ports),
    isStale: () => false,
  });
  const [first, ...others] = emptied;
  // An object without addresses says that the selection is resolved.
  const isEmpty = drafts.length === 0;
  const empty: Draft<AddressGroup, GroupAddress> = {
    ...(first ? { existing: first } : {}),
    items: [],
    isChanged: true,
  };
  const gone = [...(isEmpty ? others : emptied), ...unusable];
  const taken = new Set(groups.map(({ metadata }) => metadata.name));
  return [
    ...(isEmpty ? [empty] : drafts).flatMap((draft) => writeOf(draft, name, selection, taken)),
    ...gone.map((group) => deletionOf(group)),
  ];
}

function writeOf(
  { existing, items, isChanged }: Draft<AddressGroup, GroupAddress>,
  name: string,
  selection: AddressSelection,
  taken: Set<string>,
): readonly Write[] {
  if (!isChanged) return [];
  if (existing) return [{ verb: 'update', object: { ...existing, addresses: items }, seen: existing }];
  const object: AddressGroup = {
    apiVersion: 'symphony.dev/v1alpha1',
    kind: 'AddressGroup',
    metadata: { name: freeName(name, taken) },
    spec: selection,
    addresses: items,
  };
  return [{ verb: 'create', object }];
}

/** The name with the first number that no object has; `taken` holds it afterwards. */
function freeName(group: string, taken: Set<string>): string {
  let index = 0;
  while (taken.has(addressSliceName(group, index))) index += 1;
  const name = addressSliceName(group, index);
  taken.add(name);
  return name;
}

/** Each address once. One that is stored as it should be is the very same object. */
function desiredAddresses(
  pods: readonly Pod[],
  portNames: ReadonlySet<string>,
  groups: readonly AddressGroup[],
): readonly GroupAddress[] {
  const desired = new Map<string, GroupAddress>();
  for (const pod of pods)
    for (const address of addressesOfPod(pod, portNames)) {
      const other = desired.get(address.ip);
      // A pod that has ended may still be shown with the address of the next one.
      desired.set(
        address.ip,
        other ? withPorts(address, [...(other.ports ?? []), ...(address.ports ?? [])]) : address,
      );
    }
  for (const stored of groups.flatMap(({ addresses }) => addresses ?? []))
    if (jsonEqual(desired.get(stored.ip), stored)) desired.set(stored.ip, stored);
  return [...desired.values()];
}

/** A pod that is being deleted counts until it is gone: its containers may still talk. */
function addressesOfPod(pod: Pod, portNames: ReadonlySet<string>): readonly GroupAddress[] {
  if (pod.spec.hostNetwork || !mayBeEndpoint(pod)) return [];
  const ports = portHolders(pod.spec).flatMap((container) =>
    (container.ports ?? []).flatMap(({ name = '', protocol = 'TCP', containerPort: port }) =>
      portNames.has(name) ? [{ name, protocol, port }] : [],
    ),
  );
  return addressesOf(pod).flatMap(({ ip, refused }) =>
    refused === undefined ? [withPorts({ ip }, ports)] : [],
  );
}

function withPorts({ ip }: GroupAddress, ports: readonly NamedPort[]): GroupAddress {
  const distinct = new Map(ports.map((port) => [`${port.name} ${port.protocol} ${port.port}`, port]));
  const sorted = [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, port]) => port);
  return { ip, ...(sorted.length > 0 ? { ports: sorted } : {}) };
}

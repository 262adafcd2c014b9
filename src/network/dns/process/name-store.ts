/**
 * The names of the cluster, as the agent tells them. After `begin` everything is told again, and
 * what was not told until `synced` is gone then; until then the former names answer.
 */
import type { EndpointSlice, Service } from '../../../schemas/types.ts';
import type { NameKind, NameMessage } from './name-messages.ts';
import type { KnownNames } from '../respond.ts';

export interface NameStore extends KnownNames {
  apply(message: NameMessage): void;
  /** The messages that would tell another store the same. */
  told(): Iterable<NameMessage>;
}

interface Names {
  readonly service: Map<string, Service>;
  readonly slice: Map<string, EndpointSlice>;
  readonly namespace: Map<string, true>;
  readonly slicesOf: Index;
  readonly servicesAt: Index;
}

/** `now`: seconds since the Unix epoch. */
export function createNameStore(now: () => number): NameStore {
  let names = createNames();
  let next: Names | undefined;
  let [isSynced, serial, version] = [false, now(), 0];

  function apply(message: NameMessage): void {
    switch (message.type) {
      case 'begin':
        next = createNames();
        return;
      case 'synced':
        if (next) names = next;
        next = undefined;
        isSynced = true;
        break;
      case 'set':
        put(next ?? names, message.kind, message.key, message.value);
        break;
      case 'delete':
        remove(next ?? names, message.kind, message.key);
        break;
    }
    // Names that are told again replace the former ones together.
    if (next) return;
    version += 1;
    serial = Math.max(serial, now());
  }
  return {
    apply,
    *told() {
      yield { type: 'begin' };
      for (const kind of ['namespace', 'service', 'slice'] as const)
        for (const [key, value] of names[kind]) yield { type: 'set', kind, key, value };
      yield { type: 'synced' };
    },
    get isSynced() {
      return isSynced;
    },
    get serial() {
      return serial;
    },
    get version() {
      return version;
    },
    service: (namespace, name) => names.service.get(`${namespace}/${name}`),
    slices: (namespace, service) =>
      [...names.slicesOf.get(`${namespace}/${service}`)].sort().map((key) => names.slice.get(key)!),
    hasNamespace: (name) => names.namespace.has(name),
    servicesAt: (address) => {
      const keys = [...names.servicesAt.get(address)].map((owner) => serviceOf(names, owner));
      return [...new Set(keys)].sort().flatMap((key) => names.service.get(key) ?? []);
    },
  };
}

const createNames = (): Names => ({
  service: new Map(),
  slice: new Map(),
  namespace: new Map(),
  slicesOf: createIndex(),
  servicesAt: createIndex(),
});

/** Addresses are indexed by what has them: `service a/b` or `slice a/b-x`. */
const serviceOf = (names: Names, owner: string): string => {
  const [kind, key = ''] = owner.split(' ');
  if (kind === 'service') return key;
  const slice = names.slice.get(key);
  return slice ? ownerOf(slice) : '';
};

const ownerOf = ({ metadata }: EndpointSlice): string =>
  `${metadata.namespace ?? ''}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`;

function put(names: Names, kind: NameKind, key: string, value: unknown): void {
  remove(names, kind, key);
  if (kind === 'namespace') names.namespace.set(key, true);
  else if (kind === 'service') names.service.set(key, value as Service);
  else {
    const slice = value as EndpointSlice;
    names.slice.set(key, slice);
    names.slicesOf.add(ownerOf(slice), key);
  }
  for (const address of addressesOf(names, kind, key)) names.servicesAt.add(address, `${kind} ${key}`);
}

function remove(names: Names, kind: NameKind, key: string): void {
  for (const address of addressesOf(names, kind, key)) names.servicesAt.delete(address, `${kind} ${key}`);
  const slice = kind === 'slice' ? names.slice.get(key) : undefined;
  if (slice) names.slicesOf.delete(ownerOf(slice), key);
  names[kind].delete(key);
}

function addressesOf(names: Names, kind: NameKind, key: string): readonly string[] {
  if (kind === 'service') return names.service.get(key)?.spec.clusterIPs ?? [];
  if (kind === 'slice') return (names.slice.get(key)?.endpoints ?? []).flatMap(({ addresses }) => addresses);
  return [];
}

interface Index {
  get(key: string): ReadonlySet<string>;
  add(key: string, value: string): void;
  delete(key: string, value: string): void;
}

const NONE: ReadonlySet<string> = new Set();

function createIndex(): Index {
  const sets = new Map<string, Set<string>>();
  return {
    get: (key) => sets.get(key) ?? NONE,
    add(key, value) {
      const found = sets.get(key);
      if (found) found.add(value);
      else sets.set(key, new Set([value]));
    },
    delete(key, value) {
      const found = sets.get(key);
      if (found?.delete(value) && found.size === 0) sets.delete(key);
    },
  };
}

/**
 * Tells servers the names of the cluster: everything first, then each change. Only what names are
 * made of is told, and endpoints only where a Service is headless: readiness behind an address
 * changes no name.
 */
import type { EndpointSlice, Namespace, Service } from '../../../schemas/types.ts';
import type { Feed } from '../../feeds.ts';
import {
  isHeadless,
  type NameKind,
  type NameMessage,
  namedService,
  namedSlice,
  serviceNameOf,
} from './name-messages.ts';

export interface NameFeeds {
  readonly services: Feed<Service>;
  readonly endpointSlices: Feed<EndpointSlice>;
  readonly namespaces: Feed<Namespace>;
}

export interface NameFeed {
  /** All objects were read since the start: what is missing is gone. */
  readonly isSynced: boolean;
  /** Everything that there is, from `begin` to `synced`. */
  all(): readonly NameMessage[];
}

/** `onMessage` gets each change, once everything was read. */
export function createNameFeed(
  feeds: NameFeeds,
  listener: { onSynced(): void; onMessage(message: NameMessage): void },
): NameFeed {
  const { services, endpointSlices, namespaces } = feeds;
  /** The last value that was told of each object, as text. */
  const told: Record<NameKind, Map<string, string>> = {
    service: new Map(),
    slice: new Map(),
    namespace: new Map(),
  };
  const slicesOf = new Map<string, Set<string>>();
  let isSynced = false;

  const areSynced = (): boolean => services.isSynced && endpointSlices.isSynced && namespaces.isSynced;
  function tell(kind: NameKind, key: string, value: unknown): void {
    if (value === undefined) {
      if (told[kind].delete(key)) send({ type: 'delete', kind, key });
      return;
    }
    const text = JSON.stringify(value);
    if (told[kind].get(key) === text) return;
    told[kind].set(key, text);
    send({ type: 'set', kind, key, value });
  }
  const send = (message: NameMessage): void => {
    if (isSynced) listener.onMessage(message);
  };
  function tellSlice(key: string): void {
    const slice = endpointSlices.items.get(key);
    const service = slice && services.items.get(ownerOf(slice));
    tell('slice', key, slice && service && isHeadless(service) ? namedSlice(slice) : undefined);
  }
  function watchSlice(key: string): void {
    const slice = endpointSlices.items.get(key);
    if (slice) {
      const owner = ownerOf(slice);
      const known = slicesOf.get(owner);
      if (known) known.add(key);
      else slicesOf.set(owner, new Set([key]));
    }
    tellSlice(key);
  }
  function tellService(key: string): void {
    const service = services.items.get(key);
    tell('service', key, service && namedService(service));
    const slices = slicesOf.get(key) ?? new Set();
    for (const slice of slices) {
      const found = endpointSlices.items.get(slice);
      // A slice that is gone, or of another Service by now.
      if (!found || ownerOf(found) !== key) slices.delete(slice);
      tellSlice(slice);
    }
    if (slices.size === 0) slicesOf.delete(key);
  }
  const tellNamespace = (key: string): void =>
    tell('namespace', key, namespaces.items.has(key) ? true : undefined);
  function follow(feed: Feed<Service | EndpointSlice | Namespace>, onKey: (key: string) => void): void {
    feed.onChange((key) => {
      if (key !== undefined) return onKey(key);
      if (isSynced || !areSynced()) return;
      isSynced = true;
      listener.onSynced();
    });
    for (const key of feed.items.keys()) onKey(key);
  }
  follow(namespaces, tellNamespace);
  follow(services, tellService);
  follow(endpointSlices, watchSlice);
  // Another part of the network may have read them before.
  isSynced = areSynced();
  return {
    get isSynced() {
      return isSynced;
    },
    all: () => [
      { type: 'begin' },
      ...(['namespace', 'service', 'slice'] as const).flatMap((kind) =>
        [...told[kind]].map(
          ([key, text]): NameMessage => ({
            type: 'set',
            kind,
            key,
            value: JSON.parse(text) as unknown,
          }),
        ),
      ),
      { type: 'synced' },
    ],
  };
}

const ownerOf = (slice: EndpointSlice): string => `${slice.metadata.namespace ?? ''}/${serviceNameOf(slice)}`;

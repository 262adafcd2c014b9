/** The messages of an agent to its DNS server. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createNameFeed, type NameFeed } from '../../../src/network/dns/process/name-feed.ts';
import { createLineReader, type NameMessage } from '../../../src/network/dns/process/name-messages.ts';
import { createNameStore, type NameStore } from '../../../src/network/dns/process/name-store.ts';
import { createFakeFeeds, type FakeFeeds } from '../../support/dns/fake-feeds.ts';
import { aHeadlessService, aNamedService, aNamedSlice } from '../../support/dns/named-objects.ts';

let feeds: FakeFeeds;
let sent: NameMessage[];
let synced: number;
let feed: NameFeed;
/** A server that is told everything that is sent. */
let server: NameStore;

beforeEach(() => {
  feeds = createFakeFeeds();
  [sent, synced] = [[], 0];
  server = createNameStore(() => 1);
  feed = createNameFeed(
    {
      services: feeds.of('services'),
      endpointSlices: feeds.of('endpointSlices'),
      namespaces: feeds.of('namespaces'),
    },
    {
      onSynced: () => {
        synced += 1;
        for (const message of feed.all()) server.apply(message);
      },
      onMessage: (message) => {
        sent.push(message);
        server.apply(message);
      },
    },
  );
});

const addressesOfDb = (): readonly string[] =>
  server
    .slices('shop', 'db')
    .flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));

describe('names', () => {
  it('are told when all lists were read, not before', () => {
    feeds.set('services', 'shop/web', aNamedService('web', '10.96.0.5'));
    expect([feed.isSynced, sent, synced]).toEqual([false, [], 0]);
    feeds.sync();
    expect([feed.isSynced, synced]).toEqual([true, 1]);
    expect(server.service('shop', 'web')?.spec.clusterIPs).toEqual(['10.96.0.5']);
  });

  it('have endpoints where the Service is headless, whichever comes first and whatever it becomes', () => {
    feeds.set('endpointSlices', 'shop/db-1', aNamedSlice('db', ['10.244.1.2']));
    feeds.sync();
    expect(addressesOfDb()).toEqual([]);
    feeds.set('services', 'shop/db', aHeadlessService('db'));
    expect(addressesOfDb()).toEqual(['10.244.1.2']);
    feeds.set('services', 'shop/db', aNamedService('db', '10.96.0.7'));
    expect(addressesOfDb()).toEqual([]);
    feeds.set('services', 'shop/db', aHeadlessService('db'));
    expect(addressesOfDb()).toEqual(['10.244.1.2']);
    feeds.delete('endpointSlices', 'shop/db-1');
    expect(addressesOfDb()).toEqual([]);
    expect(server.servicesAt('10.244.1.2')).toEqual([]);
  });

  it('do not change with what no name is made of', () => {
    feeds.set('services', 'shop/web', aNamedService('web', '10.96.0.5'));
    feeds.set('endpointSlices', 'shop/web-1', aNamedSlice('web', ['10.244.1.2']));
    feeds.sync();
    feeds.set('endpointSlices', 'shop/web-1', aNamedSlice('web', ['10.244.1.3']));
    const labelled = aNamedService('web', '10.96.0.5');
    feeds.set('services', 'shop/web', {
      ...labelled,
      metadata: { ...labelled.metadata, labels: { a: 'b' } },
    });
    expect(sent).toEqual([]);
  });

  it('leave out endpoints that are not ready, and write addresses in one way', () => {
    const slice = aNamedSlice('db', ['10.244.1.2', 'FD00:0::9']);
    const [first, second] = slice.endpoints ?? [];
    feeds.set('services', 'shop/db', aHeadlessService('db'));
    feeds.set('endpointSlices', 'shop/db-1', {
      ...slice,
      endpoints: [{ ...first, conditions: { ready: false } }, second],
    });
    feeds.sync();
    expect(addressesOfDb()).toEqual(['fd00::9']);
    expect(server.servicesAt('fd00::9')).toHaveLength(1);
  });
});

describe('a server that is told everything again', () => {
  it('forgets what is gone, but not before all was told', () => {
    const tell = (name: string): void =>
      server.apply({
        type: 'set',
        kind: 'service',
        key: `shop/${name}`,
        value: aNamedService(name, '10.96.0.5'),
      });
    server.apply({ type: 'begin' });
    tell('old');
    server.apply({ type: 'synced' });
    server.apply({ type: 'begin' });
    tell('new');
    expect(server.service('shop', 'old')).toBeDefined();
    server.apply({ type: 'synced' });
    expect(server.service('shop', 'old')).toBeUndefined();
    expect(server.servicesAt('10.96.0.5').map(({ metadata }) => metadata.name)).toEqual(['new']);
    expect([...server.told()].filter(({ type }) => type === 'set')).toHaveLength(1);
  });
});

describe('lines', () => {
  it('are read whole, however they are cut', () => {
    const read: unknown[] = [];
    const reader = createLineReader((message) => read.push(message));
    for (const chunk of ['{"a":', '1}\n{"b"', ':2}\n', '\n{"c":3}\n']) reader(chunk);
    expect(read).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
  });
});

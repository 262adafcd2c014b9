import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQueryAnswerer } from '../../../src/network/dns/answer-queries.ts';
import type { Forwarder } from '../../../src/network/dns/forward/forwarder.ts';
import { createNameStore } from '../../../src/network/dns/process/name-store.ts';
import { createResponder } from '../../../src/network/dns/respond.ts';
import { dataOf, decodeAnswer, question } from '../../support/dns/ask-dns.ts';
import { aHeadlessService, aNamedService, aNamedSlice } from '../../support/dns/named-objects.ts';

const ZONE = {
  zone: 'cluster.local',
  ranges: ['10.244.0.0/16', '10.96.0.0/12'],
  address: '10.96.0.10',
};

function answerer() {
  const names = createNameStore(() => 1_700_000_000);
  const forwarded: string[] = [];
  const forwarder: Forwarder = {
    known: () => undefined,
    ask: async ({ name }) => {
      forwarded.push(name);
      return undefined;
    },
    catchesOwn: () => false,
    [Symbol.dispose]: () => undefined,
  };
  const answer = createQueryAnswerer({ respond: createResponder(ZONE, names), names, forwarder });
  const set = (kind: 'service' | 'slice' | 'namespace', key: string, value: unknown = true): void =>
    names.apply({ type: 'set', kind, key, value });
  names.apply({ type: 'begin' });
  set('namespace', 'shop');
  set('service', 'shop/web', aNamedService('web', '10.96.0.5'));
  set('service', 'shop/db', aHeadlessService('db'));
  set('service', 'shop/away', aNamedService('away', '', { type: 'ExternalName', externalName: 'x.example' }));
  set('slice', 'shop/db-1', aNamedSlice('db', ['10.244.1.2', '10.244.1.3', '10.244.1.4']));
  names.apply({ type: 'synced' });
  const ask = (packet: Parameters<typeof dnsPacket.encode>[0], transport: 'udp' | 'tcp' = 'udp') => {
    const found = answer(dnsPacket.encode(packet), transport, '10.244.1.9');
    if (!(found instanceof Buffer)) throw new Error('It is no answer of the cluster');
    return Object.assign(decodeAnswer(found), { bytes: found });
  };
  return { answer, ask, names, set, forwarded };
}

describe('an answer', () => {
  it('is authoritative, offers recursion, lives 30 seconds and has the id of the query', () => {
    const found = answerer().ask({ ...question('web.shop.svc.cluster.local'), id: 4711 });
    expect(found).toMatchObject({
      id: 4711,
      rcode: 'NOERROR',
      flag_aa: true,
      flag_ra: true,
      flag_rd: true,
      flag_tc: false,
      answers: [{ type: 'A', ttl: 30, data: '10.96.0.5' }],
    });
  });

  it('repeats the case of the letters in the question', () => {
    const found = answerer().ask(question('wEB.Shop.svc.CLUSTER.local'));
    expect(found.questions?.[0]?.name).toBe('wEB.Shop.svc.CLUSTER.local');
    expect(dataOf(found)).toEqual(['A 10.96.0.5']);
  });

  it.each([
    ['nothing.shop.svc.cluster.local', 'A', 'NXDOMAIN', 'cluster.local'],
    ['web.shop.svc.cluster.local', 'MX', 'NOERROR', 'cluster.local'],
    ['web.nowhere.svc.cluster.local', 'A', 'NXDOMAIN', 'cluster.local'],
    ['9.0.96.10.in-addr.arpa', 'PTR', 'NXDOMAIN', '10.in-addr.arpa'],
    ['9.9.244.10.in-addr.arpa', 'PTR', 'NXDOMAIN', '244.10.in-addr.arpa'],
  ])('without records of %s %s is %s and says for how long', (name, type, code, zone) => {
    const found = answerer().ask(question(name, type));
    expect(found).toMatchObject({
      rcode: code,
      answers: [],
      authorities: [
        {
          type: 'SOA',
          name: zone,
          ttl: 30,
          data: { mname: `ns.dns.${zone}`, serial: 1_700_000_000, minimum: 30 },
        },
      ],
    });
  });

  it('about the zone itself names its server', () => {
    const { ask } = answerer();
    expect(ask(question('cluster.local', 'SOA')).answers).toMatchObject([
      { type: 'SOA', name: 'cluster.local' },
    ]);
    const found = ask(question('cluster.local', 'NS'));
    expect(dataOf(found)).toEqual(['NS ns.dns.cluster.local']);
    expect(found.additionals).toMatchObject([
      { type: 'A', name: 'ns.dns.cluster.local', data: '10.96.0.10' },
    ]);
    expect(dataOf(ask(question('dns-version.cluster.local', 'TXT')))).toEqual(['TXT 1.1.0']);
  });

  it('follows a change of the names at once', () => {
    const { ask, set } = answerer();
    ask(question('web.shop.svc.cluster.local'));
    set('service', 'shop/web', aNamedService('web', '10.96.0.6'));
    expect(dataOf(ask(question('web.shop.svc.cluster.local')))).toEqual(['A 10.96.0.6']);
  });

  it('names each endpoint first in turn', () => {
    const { ask } = answerer();
    const firsts = Array.from({ length: 6 }, () => dataOf(ask(question('db.shop.svc.cluster.local')))[0]);
    expect([...firsts].sort()).toEqual(
      ['10.244.1.2', '10.244.1.2', '10.244.1.3', '10.244.1.3', '10.244.1.4', '10.244.1.4'].map(
        (a) => `A ${a}`,
      ),
    );
  });

  it('is SERVFAIL while the names are not known, never that a name is missing', () => {
    const names = createNameStore(() => 0);
    const respond = createResponder(ZONE, names);
    const query = { id: 1, flags: 0, question: Buffer.alloc(0), type: 1, class: 1, edns: undefined };
    expect(respond({ ...query, name: 'web.shop.svc.cluster.local' })).toMatchObject({
      response: { code: 'SERVFAIL' },
    });
    expect(respond({ ...query, name: 'example.com' })).toEqual({ type: 'forward' });
  });
});

describe('a long answer', () => {
  const addresses = Array.from({ length: 200 }, (_, index) => `10.244.2.${index + 1}`);
  const long = () => {
    const built = answerer();
    built.set('slice', 'shop/db-1', aNamedSlice('db', addresses));
    return built;
  };
  const NAME = 'db.shop.svc.cluster.local';
  const edns = (udpPayloadSize: number) => ({
    additionals: [
      {
        name: '.',
        type: 'OPT' as const,
        udpPayloadSize,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });

  it('is cut to 512 bytes, says so, and has as many records as fit', () => {
    const found = long().ask(question(NAME));
    expect(found.flag_tc).toBe(true);
    expect(found.bytes.length).toBeLessThanOrEqual(512);
    expect(found.answers?.length).toBe(29);
  });

  it.each([
    [1_232, 1_232],
    [4_096, 1_232],
    [100, 512],
  ])('with room for %i bytes has at most %i', (offered, most) => {
    const found = long().ask(question(NAME, 'A', edns(offered)));
    expect(found.bytes.length).toBeLessThanOrEqual(most);
    expect(found.bytes.length).toBeGreaterThan(most - 17);
    expect(found.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1_232 }]);
  });

  it('is whole over TCP', () => {
    const found = long().ask(question(NAME), 'tcp');
    expect(found.flag_tc).toBe(false);
    expect(found.answers?.length).toBe(200);
  });

  it('of SRV records keeps their targets, whatever the length of the names', () => {
    const found = long().ask(question(`_sql._tcp.${NAME}`, 'SRV'), 'tcp');
    expect(found.answers?.length).toBe(200);
    expect(dataOf(found)[0]).toBe('SRV 5432 10-244-2-1.db.shop.svc.cluster.local');
    expect(found.additionals?.length).toBe(200);
  });
});

describe('a query that is not answered as asked', () => {
  it.each([
    ['another class', (bytes: Buffer) => bytes.writeUInt16BE(3, bytes.length - 2), 'REFUSED'],
    ['a transfer of the zone', (bytes: Buffer) => bytes.writeUInt16BE(252, bytes.length - 4), 'REFUSED'],
    ['an update', (bytes: Buffer) => (bytes[2] = 0x28), 'NOTIMP'],
    ['two questions', (bytes: Buffer) => (bytes[5] = 2), 'FORMERR'],
    ['no question', (bytes: Buffer) => (bytes[5] = 0), 'FORMERR'],
    ['a name that points to itself', (bytes: Buffer) => bytes.writeUInt16BE(0xc00c, 12), 'FORMERR'],
    ['a name without an end', (bytes: Buffer) => (bytes[12] = 63), 'FORMERR'],
    ['records that are not there', (bytes: Buffer) => (bytes[11] = 9), 'FORMERR'],
  ])('for %s is %s', (_, spoil, code) => {
    const { answer } = answerer();
    const bytes = dnsPacket.encode(question('web.shop.svc.cluster.local'));
    spoil(bytes);
    const found = answer(bytes, 'udp', '10.244.1.9');
    expect(decodeAnswer(found as Buffer).rcode).toBe(code);
  });

  it('gets no answer when it is an answer itself, or no message', () => {
    const { answer } = answerer();
    const bytes = dnsPacket.encode(question('web.shop.svc.cluster.local'));
    bytes[2] = 0x81;
    expect(answer(bytes, 'udp', '10.244.1.9')).toBeUndefined();
    expect(answer(bytes.subarray(0, 11), 'udp', '10.244.1.9')).toBeUndefined();
  });

  it('is not asked elsewhere for a client that does not want it to', async () => {
    const { answer, forwarded } = answerer();
    const bytes = dnsPacket.encode({ ...question('example.com'), flags: 0 });
    expect(decodeAnswer(answer(bytes, 'udp', '10.244.1.9') as Buffer).rcode).toBe('REFUSED');
    expect(forwarded).toEqual([]);
  });

  it('of an unknown version of EDNS is told so', () => {
    const found = answerer().ask(
      question('web.shop.svc.cluster.local', 'A', {
        additionals: [
          {
            name: '.',
            type: 'OPT',
            udpPayloadSize: 1_232,
            extendedRcode: 0,
            ednsVersion: 1,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ],
      }),
    );
    expect(found).toMatchObject({
      answers: [],
      additionals: [{ type: 'OPT', extendedRcode: 1, ednsVersion: 0 }],
    });
  });
});

describe('any bytes', () => {
  it('never stop the server, and every answer can be read', async () => {
    const { answer } = answerer();
    const valid = dnsPacket.encode(question('db.shop.svc.cluster.local', 'SRV'));
    const spoilt = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    const random = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(spoilt, random),
        fc.constantFrom('udp' as const, 'tcp' as const),
        async (bytes, transport) => {
          const found = await answer(bytes, transport, '10.244.1.9');
          if (found === undefined) return;
          expect(found.readUInt16BE(0)).toBe(bytes.readUInt16BE(0));
          expect(found.readUInt16BE(2) & 0x8000).not.toBe(0);
          decodeAnswer(found);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

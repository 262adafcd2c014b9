/** Names outside the cluster, asked of servers on the loopback. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import dnsPacket, { type DecodedPacket, type Packet } from 'dns-packet';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { createQueryAnswerer } from '../../../src/network/dns/answer-queries.ts';
import type { UpstreamServer } from '../../../src/network/dns/forward/ask-server.ts';
import { createForwarder, type Forwarder } from '../../../src/network/dns/forward/forwarder.ts';
import { createNameStore } from '../../../src/network/dns/process/name-store.ts';
import { createResponder } from '../../../src/network/dns/respond.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { dataOf, decodeAnswer, question } from '../../support/dns/ask-dns.ts';
import { aNamedService } from '../../support/dns/named-objects.ts';

type Answer = (query: DecodedPacket, by: 'udp' | 'tcp') => Partial<Packet> | undefined;

const open: (Socket | Server | Forwarder)[] = [];
afterEach(() => {
  for (const one of open.splice(0)) {
    if ('close' in one) one.close();
    else one[Symbol.dispose]();
  }
});

const isProbe = ({ questions = [] }: DecodedPacket): boolean =>
  questions[0]?.name.endsWith('.symphony-loop') === true;

/** A server of names outside, and the questions that it got. Probes for loops are not counted. */
async function anUpstream(answer: Answer): Promise<UpstreamServer & { readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const udp = createSocket('udp4');
  const reply = (message: Buffer, by: 'udp' | 'tcp'): Packet | undefined => {
    const query = dnsPacket.decode(message);
    if (isProbe(query)) return { type: 'response', id: query.id!, flags: 3, questions: query.questions! };
    asked.push(`${by} ${query.questions?.[0]?.name ?? ''}`);
    const found = answer(query, by);
    return found && { type: 'response', id: query.id!, questions: query.questions!, ...found };
  };
  udp.on('message', (message, { address, port }) => {
    const found = reply(message, 'udp');
    if (found) udp.send(dnsPacket.encode(found), port, address);
  });
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const { port } = udp.address();
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const found = reply(chunk.subarray(2), 'tcp');
      if (found) socket.write(dnsPacket.streamEncode(found));
    });
  });
  tcp.listen(port, '127.0.0.1');
  await once(tcp, 'listening');
  open.push(udp, tcp);
  return { address: '127.0.0.1', port, asked };
}

const address = (data: string, ttl = 300) => ({ type: 'A' as const, name: 'x.example', ttl, data });
const soa = (minimum: number) => ({
  type: 'SOA' as const,
  name: 'example',
  ttl: 900,
  data: { mname: 'ns.example', rname: 'admin.example', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
const CODE = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5, FORMERR: 1 } as const;

function aServer(
  servers: readonly UpstreamServer[],
  clock = systemClock,
  ownAddresses: readonly string[] = [],
) {
  const problems: (string | undefined)[] = [];
  const names = createNameStore(() => 1);
  for (const message of [
    { type: 'begin' },
    { type: 'set', kind: 'namespace', key: 'shop', value: true },
    {
      type: 'set',
      kind: 'service',
      key: 'shop/away',
      value: aNamedService('away', '', { type: 'ExternalName', externalName: 'x.example' }),
    },
    { type: 'synced' },
  ] as const)
    names.apply(message);
  const zone = { zone: 'cluster.local', ranges: [], address: '10.96.0.10' };
  const forwarder = createForwarder({
    clock,
    rng: seededRng(7),
    readServers: async () => servers,
    ownAddresses,
    onProblem: (problem) => problems.push(problem),
  });
  open.push(forwarder);
  const answer = createQueryAnswerer({ respond: createResponder(zone, names), names, forwarder });
  const ask = async (
    name: string,
    { transport = 'udp', type = 'A' }: { readonly transport?: 'udp' | 'tcp'; readonly type?: string } = {},
  ) => decodeAnswer((await answer(dnsPacket.encode(question(name, type)), transport, '10.244.1.1'))!);
  return { ask, answer, problems, forwarder };
}

describe('a name outside the cluster', () => {
  it('is asked once while its answer lives, in any case of its letters, and counts down', async () => {
    const clock = createFakeClock();
    const upstream = await anUpstream(() => ({ answers: [address('192.0.2.1', 20)] }));
    const { ask } = aServer([upstream], clock);
    expect(await ask('X.example')).toMatchObject({ id: 10, flag_ra: true, flag_aa: false, rcode: 'NOERROR' });
    await clock.advance(5_000);
    const again = await ask('x.EXAMPLE');
    expect(again.questions?.[0]?.name).toBe('x.EXAMPLE');
    expect(again.answers).toMatchObject([{ data: '192.0.2.1', ttl: 15 }]);
    expect(upstream.asked).toHaveLength(1);
    await clock.advance(15_000);
    await ask('x.example');
    expect(upstream.asked).toHaveLength(2);
  });

  it('lives thirty seconds at most', async () => {
    const clock = createFakeClock();
    const upstream = await anUpstream(() => ({ answers: [address('192.0.2.1', 86_400)] }));
    const { ask } = aServer([upstream], clock);
    expect((await ask('x.example')).answers).toMatchObject([{ ttl: 30 }]);
    await clock.advance(30_000);
    await ask('x.example');
    expect(upstream.asked).toHaveLength(2);
  });

  it.each([
    ['does not exist', { flags: CODE.NXDOMAIN, authorities: [soa(10)] }, 'NXDOMAIN', 10_000],
    ['has no such record', { authorities: [soa(10)] }, 'NOERROR', 10_000],
    ['cannot be resolved', { flags: CODE.SERVFAIL }, 'SERVFAIL', 5_000],
  ])('that %s is asked again after its time', async (_, answer, code, keptMs) => {
    const clock = createFakeClock();
    const upstream = await anUpstream(() => answer);
    const { ask } = aServer([upstream], clock);
    expect((await ask('x.example')).rcode).toBe(code);
    await clock.advance(keptMs - 1_000);
    expect((await ask('x.example')).rcode).toBe(code);
    expect(upstream.asked).toHaveLength(1);
    await clock.advance(1_000);
    await ask('x.example');
    expect(upstream.asked).toHaveLength(2);
  });

  it('that is asked for by many at once is asked once', async () => {
    const upstream = await anUpstream(() => ({ answers: [address('192.0.2.1')] }));
    const { ask } = aServer([upstream]);
    const all = await Promise.all(Array.from({ length: 50 }, () => ask('x.example')));
    expect(new Set(all.map((one) => dataOf(one)[0]))).toEqual(new Set(['A 192.0.2.1']));
    expect(upstream.asked).toHaveLength(1);
  });

  it('fails at once when the client waits for too many others, and so does no other client', async () => {
    const clock = createFakeClock();
    const silent = await anUpstream(() => undefined);
    const { answer } = aServer([silent], clock);
    const ask = (name: string, client: string): Promise<Buffer | undefined> =>
      Promise.resolve(answer(dnsPacket.encode(question(name)), 'udp', client));
    const waiting = Array.from({ length: 250 }, (_, index) => ask(`n${index}.example`, '10.244.1.1'));
    await vi.waitFor(() => expect(silent.asked).toHaveLength(250));
    expect(decodeAnswer((await ask('one-more.example', '10.244.1.1'))!).rcode).toBe('SERVFAIL');
    const other = ask('other.example', '10.244.1.2');
    await vi.waitFor(() => expect(silent.asked).toContain('udp other.example'));
    let codes: readonly (Buffer | undefined)[] = [];
    void Promise.all([...waiting, other]).then((all) => (codes = all));
    await vi.waitFor(async () => {
      await clock.advance(1_500);
      expect(codes).toHaveLength(251);
    });
    expect(new Set(codes.map((message) => decodeAnswer(message!).rcode))).toEqual(new Set(['SERVFAIL']));
  });

  it('is asked of the next server when one refuses, fails, or has nobody listening', async () => {
    const refusing = await anUpstream(() => ({ flags: CODE.REFUSED }));
    const right = await anUpstream(() => ({ answers: [address('192.0.2.2')] }));
    const nobody = { address: '127.0.0.1', port: 1 };
    expect(dataOf(await aServer([refusing, right]).ask('x.example'))).toEqual(['A 192.0.2.2']);
    expect(dataOf(await aServer([nobody, right]).ask('x.example'))).toEqual(['A 192.0.2.2']);
  });

  it('of a silent server is asked of the next one, and the silent one last from then on', async () => {
    const silent = await anUpstream(() => undefined);
    const right = await anUpstream(() => ({ answers: [address('192.0.2.2')] }));
    const { ask } = aServer([
      { ...silent, address: '127.0.0.1' },
      { ...right, address: '127.0.0.1' },
    ]);
    expect(dataOf(await ask('x.example'))).toEqual(['A 192.0.2.2']);
  });

  it('is SERVFAIL when no server answers', async () => {
    expect((await aServer([{ address: '127.0.0.1', port: 1 }]).ask('x.example')).rcode).toBe('SERVFAIL');
  });

  it('is asked without EDNS of a server that does not know it', async () => {
    const upstream = await anUpstream(({ additionals = [] }) =>
      additionals.length > 0 ? { flags: CODE.FORMERR } : { answers: [address('192.0.2.3')] },
    );
    expect(dataOf(await aServer([upstream]).ask('x.example'))).toEqual(['A 192.0.2.3']);
  });

  it('with a long answer is asked by TCP, and a client of UDP gets what fits', async () => {
    const answers = Array.from({ length: 60 }, (_, index) => address(`192.0.2.${index}`));
    const upstream = await anUpstream((_, by) =>
      by === 'tcp' ? { answers } : { flags: dnsPacket.TRUNCATED_RESPONSE },
    );
    const { ask } = aServer([upstream]);
    const cut = await ask('x.example');
    expect(cut.flag_tc).toBe(true);
    expect(cut.answers!.length).toBeGreaterThan(10);
    const whole = await ask('x.example', { transport: 'tcp' });
    expect(whole.flag_tc).toBe(false);
    expect(whole.answers).toHaveLength(60);
    expect(upstream.asked).toEqual(['udp x.example', 'tcp x.example']);
  });

  it('takes no answer to another question', async () => {
    const forged = await anUpstream(() => ({
      questions: [{ type: 'A', name: 'y.example' }],
      answers: [address('203.0.113.1')],
    }));
    const right = await anUpstream(() => ({ answers: [address('192.0.2.2')] }));
    expect(dataOf(await aServer([forged, right]).ask('x.example'))).toEqual(['A 192.0.2.2']);
  });
});

describe('an ExternalName', () => {
  it('is an alias, followed by the addresses of its target', async () => {
    const upstream = await anUpstream(() => ({
      answers: [
        { type: 'CNAME', name: 'x.example', ttl: 60, data: 'real.example' },
        { ...address('192.0.2.8'), name: 'real.example' },
      ],
    }));
    const { ask } = aServer([upstream]);
    const found = await ask('away.shop.svc.cluster.local');
    expect(dataOf(found)).toEqual(['CNAME x.example', 'CNAME real.example', 'A 192.0.2.8']);
    expect(found.answers?.[0]).toMatchObject({ name: 'away.shop.svc.cluster.local' });
    expect(dataOf(await ask('away.shop.svc.cluster.local', { type: 'CNAME' }))).toEqual(['CNAME x.example']);
  });
});

describe('a loop', () => {
  it('through the own address is refused and said', async () => {
    const { ask, problems } = aServer([{ address: '10.96.0.10', port: 53 }], systemClock, ['10.96.0.10']);
    expect((await ask('x.example')).rcode).toBe('SERVFAIL');
    expect(problems).toEqual([
      "Cannot resolve names outside the cluster: the servers of this host's /etc/resolv.conf (10.96.0.10) ask the cluster's DNS again; name other servers there",
    ]);
  });

  it('through another server is found by a question that comes back', async () => {
    const loop: { back?: (message: Buffer) => unknown } = {};
    const udp = createSocket('udp4');
    udp.on('message', (message) => void loop.back?.(message));
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    open.push(udp);
    const { answer, problems, ask } = aServer([{ address: '127.0.0.1', port: udp.address().port }]);
    loop.back = (message) => answer(message, 'udp', '127.0.0.1');
    await vi.waitFor(() => expect(problems.at(-1)).toContain("ask the cluster's DNS again"));
    expect((await ask('x.example')).rcode).toBe('SERVFAIL');
  });

  it('is not suspected where there is no server at all', async () => {
    const { problems } = aServer([]);
    await vi.waitFor(() => expect(problems.at(-1)).toContain('names no server; add one'));
  });
});

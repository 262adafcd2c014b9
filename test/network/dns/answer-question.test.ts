import { describe, expect, it } from 'vitest';
import { type Answer, answerQuestion, type ClusterNames } from '../../../src/network/dns/answer-question.ts';
import type { EndpointSlice, Service } from '../../../src/schemas/types.ts';

const service = (name: string, spec: Record<string, unknown>): Service =>
  ({ metadata: { name, namespace: 'shop' }, spec }) as unknown as Service;
const slice = (endpoints: readonly Record<string, unknown>[], ports: readonly Record<string, unknown>[]) =>
  ({ addressType: 'IPv4', endpoints, ports }) as unknown as EndpointSlice;

const HTTP = { name: 'http', port: 80, protocol: 'TCP' };
const services = {
  web: service('web', {
    clusterIP: '10.96.0.5',
    clusterIPs: ['10.96.0.5', 'fd00::5'],
    ports: [HTTP, { name: 'dns', port: 53, protocol: 'UDP' }],
  }),
  db: service('db', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432 }] }),
  idle: service('idle', { clusterIP: 'None', clusterIPs: ['None'] }),
  away: service('away', { type: 'ExternalName', externalName: 'Example.COM.' }),
};
const slices: Record<string, readonly EndpointSlice[]> = {
  web: [slice([{ addresses: ['10.244.1.9'], conditions: { ready: true } }], [HTTP])],
  db: [
    slice(
      [
        { addresses: ['10.244.1.2'], hostname: 'db-0', conditions: { ready: true } },
        { addresses: ['10.244.1.3'], conditions: {} },
        { addresses: ['10.244.1.4'], hostname: 'db-2', conditions: { ready: false } },
      ],
      [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    ),
  ],
};
const names: ClusterNames = {
  service: (namespace, name) => (namespace === 'shop' ? services[name as keyof typeof services] : undefined),
  slices: (_, name) => slices[name] ?? [],
  hasNamespace: (name) => name === 'shop',
  servicesAt: (address) =>
    ({ '10.96.0.5': [services.web], '10.244.1.2': [services.db], '10.244.1.9': [services.web] })[address] ??
    [],
};
const ask = (name: string, type = 'A'): Answer => answerQuestion({ name, type }, 'cluster.local', names);

/** The answers, in the way that dig prints them. */
function told(name: string, type = 'A'): readonly string[] | string {
  const answer = ask(name, type);
  if (answer.code === 'ALIAS') return `CNAME ${answer.target}`;
  if (answer.code !== 'NOERROR') return answer.code;
  return answer.answers.map((one) =>
    one.type === 'SRV' ? `SRV ${one.port} ${one.target}` : `${one.type} ${one.data}`,
  );
}

describe('a Service with an address', () => {
  it.each([
    ['web.shop.svc.cluster.local', 'A', ['A 10.96.0.5']],
    ['web.shop.svc.cluster.local', 'AAAA', ['AAAA fd00::5']],
    ['web.shop.svc.cluster.local', 'MX', []],
    ['_http._tcp.web.shop.svc.cluster.local', 'SRV', ['SRV 80 web.shop.svc.cluster.local']],
    ['_dns._udp.web.shop.svc.cluster.local', 'SRV', ['SRV 53 web.shop.svc.cluster.local']],
    ['_dns._tcp.web.shop.svc.cluster.local', 'SRV', 'NXDOMAIN'],
    ['_tcp.web.shop.svc.cluster.local', 'SRV', []],
    ['10-244-1-9.web.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['5.0.96.10.in-addr.arpa', 'PTR', ['PTR web.shop.svc.cluster.local']],
    ['9.1.244.10.in-addr.arpa', 'PTR', 'FORWARD'],
  ])('%s %s', (name, type, expected) => {
    expect(told(name, type)).toEqual(expected);
  });

  it('adds the addresses of what an SRV record names', () => {
    expect(ask('_http._tcp.web.shop.svc.cluster.local', 'SRV')).toMatchObject({
      additionals: [
        { type: 'A', name: 'web.shop.svc.cluster.local', data: '10.96.0.5' },
        { type: 'AAAA', name: 'web.shop.svc.cluster.local', data: 'fd00::5' },
      ],
    });
  });
});

describe('a headless Service', () => {
  it.each([
    ['db.shop.svc.cluster.local', 'A', ['A 10.244.1.2', 'A 10.244.1.3']],
    ['db.shop.svc.cluster.local', 'AAAA', []],
    ['db-0.db.shop.svc.cluster.local', 'A', ['A 10.244.1.2']],
    ['10-244-1-3.db.shop.svc.cluster.local', 'A', ['A 10.244.1.3']],
    ['db-2.db.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
    [
      '_sql._tcp.db.shop.svc.cluster.local',
      'SRV',
      ['SRV 5432 db-0.db.shop.svc.cluster.local', 'SRV 5432 10-244-1-3.db.shop.svc.cluster.local'],
    ],
    ['2.1.244.10.in-addr.arpa', 'PTR', ['PTR db-0.db.shop.svc.cluster.local']],
    ['idle.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ])('%s %s', (name, type, expected) => {
    expect(told(name, type)).toEqual(expected);
  });
});

describe('other names', () => {
  it.each([
    ['away.shop.svc.cluster.local', 'A', 'CNAME example.com'],
    ['10-1-2-3.shop.pod.cluster.local', 'A', ['A 10.1.2.3']],
    ['fd00--7.shop.pod.cluster.local', 'AAAA', ['AAAA fd00::7']],
    ['web-0.shop.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['10-1-2-3.other.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['dns-version.cluster.local', 'TXT', ['TXT 1.1.0']],
    ['cluster.local', 'A', []],
    ['svc.cluster.local', 'A', []],
    ['shop.svc.cluster.local', 'A', []],
    ['web.other.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['web.shop.cluster.local', 'A', 'NXDOMAIN'],
    ['a.b.c.web.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['example.com', 'A', 'FORWARD'],
    ['mycluster.local', 'A', 'FORWARD'],
    ['1.0.0.127.in-addr.arpa', 'PTR', 'FORWARD'],
    ['300.0.0.127.in-addr.arpa', 'PTR', 'FORWARD'],
  ])('%s %s', (name, type, expected) => {
    expect(told(name, type)).toEqual(expected);
  });
});

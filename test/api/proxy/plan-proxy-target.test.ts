import { describe, expect, it } from 'vitest';
import {
  parseProxyName,
  planPodBackend,
  planServiceBackend,
} from '../../../src/api/proxy/plan-proxy-target.ts';
import type { EndpointSlice, Pod, Service } from '../../../src/schemas/types.ts';

const pod = (name: string, ip = '10.244.0.5'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: {
    containers: [
      { name: 'side' },
      {
        name: 'web',
        ports: [
          { name: 'http', containerPort: 8080 },
          { name: 'admin', containerPort: 9090 },
        ],
      },
    ],
  },
  status: { podIP: ip, podIPs: [{ ip }] },
});

const service = (ports: NonNullable<Service['spec']>['ports']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { ...(ports ? { ports } : {}) },
});

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];
const endpoint = (ip: string, target?: string, ready?: boolean): Endpoint => ({
  addresses: [ip],
  ...(target === undefined ? {} : { targetRef: { kind: 'Pod', namespace: 'default', name: target } }),
  ...(ready === undefined ? {} : { conditions: { ready } }),
});
const slice = (endpoints: Endpoint[], ports: EndpointSlice['ports']): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 's', namespace: 'default' },
  addressType: 'IPv4',
  endpoints,
  ...(ports ? { ports } : {}),
});

describe('the name in a proxy request', () => {
  it.each([
    ['web', { scheme: 'http', name: 'web', port: '' }],
    ['web:80', { scheme: 'http', name: 'web', port: '80' }],
    ['web:http', { scheme: 'http', name: 'web', port: 'http' }],
    ['http:web:http', { scheme: 'http', name: 'web', port: 'http' }],
    ['https:web:8443', { scheme: 'https', name: 'web', port: '8443' }],
    ['https:web:', { scheme: 'https', name: 'web', port: '' }],
  ])('%s', (text, expected) => expect(parseProxyName(text, 'pod')).toEqual(expected));

  it.each(['', ':80', 'ftp:web:80', 'a:b:c:d'])('%j is refused', (text) => {
    expect(() => parseProxyName(text, 'service')).toThrow(`invalid service request ${JSON.stringify(text)}`);
  });
});

describe('the backend of a pod', () => {
  const plan = (text: string, ip?: string) => planPodBackend(pod('a', ip), parseProxyName(text, 'pod'));
  it('is the first declared port, the named one, or any number', () => {
    expect(plan('a')).toMatchObject({ port: 8080, address: '10.244.0.5' });
    expect(plan('a:admin').port).toBe(9090);
    expect(plan('a:1234').port).toBe(1234);
  });
  it('must exist', () => {
    expect(() => plan('a:nope')).toThrow(/no port named "nope"/);
    expect(() => plan('a:99999')).toThrow(/invalid port/);
  });
  it.each(['', '127.0.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1', '255.255.255.255', '::1', 'fe80::1'])(
    'is never at %j',
    (ip) => expect(() => plan('a', ip)).toThrow('address not allowed'),
  );
});

describe('the backend of a service', () => {
  const http = { name: 'http', port: 80, targetPort: 'http' };
  const pods = [pod('a', '10.244.0.5'), pod('b', '10.244.0.6')];
  const plan = (
    text: string,
    slices: readonly EndpointSlice[],
    ports: NonNullable<Service['spec']>['ports'] = [http],
    pick = 0,
  ) => planServiceBackend(service(ports), slices, pods, parseProxyName(text, 'service'), pick);
  const both = slice(
    [endpoint('10.244.0.5', 'a'), endpoint('10.244.0.6', 'b')],
    [{ name: 'http', protocol: 'TCP', port: 8080 }],
  );

  it('is a ready endpoint at the port of its slice, each in its turn', () => {
    expect(plan('web:http', [both])).toMatchObject({ address: '10.244.0.5', port: 8080 });
    expect(plan('web:80', [both], [http], 0.99)).toMatchObject({ address: '10.244.0.6', port: 8080 });
    const partly = slice([endpoint('10.244.0.5', 'a', false), endpoint('10.244.0.6', 'b', true)], both.ports);
    expect(plan('web:80', [partly])).toMatchObject({ pod: { metadata: { name: 'b' } } });
  });

  it('without a port is that of the port without a name, as upstream', () => {
    const plain = slice([endpoint('10.244.0.5', 'a')], [{ port: 8080 }]);
    expect(plan('web', [plain], [{ port: 80 }])).toMatchObject({ port: 8080 });
    expect(() => plan('web', [both])).toThrow('no endpoints available for service "web"');
  });

  it('may be in a slice that somebody made by hand', () => {
    const made = slice([endpoint('10.244.0.6')], [{ name: 'http', port: 99 }]);
    expect(plan('web:http', [made])).toMatchObject({ pod: { metadata: { name: 'b' } }, port: 99 });
  });

  it.each([
    ['of nobody', endpoint('10.244.0.77')],
    ['of a pod with another address', endpoint('10.244.0.5', 'b')],
    ['of a pod that is not there', endpoint('10.244.0.5', 'gone')],
    [
      'of another namespace',
      { ...endpoint('10.244.0.5'), targetRef: { kind: 'Pod', namespace: 'other', name: 'a' } },
    ],
    ['of no pod', { ...endpoint('10.244.0.5'), targetRef: { kind: 'Node', name: 'a' } }],
    ['of this machine', endpoint('127.0.0.1', 'a')],
    ['of the cloud', endpoint('169.254.169.254', 'a')],
    ['that is a name', endpoint('example.com', 'a')],
  ])('is never an address %s', (_what, bad) => {
    expect(() => plan('web:http', [slice([bad], both.ports)])).toThrow(
      'no endpoints available for service "web"',
    );
    // The others go on.
    expect(plan('web:http', [slice([bad], both.ports), both]).port).toBe(8080);
  });

  it('is refused without the port', () => {
    expect(() => plan('web:81', [both])).toThrow('no service port 81 found for service "web"');
    expect(() => plan('web:nope', [both])).toThrow('no endpoints available for service "web"');
    const udp = slice(both.endpoints ?? [], [{ name: 'http', protocol: 'UDP', port: 8080 }]);
    expect(() => plan('web:http', [udp])).toThrow('no endpoints available');
    expect(() => plan('web:http', [])).toThrow('no endpoints available');
  });
});

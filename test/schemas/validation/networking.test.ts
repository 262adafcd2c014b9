import { describe, expect, it } from 'vitest';
import { anObject, complaints, type Fields, updateComplaints } from './complaints.ts';

type Case = readonly [Fields, readonly string[]];

describe('Endpoints', () => {
  const address = (member: Fields): Fields => ({ subsets: [{ addresses: [member] }] });
  const ports = (...list: readonly Fields[]): Fields => ({
    subsets: [{ addresses: [{ ip: '10.1.1.1' }], ports: list }],
  });
  it.each<Case>([
    [{}, []],
    [{ subsets: [{ ports: [{ port: 80 }] }] }, ['Required subsets[0]']],
    [address({ ip: '::1' }), ['Invalid subsets[0].addresses[0].ip']],
    [address({ ip: '01.2.3.4' }), ['Invalid subsets[0].addresses[0].ip']],
    [address({ ip: '10.1.1.1', nodeName: 'A_' }), ['Invalid subsets[0].addresses[0].nodeName']],
    [address({ ip: '10.1.1.1', hostname: 'a.b' }), ['Invalid subsets[0].addresses[0].hostname']],
    [ports({ port: 80, protocol: '' }), []],
    [ports({ port: 80, appProtocol: 'a b' }), ['Invalid subsets[0].ports[0].appProtocol']],
    [ports({ port: 0 }), ['Invalid subsets[0].ports[0].port']],
    [
      ports({ port: 80 }, { port: 81, name: 'b', protocol: 'x' }),
      ['Required subsets[0].ports[0].name', 'NotSupported subsets[0].ports[1].protocol'],
    ],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('v1', 'Endpoints', members))).toEqual(expected);
  });

  it('keep an address that they have had', () => {
    const old = anObject('v1', 'Endpoints', address({ ip: '::ffff:1.2.3.4' }));
    expect(updateComplaints(old, old)).toEqual([]);
  });
});

describe('EndpointSlice', () => {
  const at = (type: string, ...addresses: readonly string[]): Fields => ({
    addressType: type,
    endpoints: [{ addresses }],
  });
  const endpoint = (member: Fields): Fields => ({
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.1.1'], ...member }],
  });
  const ports = (...list: readonly Fields[]): Fields => ({ ...at('IPv4', '10.1.1.1'), ports: list });
  it.each<Case>([
    [at('IPv4', '10.1.1.1'), []],
    [at('IPv6', '2001:db8::1'), []],
    [at('IPv6', '2001:db8:0::1'), ['Invalid endpoints[0].addresses[0]']],
    [at('IPv4', '2001:DB8::1'), ['Invalid endpoints[0].addresses']],
    [at('IPv6', '10.1.1.1'), ['Invalid endpoints[0].addresses']],
    [at('IPv4', '224.0.0.1'), ['Invalid endpoints[0].addresses[0]']],
    [at('FQDN', 'a.b.'), []],
    [at('FQDN', 'a'), ['Invalid endpoints[0].addresses[0]']],
    [at('ipv4', 'x'), ['NotSupported addressType']],
    [at('IPv4'), ['Required endpoints[0].addresses']],
    [at('IPv4', ...Array.from({ length: 101 }, () => '10.1.1.1')), ['TooMany endpoints[0].addresses']],
    [endpoint({ hostname: '' }), ['Invalid endpoints[0].hostname']],
    [endpoint({ nodeName: 'A_' }), ['Invalid endpoints[0].nodeName']],
    [endpoint({ hints: { forZones: [{ name: '' }] } }), []],
    [
      endpoint({ hints: { forZones: [{ name: 'a' }, { name: 'a' }] } }),
      ['Duplicate endpoints[0].hints.forZones[1].name'],
    ],
    [ports({ port: 0 }, { port: 65_536, name: 'b' }), []],
    [ports({ port: 80 }, { port: 81 }), ['Duplicate ports[1].name']],
    [ports({ port: 80, appProtocol: '' }), ['Invalid ports[0].appProtocol']],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('discovery.k8s.io/v1', 'EndpointSlice', members))).toEqual(expected);
  });
});

describe('Ingress', () => {
  const backend = (member: Fields): Fields => ({ spec: { defaultBackend: member } });
  const service = (port: Fields): Fields => backend({ service: { name: 's', port } });
  const rule = (member: Fields): Fields => ({ spec: { rules: [member] } });
  const path = (member: Fields): Fields =>
    rule({ http: { paths: [{ backend: { service: { name: '1', port: { number: 80 } } }, ...member }] } });
  it.each<Case>([
    [service({ number: 80 }), []],
    [service({}), ['Required spec.defaultBackend']],
    [service({ name: 'a', number: 80 }), ['Invalid spec.defaultBackend']],
    [service({ name: '80' }), ['Invalid spec.defaultBackend.service.port.name']],
    [backend({ resource: { kind: 'K', name: 'a/b' } }), ['Invalid spec.defaultBackend.resource.name']],
    [
      backend({ resource: { apiGroup: 'A_', kind: 'K', name: 'n' } }),
      ['Invalid spec.defaultBackend.resource.apiGroup'],
    ],
    [rule({ host: '::1' }), ['Invalid spec.rules[0].host']],
    [rule({ host: '*.a.b' }), []],
    [path({ path: '/', pathType: 'Prefix' }), []],
    [path({ path: 'a', backend: {} }), ['Required spec.rules[0].http.paths[0].pathType']],
    [
      { spec: { ...(service({ number: 80 })['spec'] as Fields), tls: [{ secretName: 'A_' }] } },
      ['Invalid spec.tls[0].secretName'],
    ],
    [
      {
        metadata: { annotations: { 'kubernetes.io/ingress.class': 'x' } },
        spec: { ...(service({ number: 80 })['spec'] as Fields), ingressClassName: 'y' },
      },
      ['Invalid annotations.kubernetes.io/ingress.class'],
    ],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('networking.k8s.io/v1', 'Ingress', members))).toEqual(expected);
  });

  it('says of its status where it can be reached', () => {
    const ingress = anObject('networking.k8s.io/v1', 'Ingress', service({ number: 80 }));
    const status = { loadBalancer: { ingress: [{ hostname: 'A B' }, { ip: '010.1.1.1' }] } };
    expect(updateComplaints(ingress, { ...ingress, status }, 'status')).toEqual([
      'Invalid status.loadBalancer.ingress[0].hostname',
      'Invalid status.loadBalancer.ingress[1].ip',
    ]);
  });
});

describe('IngressClass', () => {
  const parameters = (member: Fields): Fields => ({
    spec: { controller: 'a.b/c', parameters: { kind: 'K', name: 'n', ...member } },
  });
  it.each<Case>([
    [{ spec: { controller: 'a/b/c' } }, []],
    [{ spec: {} }, ['Required spec.controller']],
    [{ spec: { controller: 'a' } }, ['Invalid spec.controller']],
    [{ spec: { controller: 'a.b/c d' } }, ['Invalid spec.controller']],
    [{ spec: { controller: `${'a'.repeat(249)}/x` } }, ['TooLong spec.controller']],
    [parameters({ kind: 'K/b' }), ['Invalid spec.parameters.kind']],
    [parameters({ apiGroup: 'A_' }), ['Invalid spec.parameters.apiGroup']],
    [parameters({ scope: 'Namespace' }), ['Required spec.parameters.namespace']],
    [parameters({ scope: 'Namespace', namespace: 'X_' }), ['Invalid spec.parameters.namespace']],
    [parameters({ namespace: 'x' }), ['Forbidden spec.parameters.namespace']],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('networking.k8s.io/v1', 'IngressClass', members))).toEqual(expected);
  });
});

describe('NetworkPolicy', () => {
  const from = (ipBlock: Fields): Fields => ({ spec: { ingress: [{ from: [{ ipBlock }] }] } });
  const port = (member: Fields): Fields => ({ spec: { egress: [{ ports: [member] }] } });
  const EXCEPT = 'Invalid spec.ingress[0].from[0].ipBlock.except[0]';
  it.each<Case>([
    [from({ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }), []],
    [from({ cidr: '10.0.0.1/8' }), ['Invalid spec.ingress[0].from[0].ipBlock.cidr']],
    [from({ cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] }), [EXCEPT]],
    [from({ cidr: '10.0.0.0/8', except: ['10.0.0.0/7'] }), [EXCEPT]],
    [from({ cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] }), [EXCEPT]],
    [from({ cidr: '10.0.0.0/8', except: ['2001:db8::/64'] }), [EXCEPT]],
    [from({ except: ['x'] }), ['Required spec.ingress[0].from[0].ipBlock.cidr']],
    [port({ endPort: 90 }), ['Invalid spec.egress[0].ports[0].endPort']],
    [port({ port: 'http', endPort: 90 }), ['Invalid spec.egress[0].ports[0].endPort']],
    [port({ port: 80, endPort: 79 }), ['Invalid spec.egress[0].ports[0].endPort']],
    [port({ port: 80, endPort: 90 }), []],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('networking.k8s.io/v1', 'NetworkPolicy', members))).toEqual(expected);
  });
});

describe('ServiceCIDRs', () => {
  const ranges = (...cidrs: readonly string[]): Fields => ({ spec: { cidrs } });
  it.each<Case>([
    [ranges('10.0.0.0/16'), []],
    [ranges('2001:db8::/64', '10.0.0.0/16'), []],
    [ranges('1.1.1.1/32'), []],
    [ranges(), ['Required spec.cidrs']],
    [ranges('10.0.0.0/16', '10.1.0.0/16'), ['Invalid spec.cidrs']],
    [ranges('2001:db8::/64', '10.0.0.0/16', '::/0'), ['Invalid spec.cidrs']],
    [ranges('x'), ['Invalid spec.cidrs[0]']],
    [ranges('10.0.0.1/16'), ['Invalid spec.cidrs[0]']],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('networking.k8s.io/v1', 'ServiceCIDR', members))).toEqual(expected);
  });

  it('may get a range of the other family, and keep the first', () => {
    const range = (...cidrs: readonly string[]) =>
      anObject('networking.k8s.io/v1', 'ServiceCIDR', ranges(...cidrs));
    const both = range('10.0.0.0/16', '2001:db8::/64');
    expect(updateComplaints(range('10.0.0.0/16'), both)).toEqual([]);
    expect(updateComplaints(both, range('10.0.0.0/16'))).toEqual(['Invalid spec.cidrs']);
    expect(updateComplaints(range('10.0.0.0/16'), range('10.0.0.0/17'))).toEqual(['Invalid spec.cidrs[0]']);
  });
});

describe('IPAddresses', () => {
  const parent = { resource: 'services', namespace: 'n', name: 's' };
  const address = (name: string, parentRef: Fields | undefined = parent): Fields => ({
    metadata: { name },
    spec: { parentRef },
  });
  it.each<Case>([
    [address('10.0.0.1'), []],
    [address('fe80::42:1dff:fe84:f9e2'), []],
    [address('010.0.0.1'), ['Invalid metadata.name']],
    [address('2001:DB8::1'), ['Invalid metadata.name']],
    [address('::ffff:1.2.3.4'), ['Invalid metadata.name']],
    [address('10.0.0.1', { ...parent, group: 'A_' }), ['Invalid spec.parentRef.group']],
    [
      address('10.0.0.1', { resource: '', name: '' }),
      ['Required spec.parentRef.resource', 'Required spec.parentRef.name'],
    ],
    [
      address('10.0.0.1', { resource: 'a/b', name: 'c/d', namespace: 'A/' }),
      ['Invalid spec.parentRef.resource', 'Invalid spec.parentRef.name', 'Invalid spec.parentRef.namespace'],
    ],
    [{ metadata: { name: '10.0.0.1' }, spec: {} }, ['Required spec.parentRef']],
  ])('%j', (members, expected) => {
    expect(complaints(anObject('networking.k8s.io/v1', 'IPAddress', members))).toEqual(expected);
  });

  it('belong to one parent for good', () => {
    const of = (name: string) =>
      anObject('networking.k8s.io/v1', 'IPAddress', address('10.0.0.1', { ...parent, name }));
    expect(updateComplaints(of('s'), of('z'))).toEqual(['Invalid spec.parentRef']);
    expect(updateComplaints(of('s'), of('s'))).toEqual([]);
  });
});

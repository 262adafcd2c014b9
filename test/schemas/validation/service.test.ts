import { describe, expect, it } from 'vitest';
import { getPath } from '../../../src/schemas/json-access.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { created, manifest, stored, updated } from './verdict.ts';

const service = (spec: Record<string, unknown>): KubeObject =>
  manifest('v1', 'Service', { spec: { ports: [{ port: 80 }], ...spec } }, 'default');

const ONLY_BALANCED = "Forbidden: may only be used when `type` is 'LoadBalancer'";
const QUALIFIED =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

describe('a new Service', () => {
  it.each<readonly [Record<string, unknown>, readonly string[]]>([
    [{}, []],
    [{ type: 'LoadBalancer', loadBalancerClass: 'a.b/c' }, []],
    [{ loadBalancerClass: 'a.b/c' }, [`spec.loadBalancerClass: ${ONLY_BALANCED}`]],
    [{ allocateLoadBalancerNodePorts: true }, [`spec.allocateLoadBalancerNodePorts: ${ONLY_BALANCED}`]],
    [
      { type: 'LoadBalancer', loadBalancerClass: 'a b' },
      [`spec.loadBalancerClass: Invalid value: "a b": ${QUALIFIED}`],
    ],
    [{ type: 'NodePort', externalTrafficPolicy: 'Local' }, []],
    [{ externalIPs: ['1.2.3.4'], externalTrafficPolicy: 'Local' }, []],
    [
      { externalTrafficPolicy: 'Local' },
      [
        'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
      ],
    ],
    [
      { type: 'NodePort', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_100 },
      [
        "spec.healthCheckNodePort: Invalid value: 30100: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ],
    ],
    [
      { externalIPs: ['127.0.0.1'] },
      [
        'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      ],
    ],
    [
      { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.1/8'] },
      [
        'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
      ],
    ],
    [
      { trafficDistribution: 'x' },
      [
        'spec.trafficDistribution: Unsupported value: "x": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
      ],
    ],
    [{ type: 'LoadBalancer', ports: [{ port: 10_250 }] }, []],
    [
      { clusterIP: '::1' },
      ['spec.clusterIPs[0]: Invalid value: ["::1"]: IPv6 is not configured on this cluster'],
    ],
    [{ ipFamilies: ['IPv6'] }, ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster']],
    [
      { ipFamilies: ['IPv4', 'IPv6'] },
      [
        "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
      ],
    ],
    [
      { clusterIPs: ['10.96.0.9'] },
      ['spec.clusterIPs: Invalid value: ["10.96.0.9"]: must be empty when `clusterIP` is not specified'],
    ],
    // The allocator speaks first: what else is wrong is not said.
    [
      { clusterIP: 'x', trafficDistribution: 'x' },
      [
        'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      { type: 'ExternalName', externalName: 'a.b', ipFamilyPolicy: 'SingleStack' },
      ['spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services'],
    ],
  ])('%j', (spec, expected) => {
    expect(created(service(spec))).toEqual(expected);
  });

  it('may have a name that begins with a digit', () => {
    const one = service({});
    expect(created({ ...one, metadata: { ...one.metadata, name: '1a' } })).toEqual([]);
  });

  it('without pods and without an address serves both families', () => {
    const { spec } = stored(service({ clusterIP: 'None' }));
    expect(spec).toMatchObject({ ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] });
  });
});

describe('a Service of another type', () => {
  const nodePort = service({
    type: 'NodePort',
    clusterIP: '10.96.0.9',
    ports: [{ name: 'a', port: 80, nodePort: 30_080 }],
  });

  it('loses what the new type has no use for, when nobody changed it', () => {
    const next = service({
      ports: [{ name: 'a', port: 80, nodePort: 30_080 }],
      externalTrafficPolicy: 'Cluster',
    });
    const { object, errors } = updated(nodePort, next);
    expect(errors).toEqual([]);
    expect(object['spec']).not.toHaveProperty('externalTrafficPolicy');
    expect(getPath(object, 'spec', 'ports')).toEqual([
      { name: 'a', port: 80, protocol: 'TCP', targetPort: 80 },
    ]);
  });

  it('is refused when the request changes what must go', () => {
    const next = service({ ports: [{ name: 'a', port: 80, nodePort: 30_081 }] });
    expect(updated(nodePort, next).errors).toEqual([
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ]);
  });

  it('gives up its address as an external name', () => {
    const old = service({ clusterIP: '10.96.0.9' });
    const next = service({ type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.9' });
    const { object, errors } = updated(old, next);
    expect(errors).toEqual([]);
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'])
      expect(object['spec']).not.toHaveProperty(field);
  });

  it('keeps node ports by the names of the ports', () => {
    const next = service({ type: 'NodePort', ports: [{ name: 'a', port: 81 }] });
    const { object } = updated(nodePort, next);
    expect(getPath(object, 'spec', 'ports')).toMatchObject([{ name: 'a', port: 81, nodePort: 30_080 }]);
  });

  it('keeps its class for as long as it is a load balancer', () => {
    const old = service({ type: 'LoadBalancer', clusterIP: '10.96.0.9', loadBalancerClass: 'a/b' });
    expect(updated(old, service({ type: 'LoadBalancer' })).errors).toEqual([
      'spec.loadBalancerClass: Invalid value: null: may not change once set',
    ]);
    expect(updated(old, service({ loadBalancerClass: 'a/b' })).errors).toEqual([]);
  });
});

describe('the status of a Service', () => {
  const balancer = service({ type: 'LoadBalancer', clusterIP: '10.96.0.9' });
  const ingress = (entry: unknown): { loadBalancer: unknown } => ({ loadBalancer: { ingress: [entry] } });
  it.each<readonly [unknown, readonly string[]]>([
    [{ ip: '1.2.3.4' }, []],
    [{ hostname: 'a.b' }, []],
    [{ ip: '1.2.3.4', ipMode: 'Proxy' }, []],
    [{ ipMode: 'VIP' }, ['Forbidden: may not be specified when `ip` is not set']],
    [{ ip: '1.2.3.4', ipMode: 'x' }, ['Unsupported value: "x": supported values: "Proxy", "VIP"']],
    [{ hostname: '1.2.3.4' }, ['Invalid value: "1.2.3.4": must be a DNS name, not an IP address']],
    [{ ip: '01.2.3.4' }, ['Invalid value: "01.2.3.4": must not have leading 0s']],
  ])('%j', (entry, expected) => {
    const { errors } = updated(balancer, { ...balancer, status: ingress(entry) }, 'status');
    expect(errors.map((text) => text.slice(text.indexOf(': ') + 2))).toEqual(expected);
  });

  it('is for load balancers only, and says how traffic arrives', () => {
    const plain = service({ clusterIP: '10.96.0.9' });
    const status = ingress({ ip: '1.2.3.4' });
    expect(updated(plain, { ...plain, status }, 'status').errors).toHaveLength(1);
    const { object } = updated(balancer, { ...balancer, status }, 'status');
    expect(object['status']).toEqual(ingress({ ip: '1.2.3.4', ipMode: 'VIP' }));
  });
});

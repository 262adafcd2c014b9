import { describe, expect, it } from 'vitest';
import { serviceVariables } from '../../../src/node-agent/container-spec/service-variables.ts';
import type { Service } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/builders.ts';

const service = (
  name: string,
  namespace: string,
  clusterIP: string | undefined,
  ...ports: readonly object[]
): Service => ({ metadata: { name, namespace }, spec: { clusterIP, ports } }) as unknown as Service;

const API = service('kubernetes', 'default', '10.96.0.1', { name: 'https', port: 443, protocol: 'TCP' });
const pod = (namespace: string, enableServiceLinks?: boolean) => {
  const made = aPod({ namespace });
  return enableServiceLinks === undefined ? made : { ...made, spec: { ...made.spec, enableServiceLinks } };
};
const textOf = (...input: Parameters<typeof serviceVariables>): readonly string[] =>
  serviceVariables(...input).map(({ name, value }) => `${name}=${value}`);
const namesOf = (...input: Parameters<typeof serviceVariables>): readonly string[] => [
  ...new Set(serviceVariables(...input).map(({ name }) => name.replace(/_(SERVICE|PORT).*/, ''))),
];

describe('the variables of Services', () => {
  it("are kubelet's: host, ports, named ports, and Docker's links", () => {
    const web = service(
      'redis-primary',
      'shop',
      '10.96.0.11',
      { name: 'p-1', port: 6379, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    );
    expect(textOf(pod('shop', true), [web])).toEqual([
      'REDIS_PRIMARY_SERVICE_HOST=10.96.0.11',
      'REDIS_PRIMARY_SERVICE_PORT=6379',
      'REDIS_PRIMARY_SERVICE_PORT_P_1=6379',
      'REDIS_PRIMARY_SERVICE_PORT_DNS=53',
      'REDIS_PRIMARY_PORT=tcp://10.96.0.11:6379',
      'REDIS_PRIMARY_PORT_6379_TCP=tcp://10.96.0.11:6379',
      'REDIS_PRIMARY_PORT_6379_TCP_PROTO=tcp',
      'REDIS_PRIMARY_PORT_6379_TCP_PORT=6379',
      'REDIS_PRIMARY_PORT_6379_TCP_ADDR=10.96.0.11',
      'REDIS_PRIMARY_PORT_53_UDP=udp://10.96.0.11:53',
      'REDIS_PRIMARY_PORT_53_UDP_PROTO=udp',
      'REDIS_PRIMARY_PORT_53_UDP_PORT=53',
      'REDIS_PRIMARY_PORT_53_UDP_ADDR=10.96.0.11',
    ]);
  });

  it('have no name for a port without one, and TCP where no protocol is said', () => {
    expect(textOf(pod('shop'), [service('web', 'shop', '10.96.0.12', { port: 80 })])).toEqual([
      'WEB_SERVICE_HOST=10.96.0.12',
      'WEB_SERVICE_PORT=80',
      'WEB_PORT=tcp://10.96.0.12:80',
      'WEB_PORT_80_TCP=tcp://10.96.0.12:80',
      'WEB_PORT_80_TCP_PROTO=tcp',
      'WEB_PORT_80_TCP_PORT=80',
      'WEB_PORT_80_TCP_ADDR=10.96.0.12',
    ]);
  });

  it('write addresses of IPv6 in URLs as URLs do', () => {
    const all = textOf(pod('shop'), [service('web', 'shop', 'fd00::12', { port: 80 })]);
    expect(all).toContain('WEB_PORT=tcp://[fd00::12]:80');
    expect(all).toContain('WEB_SERVICE_HOST=fd00::12');
  });

  const all = [
    API,
    service('b', 'shop', '10.96.0.2', { port: 80 }),
    service('a', 'shop', '10.96.0.3', { port: 80 }),
    service('other', 'else', '10.96.0.4', { port: 80 }),
    service('other', 'default', '10.96.0.5', { port: 80 }),
    service('headless', 'shop', 'None', { port: 80 }),
    service('external', 'shop', undefined, { port: 80 }),
  ];

  it("are those of the pod's namespace and the API's, in order, without those that have no address", () => {
    expect(namesOf(pod('shop'), all)).toEqual(['A', 'B', 'KUBERNETES']);
    expect(namesOf(pod('default'), all)).toEqual(['KUBERNETES', 'OTHER']);
  });

  it("are the API's alone with enableServiceLinks: false", () => {
    expect(namesOf(pod('shop', false), all)).toEqual(['KUBERNETES']);
    expect(namesOf(pod('default', false), all)).toEqual(['KUBERNETES']);
  });

  it.each([[[0, 1]], [[1, 0]]])(
    "prefer a Service 'kubernetes' of the pod's namespace, in order %j",
    (order) => {
      const both = [API, service('kubernetes', 'shop', '10.96.0.99', { port: 1 })];
      const listed = order.map((index) => both[index]!);
      expect(textOf(pod('shop'), listed)[0]).toBe('KUBERNETES_SERVICE_HOST=10.96.0.99');
      expect(textOf(pod('shop', false), listed)[0]).toBe('KUBERNETES_SERVICE_HOST=10.96.0.1');
      expect(textOf(pod('default'), listed)[0]).toBe('KUBERNETES_SERVICE_HOST=10.96.0.1');
    },
  );
});

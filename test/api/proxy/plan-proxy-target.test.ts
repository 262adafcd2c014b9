import { describe, expect, it } from 'vitest';
import {
  parseProxyName,
  planServiceBackend,
  podProxyPort,
} from '../../../src/api/proxy/plan-proxy-target.ts';
import type { Pod, Service } from '../../../src/schemas/types.ts';

const pod = (name: string, ready = true): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app: 'web' } },
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
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

const service = (ports: NonNullable<Service['spec']>['ports']): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ...(ports ? { ports } : {}) },
});

describe('the name in a proxy request', () => {
  it.each([
    ['web', { scheme: 'http', name: 'web', port: '' }],
    ['web:80', { scheme: 'http', name: 'web', port: '80' }],
    ['web:http', { scheme: 'http', name: 'web', port: 'http' }],
    ['https:web:8443', { scheme: 'https', name: 'web', port: '8443' }],
    ['https:web:', { scheme: 'https', name: 'web', port: '' }],
  ])('%s', (text, expected) => expect(parseProxyName(text)).toEqual(expected));

  it.each(['', ':80', 'ftp:web:80', 'a:b:c:d'])('%j is refused', (text) =>
    expect(() => parseProxyName(text)).toThrow(/invalid proxy request/),
  );
});

describe('the port of a pod', () => {
  const port = (text: string): number => podProxyPort(pod('a'), parseProxyName(text));
  it('is the first declared one, the named one, or any number', () => {
    expect(port('a')).toBe(8080);
    expect(port('a:admin')).toBe(9090);
    expect(port('a:1234')).toBe(1234);
  });
  it('must exist', () => {
    expect(() => port('a:nope')).toThrow(/no port named "nope"/);
    expect(() => port('a:99999')).toThrow(/invalid port/);
  });
});

describe('the backend of a service', () => {
  const plan = (text: string, pods: readonly Pod[], ports: NonNullable<Service['spec']>['ports'], pick = 0) =>
    planServiceBackend(service(ports), pods, parseProxyName(text), pick);
  const http = { name: 'http', port: 80, targetPort: 'http' };

  it('is a ready pod at the target port', () => {
    const pods = [pod('away', false), pod('a'), pod('b')];
    expect(plan('web', pods, [http])).toMatchObject({ pod: { metadata: { name: 'a' } }, port: 8080 });
    expect(plan('web:80', pods, [http], 0.99)).toMatchObject({ pod: { metadata: { name: 'b' } } });
    expect(plan('web:plain', pods, [{ name: 'plain', port: 81 }])).toMatchObject({ port: 81 });
  });
  it('is refused without a pod, and without the port', () => {
    expect(() => plan('web', [pod('away', false)], [http])).toThrow(
      /no endpoints available for service "web"/,
    );
    expect(() => plan('web:nope', [pod('a')], [http])).toThrow(/no service port "nope" found/);
    expect(() => plan('web', [pod('a')], [http, { name: 'x', port: 81 }])).toThrow(/no service port ""/);
  });
});

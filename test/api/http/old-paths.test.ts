/** Forms of paths that old clients still use: watches by path, and a proxy without a slash. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTarget } from '../../../src/api/http/request-target.ts';
import { route } from '../../../src/api/http/routing.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { startTestHttp, type TestHttp } from '../test-http.ts';

function routed(method: string, path: string): unknown {
  const target = parseTarget(path);
  if (target.type === 'other') return 'other';
  const routed = route(builtinRegistry, [], method, target, new URLSearchParams());
  const { verb, namespace, name } = routed.attributes;
  return { verb, namespace, name, kind: routed.type === 'stored' ? routed.kind.kind : undefined };
}

describe('a path with /watch/', () => {
  it.each([
    ['/api/v1/watch/pods', { verb: 'watch', kind: 'Pod' }],
    ['/api/v1/watch/namespaces/a/pods', { verb: 'watch', namespace: 'a', kind: 'Pod' }],
    ['/api/v1/watch/namespaces/a/pods/b', { verb: 'watch', namespace: 'a', name: 'b', kind: 'Pod' }],
    ['/api/v1/watch/namespaces', { verb: 'watch', kind: 'Namespace' }],
    ['/api/v1/watch/namespaces/a', { verb: 'watch', namespace: 'a', name: 'a', kind: 'Namespace' }],
    ['/api/v1/watch/nodes/n', { verb: 'watch', name: 'n', kind: 'Node' }],
    [
      '/apis/apps/v1/watch/namespaces/a/deployments/d',
      { verb: 'watch', namespace: 'a', name: 'd', kind: 'Deployment' },
    ],
  ])('GET %s is authorised as a watch', (path, expected) => {
    expect(routed('GET', path)).toEqual({ namespace: undefined, name: undefined, ...expected });
  });

  it('is nothing else', () => {
    expect(routed('GET', '/api/v1/watch/namespaces/a/pods/b/log')).toBe('other');
    expect(routed('GET', '/api/v1/watch/watch/pods')).toBe('other');
    expect(routed('GET', '/api/v1/watch')).toBe('other');
    expect(() => routed('DELETE', '/api/v1/watch/namespaces/a/pods/b')).toThrow('does not allow this method');
  });
});

describe('a proxy', () => {
  let http: TestHttp;
  beforeAll(async () => {
    http = await startTestHttp();
    const { objects } = http.core;
    const created = await objects.create({
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' } },
      spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'away' },
    });
    const status = { podIP: '10.244.0.5', podIPs: [{ ip: '10.244.0.5' }] };
    await objects.update({ ...created, status }, { subresource: 'status' });
    await objects.create({
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'default' } },
      spec: { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, protocol: 'TCP' }] },
    });
    await objects.create({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 's-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 's' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.0.5'] }],
      ports: [{ name: '', port: 80, protocol: 'TCP' }],
    });
  });
  afterAll(() => http[Symbol.asyncDispose]());

  it.each([
    ['/api/v1/namespaces/default/pods/p/proxy', '/api/v1/namespaces/default/pods/p/proxy/'],
    ['/api/v1/namespaces/default/pods/p:80/proxy?a=/b', '/api/v1/namespaces/default/pods/p:80/proxy/?a=/b'],
    ['/api/v1/namespaces/default/services/s/proxy', '/api/v1/namespaces/default/services/s/proxy/'],
  ])('GET %s is moved to %s', async (path, location) => {
    const answer = await http.send('GET', path);
    expect(answer.code).toBe(301);
    expect(answer.headers['location']).toBe(location);
  });

  it.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH'])(
    '%s to a pod that does not answer is 503',
    async (method) => {
      const answer = await http.send(method, '/api/v1/namespaces/default/pods/p:80/proxy/');
      expect(answer.code).toBe(503);
      expect(answer.body).toMatchObject({ reason: 'ServiceUnavailable' });
      expect(answer.text).toContain('error trying to reach service: error dialing node');
    },
  );
});

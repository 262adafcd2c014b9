/** The checks of health that balancers outside make, over HTTP. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createScope } from '../../../src/base/scope.ts';
import { answerProxyHealth, healthCheckOf, isEligible } from '../../../src/network/services/health-answer.ts';
import { createHealthChecks } from '../../../src/network/services/health-checks.ts';
import { aNode } from '../../support/builders.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { aService, aSlice } from '../../support/services.ts';

let scope = createScope();
afterEach(async () => {
  await scope[Symbol.asyncDispose]();
  scope = createScope();
});

async function listen(port = 0): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, resolve));
  return server;
}
const close = (server: Server): Promise<unknown> => new Promise((resolve) => server.close(resolve));

async function freePort(): Promise<number> {
  const server = await listen();
  const { port } = server.address() as AddressInfo;
  await close(server);
  return port;
}

const HOST = { nodes: new Set(['host']), zone: undefined };
const LOCAL = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };

describe("a Service's check", () => {
  function start(clock = createFakeClock(), isHealthy = (): boolean => true) {
    const failures: string[] = [];
    const checks = createHealthChecks({ clock, isHealthy, onFailure: (service) => failures.push(service) });
    scope.use(checks);
    return { checks, failures, clock };
  }
  const check = (port: number, localEndpoints: number) => ({
    port,
    namespace: 'default',
    name: 'web',
    localEndpoints,
  });
  const ask = (port: number): Promise<Response> => fetch(`http://127.0.0.1:${port}/`);

  it('answers as kube-proxy does', async () => {
    const { checks } = start();
    const port = await freePort();
    checks.set('default/web', check(port, 2));
    const answer = await comesTrue(() => ask(port));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-load-balancing-endpoint-weight')).toBe('2');
    expect(await answer.text()).toBe(
      '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}',
    );
    checks.set('default/web', check(port, 0));
    const none = await ask(port);
    expect([none.status, ((await none.json()) as { localEndpoints: number }).localEndpoints]).toEqual([
      503, 0,
    ]);
    checks.set('default/web', undefined);
    await comesTrue(() => expect(ask(port)).rejects.toThrow('fetch failed'));
  });

  it('says 503 while the kernel is behind', async () => {
    const { checks } = start(createFakeClock(), () => false);
    const port = await freePort();
    checks.set('default/web', check(port, 2));
    expect((await comesTrue(() => ask(port))).status).toBe(503);
  });

  it('moves with its port, which another Service may have next', async () => {
    const { checks, failures } = start();
    const [first, second] = [await freePort(), await freePort()];
    checks.set('default/web', check(first, 1));
    await comesTrue(() => ask(first));
    checks.set('default/web', check(second, 1));
    checks.set('default/other', { ...check(first, 3), name: 'other' });
    await comesTrue(() => ask(second));
    const answer = await comesTrue(async () => (await ask(first)).json());
    expect(answer).toMatchObject({ service: { name: 'other' } });
    expect(failures).toEqual([]);
  });

  it('is told when its port is taken, and gets it later', async () => {
    const { checks, failures, clock } = start();
    const blocking = await listen();
    const { port } = blocking.address() as AddressInfo;
    checks.set('default/web', check(port, 1));
    await comesTrue(() => expect(failures).toEqual(['default/web']));
    await close(blocking);
    await clock.advance(5_000);
    expect((await comesTrue(() => ask(port))).status).toBe(200);
    expect(failures).toEqual(['default/web']);
  });
});

describe('the number of local endpoints', () => {
  const service = aService({ ...LOCAL, healthCheckNodePort: 31000 });
  it('counts the ready ones of this host', () => {
    const slice = aSlice(service, [
      { address: '10.244.1.2' },
      { address: '10.244.1.3', ready: false, serving: true },
      { address: '10.244.2.2', node: 'far' },
    ]);
    expect(healthCheckOf(service, [slice], HOST)).toEqual({
      port: 31000,
      namespace: 'default',
      name: 'web',
      localEndpoints: 1,
    });
  });

  it.each([
    ['of another type', { type: 'NodePort', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 }],
    ['of another policy', { type: 'LoadBalancer', healthCheckNodePort: 31000 }],
    ['without a port', LOCAL],
  ])('is nothing to a Service %s', (_, spec) => {
    expect(healthCheckOf(aService(spec), [], HOST)).toBeUndefined();
  });
});

describe('the health of the proxy', () => {
  const health = {
    isHealthy: true,
    isEligible: true,
    lastUpdated: '2026-01-01T00:00:00Z',
    currentTime: '2026-01-01T00:00:05Z',
  };
  it('counts the node in at /healthz, not at /livez', () => {
    expect(answerProxyHealth('/healthz', health)).toMatchObject({
      code: 200,
      body: '{"lastUpdated": "2026-01-01T00:00:00Z","currentTime": "2026-01-01T00:00:05Z", "nodeEligible": true}',
    });
    const leaving = { ...health, isEligible: false };
    expect(answerProxyHealth('/healthz', leaving)?.code).toBe(503);
    expect(answerProxyHealth('/livez', leaving)?.code).toBe(200);
    expect(answerProxyHealth('/livez', { ...health, isHealthy: false })?.code).toBe(503);
    expect(answerProxyHealth('/secrets', health)).toBeUndefined();
  });

  it('does not count a node that goes', () => {
    const node = aNode({ name: 'host' });
    expect(isEligible(node)).toBe(true);
    const taints = [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }];
    expect(isEligible({ ...node, spec: { ...node.spec, taints } } as typeof node)).toBe(false);
    const metadata = { ...node.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(isEligible({ ...node, metadata })).toBe(false);
  });
});

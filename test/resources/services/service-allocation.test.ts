import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Service } from '../../../src/schemas/types.ts';
import { createResourceCore } from '../../../src/resources/resource-core.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { createCacheSet } from '../../../src/store/cache/cache-set.ts';
import { withVerbs } from '../../support/objects.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';

const collection = { kind: kindNamed('Service'), namespace: 'default' };
const service = (name: string, spec: Record<string, unknown> = {}): unknown => ({
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});

async function withCore(task: (test: TestCore) => Promise<void>): Promise<void> {
  const test = await startTestCore(createFakeClock());
  try {
    await task(test);
  } finally {
    await test[Symbol.asyncDispose]();
  }
}

const create = async (test: TestCore, body: unknown): Promise<Service> =>
  (await test.core.create(collection, body, plainWrite, test.context)) as Service;

describe('addresses of services', () => {
  it('are different for services that are made at the same time, and never that of the API', () =>
    withCore(async (test) => {
      const made = await Promise.all(
        Array.from({ length: 20 }, (_, index) => create(test, service(`s${index}`, { type: 'NodePort' }))),
      );
      const ips = made.map(({ spec }) => spec.clusterIP);
      const ports = made.map(({ spec }) => spec.ports?.[0]?.nodePort);
      expect(new Set(ips).size).toBe(20);
      expect(new Set(ports).size).toBe(20);
      expect(ips).not.toContain('10.96.0.1');
      for (const port of ports) expect(port).toBeGreaterThanOrEqual(30_000);
    }));

  it('are different even when two servers allocate on one store', async () => {
    const test = await startTestCore(systemClock);
    const { store, rng } = test;
    const caches = createCacheSet({ store, clock: systemClock, logger: silentLogger });
    const second = createResourceCore({
      store,
      caches,
      registry: builtinRegistry,
      clock: systemClock,
      rng,
      logger: silentLogger,
      proofs: test.proofs,
      addresses: { serviceCidr: '10.96.0.0/28', nodePorts: { from: 30_000, to: 30_010 } },
    });
    const asked = Array.from({ length: 10 }, (_, index) => {
      const core = index % 2 === 0 ? test.core : second;
      return core.create(collection, service(`s${index}`), plainWrite, test.context);
    });
    const ips = (await Promise.all(asked)).map((object) => (object as Service).spec.clusterIP);
    expect(new Set(ips).size).toBe(10);
    await second[Symbol.asyncDispose]();
    await caches[Symbol.asyncDispose]();
    await test[Symbol.asyncDispose]();
  });

  it('are free again once the service is gone, and taken as long as it is there', () =>
    withCore(async (test) => {
      await create(test, service('a', { clusterIP: '10.96.7.7' }));
      await expect(create(test, service('b', { clusterIP: '10.96.7.7' }))).rejects.toThrow(
        'provided IP is already allocated',
      );
      await test.core.delete({ ...collection, name: 'a' }, { dryRun: false }, test.context);
      expect((await create(test, service('b', { clusterIP: '10.96.7.7' }))).spec.clusterIP).toBe('10.96.7.7');
    }));

  it('stay when the service is updated without them, and node ports go with the type', () =>
    withCore(async (test) => {
      const before = await create(test, service('a', { type: 'NodePort' }));
      const ref = { ...collection, name: 'a' };
      const next = service('a', { type: 'NodePort', ports: [{ port: 81 }] });
      const { object } = await test.core.update(ref, next, plainWrite, test.context);
      expect((object as Service).spec.clusterIP).toBe(before.spec.clusterIP);
      const plain = await test.core.update(
        ref,
        service('a', { type: 'ClusterIP' }),
        plainWrite,
        test.context,
      );
      expect((plain.object as Service).spec.ports?.[0]?.nodePort).toBeUndefined();
    }));

  it('of a load balancer that keeps traffic local include a health check port', () =>
    withCore(async (test) => {
      const made = await create(test, service('a', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }));
      const { healthCheckNodePort, ports } = made.spec;
      expect(healthCheckNodePort).toBeGreaterThanOrEqual(30_000);
      expect(healthCheckNodePort).not.toBe(ports?.[0]?.nodePort);
    }));

  it('are one node port for all protocols of a port, and one number is taken for all protocols', () =>
    withCore(async (test) => {
      const both = (more: object = {}) => [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', ...more },
      ];
      const portsOf = ({ spec }: Service): unknown => spec.ports?.map(({ nodePort }) => nodePort);
      const made = await create(test, service('a', { type: 'NodePort', ports: both() }));
      const [udp, tcp] = portsOf(made) as number[];
      expect([udp, tcp]).toEqual([tcp, udp]);
      const asked = await create(test, service('b', { type: 'NodePort', ports: both({ nodePort: 31_053 }) }));
      expect(portsOf(asked)).toEqual([31_053, 31_053]);
      const other = { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: udp }] };
      await expect(create(test, service('c', other))).rejects.toThrow(
        `Service "c" is invalid: spec.ports[0].nodePort: Invalid value: ${udp}: provided port is already allocated`,
      );
      const twice = {
        type: 'NodePort',
        ports: [80, 81].map((port) => ({
          name: `p${port}`,
          port,
          nodePort: 31_080,
          protocol: port === 80 ? 'TCP' : 'UDP',
        })),
      };
      await expect(create(test, service('d', twice))).rejects.toThrow('provided port is already allocated');
    }));

  it('are not used up by a dry run', () =>
    withCore(async (test) => {
      const body = service('a', { clusterIP: '10.96.7.7' });
      await test.core.create(collection, body, { ...plainWrite, dryRun: true }, test.context);
      expect((await create(test, body)).spec.clusterIP).toBe('10.96.7.7');
    }));

  it('are given to what the control plane writes without a request, several at once', () =>
    withCore(async (test) => {
      const objects = withVerbs(test.core.as({ user: { name: 'sync', groups: [] } }));
      const object = (name: string, spec: Record<string, unknown> = {}): KubeObject => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: 'default' },
        spec: { ports: [{ port: 80 }], ...spec },
      });
      const made = (await objects.apply([
        { verb: 'create', object: object('a') },
        { verb: 'create', object: object('b', { type: 'NodePort' }) },
        { verb: 'create', object: object('c', { clusterIP: 'None' }) },
        { verb: 'create', object: { ...object('d'), kind: 'ConfigMap', spec: undefined } },
      ])) as readonly Service[];
      const [a, b, c] = made.map(({ spec }) => spec);
      expect(a?.clusterIPs).toEqual([a?.clusterIP]);
      expect(a?.clusterIP).toMatch(/^10\.96\./);
      expect(b?.clusterIP).not.toBe(a?.clusterIP);
      expect(b?.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30_000);
      expect(c?.clusterIPs).toEqual(['None']);

      const [kept] = (await objects.apply([
        { verb: 'update', object: object('a', { selector: { app: 'a' } }) },
      ])) as readonly Service[];
      expect(kept?.spec).toMatchObject({ clusterIP: a?.clusterIP, selector: { app: 'a' } });
      const [exposed] = (await objects.apply([
        { verb: 'update', object: object('a', { type: 'NodePort' }) },
      ])) as readonly Service[];
      expect(exposed?.spec.clusterIP).toBe(a?.clusterIP);
      expect(exposed?.spec.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30_000);

      const taken = object('e', { clusterIP: a?.clusterIP });
      await expect(objects.apply([{ verb: 'create', object: taken }])).rejects.toThrow('already allocated');
    }));

  it('are no reason to touch what validation refuses', () =>
    withCore(async (test) => {
      const objects = withVerbs(test.core.as({ user: { name: 'sync', groups: [] } }));
      for (const spec of [
        undefined,
        [],
        { ports: 1 },
        { ports: [1] },
        { clusterIPs: 'x', ports: [{ port: 1 }] },
      ]) {
        const object = {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'x', namespace: 'default' },
          spec,
        };
        await expect(objects.apply([{ verb: 'create', object }])).rejects.toMatchObject({
          status: { reason: 'Invalid' },
        });
      }
    }));
});

import { describe, expect, it } from 'vitest';
import {
  type EndpointFact,
  endpointFactOf,
  planEndpoints,
} from '../../../src/controllers/endpoints/plan-endpoints.ts';
import {
  packSubsets,
  sortServed,
  truncateSubsets,
} from '../../../src/controllers/endpoints/repack-subsets.ts';
import { createServiceMemory } from '../../../src/controllers/endpoints/service-memory.ts';
import type { Endpoints, Pod, Service } from '../../../src/schemas/types.ts';
import { anEndpointPod, aService, viewOf } from '../endpoint-slice/world.ts';

const planned = (service: Service, pods: readonly Pod[], current?: Endpoints): Endpoints | undefined =>
  planEndpoints({
    service,
    pods: viewOf(service, pods, (pod) => endpointFactOf(service, pod)),
    current,
  }).writes[0]?.object;
const ipOf = (index: number): string => `10.1.${String(index >> 8)}.${String(index & 255)}`;

describe('the Endpoints of a Service', () => {
  it('group addresses by the ports that they serve', () => {
    const http = { name: 'http', port: 80, protocol: 'TCP' as const, targetPort: 'http' };
    const dns = { name: 'dns', port: 53, protocol: 'UDP' as const, targetPort: 53 };
    const withHttp = (name: string, ip: string, containerPort: number): Pod =>
      anEndpointPod(name, ip, {
        spec: { containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort }] }] },
      });
    const pods = [
      withHttp('a', '10.1.0.1', 8080),
      withHttp('b', '10.1.0.2', 9090),
      anEndpointPod('c', '10.1.0.3'),
    ];
    const subsets = planned(aService({ ports: [http, dns] }), pods)?.subsets ?? [];
    const short = subsets.map(({ addresses = [], ports = [] }) => [
      ports.map(({ name, port }) => `${name ?? ''}:${String(port)}`),
      addresses.map(({ targetRef }) => targetRef?.name),
    ]);
    expect(short).toHaveLength(3);
    expect(short).toEqual(
      expect.arrayContaining([
        [['http:8080'], ['a']],
        [['http:9090'], ['b']],
        [['dns:53'], ['a', 'b', 'c']],
      ]),
    );
  });

  it('leave out pods that are leaving, have ended, or have no address', () => {
    const pods = [
      anEndpointPod('leaving', '10.1.0.1', { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      anEndpointPod('failed', '10.1.0.2', { phase: 'Failed' }),
      anEndpointPod('new', '', { status: { podIPs: [] } }),
    ];
    expect(planned(aService(), pods)).not.toHaveProperty('subsets');
    const published = planned(aService({ publishNotReadyAddresses: true }), pods);
    expect(published?.subsets?.[0]?.addresses?.map(({ ip }) => ip)).toEqual(['10.1.0.1']);
  });

  it('name headless Services, and need no ports there', () => {
    const endpoints = planned(aService({ clusterIP: 'None', ports: [] }), [anEndpointPod('a', '10.1.0.1')]);
    expect(endpoints?.metadata.labels).toHaveProperty(['service.kubernetes.io/headless'], '');
    expect(endpoints?.subsets).toEqual([{ addresses: [expect.objectContaining({ ip: '10.1.0.1' })] }]);
  });

  it('hold a thousand addresses at most, ready ones first, and say so', () => {
    const pods = Array.from({ length: 1500 }, (_, index) =>
      anEndpointPod(`p${String(index)}`, ipOf(index), { ready: index >= 700, phase: 'Running' }),
    );
    const endpoints = planned(aService(), pods);
    const [subset] = endpoints?.subsets ?? [];
    expect([subset?.addresses?.length, subset?.notReadyAddresses?.length]).toEqual([800, 200]);
    const annotation = 'endpoints.kubernetes.io/over-capacity';
    expect(endpoints?.metadata.annotations?.[annotation]).toBe('truncated');
    expect(planned(aService(), pods, endpoints)).toBeUndefined();
    const fewer = planned(aService(), pods.slice(700, 710), endpoints);
    expect(fewer?.metadata.annotations).not.toHaveProperty([annotation]);
  });

  it('are left as they are when a pod changes that does not fit in anyway', () => {
    const pods = Array.from({ length: 1100 }, (_, index) =>
      anEndpointPod(`p${String(index)}`, `10.2.${ipOf(index).slice(5)}`),
    );
    const endpoints = planned(aService(), pods);
    const last = [...pods]
      .sort((a, b) => ((a.status?.podIP ?? '') < (b.status?.podIP ?? '') ? -1 : 1))
      .at(-1);
    expect(
      planned(
        aService(),
        pods.filter((pod) => pod !== last),
        endpoints,
      ),
    ).toBeUndefined();
  });
});

describe('subsets that are truncated', () => {
  it('never are empty', () => {
    const served = Array.from({ length: 1003 }, (_, index) => ({
      address: { ip: ipOf(index) },
      isReady: index < 1001,
      ports: [{ name: 'p', port: index < 1001 ? 1 : 2, protocol: 'TCP' as const }],
      portsKey: index < 1001 ? '1' : '2',
    }));
    const subsets = truncateSubsets(packSubsets(sortServed(served)));
    expect(subsets.map(({ addresses = [] }) => addresses.length)).toEqual([1000]);
  });
});

describe('what a reconcile knows of the pods of its Service', () => {
  const service = aService();
  const podAt = (name: string, readySince: string): Pod => anEndpointPod(name, '10.1.0.1', { readySince });
  /** Reconciles in turn; returns the pods that were read, and the time of the trigger. */
  function memoryOf(): (candidates: readonly Pod[], context?: object) => [string[], string | undefined] {
    const memory = createServiceMemory<EndpointFact>({ now: () => 0 });
    return (candidates, context) => {
      const read: string[] = [];
      const { known, trigger } = memory.begin(
        { service, candidates, ...(context ? { context } : {}) },
        (pod) => {
          read.push(pod.metadata.name);
          return endpointFactOf(service, pod);
        },
      );
      expect(known.facts).toEqual(candidates.map((pod) => endpointFactOf(service, pod)));
      memory.end('default/web', known);
      return [read, trigger];
    };
  }

  it('is made again for the pods that changed only, wherever the others are', () => {
    const reconcile = memoryOf();
    const pods = Array.from({ length: 5 }, (_, index) => podAt(`p${String(index)}`, '2026-01-01T00:00:05Z'));
    expect(reconcile(pods)[0]).toHaveLength(5);
    expect(reconcile(pods)[0]).toEqual([]);
    expect(reconcile(pods.with(2, podAt('p2', '2026-01-01T00:00:06Z')))[0]).toEqual(['p2']);
    expect(reconcile([...pods.slice(3), ...pods.slice(0, 2)])[0]).toEqual([]);
    expect(reconcile(pods)[0]).toEqual(['p2']);
    expect(reconcile(pods, {})[0]).toHaveLength(5);
  });

  it('gives the creation of a Service as trigger, then the earliest change, then nothing', () => {
    const reconcile = memoryOf();
    expect(reconcile([podAt('a', '2026-01-01T00:00:05Z')])[1]).toBe('2026-01-01T00:00:00Z');
    const changed = [podAt('b', '2026-01-01T00:00:11Z'), podAt('a', '2026-01-01T00:00:09Z')];
    expect(reconcile(changed)[1]).toBe('2026-01-01T00:00:09Z');
    expect(reconcile([...changed])[1]).toBeUndefined();
    expect(reconcile(changed.slice(1))[1]).toBeUndefined();
    expect(reconcile([podAt('a', '2026-01-01T00:00:08Z')])[1]).toBeUndefined();
  });
});

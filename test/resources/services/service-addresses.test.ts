import { expect, it } from 'vitest';
import { seededRng } from '../../../src/base/rng.ts';
import { planAddresses, takenBy } from '../../../src/resources/services/service-addresses.ts';
import type { Service } from '../../../src/schemas/types.ts';
import { aService } from '../../support/services.ts';

const space = { serviceCidr: '10.96.0.0/29', nodePorts: { from: 30_000, to: 30_001 } };
const plan = (spec: Record<string, unknown>, others: readonly Service[] = [], isNew = true) =>
  planAddresses(
    aService({ clusterIPs: undefined, ...spec }),
    takenBy(others, space),
    space,
    seededRng(1),
    isNew,
  );

const LOCAL = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
const QUIET = { ...LOCAL, allocateLoadBalancerNodePorts: false };
const nodePort = (number: number): Service =>
  aService({ type: 'NodePort', ports: [{ port: 80, nodePort: number }] });

it.each([
  ['node ports', { type: 'NodePort' }, [30_000, 30_001], 'failed to allocate a nodePort: range is full'],
  [
    'health check ports',
    QUIET,
    [30_000, 30_001],
    'failed to allocate a HealthCheck NodePort 0: range is full',
  ],
  [
    'a health check port',
    { ...QUIET, healthCheckNodePort: 30_001 },
    [30_001],
    'failed to allocate requested HealthCheck NodePort 30001: provided port is already allocated',
  ],
  [
    'a port for health checks that another range has',
    { ...QUIET, healthCheckNodePort: 80 },
    [],
    'failed to allocate requested HealthCheck NodePort 80: provided port is not in the valid range. The range of valid ports is 30000-30001',
  ],
])("fails in upstream's words where %s cannot be had", (_, spec, taken, failure) => {
  expect(plan(spec, taken.map(nodePort)).failure).toBe(failure);
});

it("fails in upstream's words where no address is left", () => {
  const others = [2, 3, 4, 5, 6].map((last) => aService({ clusterIPs: [`10.96.0.${last}`] }));
  expect(plan({}, others).failure).toBe('failed to allocate a serviceIP: range is full');
});

it('gives no node ports to a load balancer that wants none, but keeps those that it names', () => {
  const ports = [
    { name: 'a', port: 80 },
    { name: 'b', port: 81, nodePort: 30_001 },
  ];
  const { service } = plan({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports });
  expect(service.spec.ports?.map(({ nodePort: number }) => number)).toEqual([undefined, 30_001]);
});

it('gives a port that an update adds a node port of its own, and lets protocols share one that is named', () => {
  const ports = [
    { name: 'udp', port: 53, protocol: 'UDP', nodePort: 30_000 },
    { name: 'tcp', port: 53, protocol: 'TCP' },
  ];
  const added = plan({ type: 'NodePort', ports }, [], false).service.spec.ports;
  expect(added?.map(({ nodePort: number }) => number)).toEqual([30_000, 30_001]);
  const named = plan(
    { type: 'NodePort', ports: ports.map((port) => ({ ...port, nodePort: 30_000 })) },
    [],
    false,
  );
  expect(named.errors).toEqual([]);
});

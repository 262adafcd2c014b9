import { describe, expect, it } from 'vitest';
import {
  planForgottenFlows,
  planStrayFlows,
  udpEntrances,
} from '../../../src/network/services/plan-udp-flows.ts';
import { aService, aSlice, type EndpointFacts } from '../../support/services.ts';

const HOST = { nodes: new Set(['host']), zone: undefined };
const PORTS = [
  { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 },
  { name: 'tcp', port: 53, protocol: 'TCP' },
];
const A = { address: '10.244.1.2' };
const B = { address: '10.244.1.3' };

function entrances(endpoints: readonly EndpointFacts[], spec: Record<string, unknown> = {}) {
  const service = aService({ ports: PORTS, ...spec });
  return udpEntrances(service, [aSlice(service, endpoints)], HOST, () => true);
}

describe('flows that are forgotten', () => {
  it('are those of endpoints that are gone, at every entrance', () => {
    expect(planForgottenFlows(entrances([A, B]), entrances([B]))).toEqual([
      '-D -p udp -d 10.96.0.50 --orig-port-dst 53 -r 10.244.1.2 --reply-port-src 8080',
      '-D -p udp --orig-port-dst 30053 -r 10.244.1.2 --reply-port-src 8080',
    ]);
  });

  it('are not those of endpoints that end and still serve', () => {
    const ending = { ...A, ready: false, serving: true };
    expect(planForgottenFlows(entrances([A, B]), entrances([ending, B]))).toEqual([]);
    const ended = { ...A, ready: false, serving: false };
    expect(planForgottenFlows(entrances([ending, B]), entrances([ended, B]))).toHaveLength(2);
  });

  it('are those that began before there was any endpoint', () => {
    const expected = [
      '-D -p udp -d 10.96.0.50 --orig-port-dst 53 -r 10.96.0.50',
      '-D -p udp --orig-port-dst 30053',
    ];
    expect(planForgottenFlows(entrances([]), entrances([A]))).toEqual(expected);
    expect(planForgottenFlows(undefined, entrances([A]))).toEqual(expected);
  });

  it('are all of an entrance that goes', () => {
    expect(planForgottenFlows(entrances([A]), entrances([A], { ports: PORTS.slice(1) }))).toHaveLength(2);
    expect(planForgottenFlows(entrances([A]), undefined)).toHaveLength(2);
    expect(planForgottenFlows(entrances([A]), entrances([A], { clusterIPs: ['10.96.0.51'] }))).toEqual([
      '-D -p udp -d 10.96.0.50 --orig-port-dst 53 -r 10.244.1.2 --reply-port-src 8080',
      '-D -p udp -d 10.96.0.51 --orig-port-dst 53 -r 10.96.0.51',
    ]);
  });

  it('are none of TCP', () => {
    expect(entrances([A], { ports: PORTS.slice(1) })).toBeUndefined();
  });
});

describe('flows that an earlier process has left', () => {
  const flow = (target: string, port: number, answering: string, answeringPort = port): string =>
    `-A -t 29 -u SEEN_REPLY -s 10.244.1.9 -d ${target} -${answering === target ? 'r' : 'g'} ${answering} -q 10.244.1.9 -p udp --sport 4000 --dport ${port} --reply-port-src ${answeringPort} --reply-port-dst 4000`;
  const stray = (listing: string, endpoints: readonly EndpointFacts[]): readonly string[] =>
    planStrayFlows(listing, entrances(endpoints) ?? new Map());

  it.each([
    ['to an endpoint that serves', flow('10.96.0.50', 53, '10.244.1.2', 8080), [A], 0],
    ['to an endpoint that is gone', flow('10.96.0.50', 53, '10.244.1.3', 8080), [A], 1],
    ['to another port of an endpoint', flow('10.96.0.50', 53, '10.244.1.2', 9090), [A], 1],
    ['to the address itself', flow('10.96.0.50', 53, '10.96.0.50'), [A], 1],
    ['through a node port to one that is gone', flow('192.0.2.1', 30053, '10.244.1.3', 8080), [A], 1],
    ['to a node port that had no endpoint', flow('192.0.2.1', 30053, '192.0.2.1'), [A], 1],
    ['to a node port that has none', flow('192.0.2.1', 30053, '192.0.2.1'), [], 0],
    ['to one that is gone, of a Service without any', flow('10.96.0.50', 53, '10.244.1.3', 8080), [], 1],
    ['to somebody else', flow('10.96.0.99', 53, '10.244.1.3', 8080), [A], 0],
    ['that cannot be read', 'conntrack v1.4.7: 3 flow entries', [A], 0],
  ])('%s', (_, listing, endpoints, count) => {
    expect(stray(`${listing}\n`, endpoints)).toHaveLength(count);
  });

  it('are named exactly', () => {
    expect(stray(flow('10.96.0.50', 53, '10.244.1.3', 8080), [A])).toEqual([
      '-D -p udp -s 10.244.1.9 -d 10.96.0.50 --sport 4000 --dport 53',
    ]);
  });
});

/** The parts of the table allow exactly what the policies say, for every pair of pods. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '../../support/network-policies/judge.ts';
import { type Connection, type End, isAllowed, type World } from '../../support/network-policies/oracle.ts';
import { planHost } from '../../support/network-policies/plan-host.ts';
import { anyPolicies, NAMESPACES, PODS, PORTS, PROTOCOLS } from '../../support/network-policies/world.ts';

const OUTSIDE: readonly End[] = [{ address: '192.168.77.1' }, { address: '203.0.113.9' }];
const ENDS: readonly End[] = [...PODS.map((pod) => ({ address: pod.address, pod })), ...OUTSIDE];

const connections: readonly Connection[] = ENDS.flatMap((from) =>
  ENDS.filter((to) => from.pod ?? to.pod).flatMap((to) =>
    PROTOCOLS.flatMap((protocol) => PORTS.map((port) => ({ from, to, protocol, port }))),
  ),
);

const text = ({ from, to, protocol, port }: Connection): string =>
  `${nameOf(from)} → ${nameOf(to)} ${protocol} ${port}`;
const nameOf = ({ pod, address }: End): string => (pod ? `${pod.namespace}/${pod.name}` : address);

/** Both hosts judge what goes from one to the other. */
function allowedByTables(world: World): readonly string[] {
  const hosts = ['h1', 'h2'].map((host) => ({ host, parts: [...planHost(world, host).values()] }));
  return connections
    .filter((connection) =>
      hosts
        .filter(({ host }) => connection.from.pod?.host === host || connection.to.pod?.host === host)
        .every(({ parts }) => judge(parts, connection)),
    )
    .map(text);
}

describe('the policies of a host', () => {
  it('allow exactly what an independent reading of them allows', () => {
    fc.assert(
      fc.property(anyPolicies, (policies) => {
        const world: World = { namespaces: NAMESPACES, pods: PODS, policies };
        expect(allowedByTables(world)).toEqual(connections.filter((one) => isAllowed(world, one)).map(text));
      }),
      { numRuns: 150 },
    );
  });

  it('never allow more when one that denies all comes', () => {
    const denyAll = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } as const;
    fc.assert(
      fc.property(anyPolicies, fc.constantFrom('x', 'y', 'z'), (policies, namespace) => {
        const base: World = { namespaces: NAMESPACES, pods: PODS, policies };
        const closed = {
          ...base,
          policies: [...policies, { metadata: { namespace, name: 'deny' }, spec: denyAll }],
        };
        const before = new Set(allowedByTables(base));
        expect(allowedByTables(closed).filter((one) => !before.has(one))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});

/**
 * The table of Services in a real kernel: a host with pods on a bridge, a pod of another host, and a
 * client outside. Servers answer with their own name and the address that they see.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScope } from '../../../src/base/scope.ts';
import { createTableState, type TableState } from '../../../src/network/nft/table-state.ts';
import { planServicePart } from '../../../src/network/services/plan-service-part.ts';
import { serviceTable } from '../../../src/network/services/service-table.ts';
import type { Service } from '../../../src/schemas/types.ts';
import { aService, aSlice, type EndpointFacts } from '../../support/services.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';
import { ask, askOften, BRIDGE, connect, startPod } from '../../support/testbed/pods.ts';

const POD_CIDR = '10.244.0.0/16';
const SERVICE_CIDR = '10.96.0.0/12';
const VIP = '10.96.0.50';
const A = { address: '10.244.1.2' };
const B = { address: '10.244.1.3' };
const C = { address: '10.244.1.4' };
const scope = createScope();
let host: Place;
let outside: Place;
let state: TableState;
const pods: Record<string, Place> = {};

beforeAll(async () => {
  host = scope.use(await startPlace({ name: 'host' }));
  outside = scope.use(await startPlace({ name: 'outside' }));
  await host.script(BRIDGE);
  await connect(host, 'eth0', outside, 'eth0');
  await host.script('ip address add 192.0.2.1/24 dev eth0; ip route add default via 192.0.2.2');
  await outside.script('ip address add 192.0.2.2/24 dev eth0; ip route add 10.0.0.0/8 via 192.0.2.1');
  const startOne = async ([name, address]: readonly [string, string]): Promise<void> =>
    void (pods[name] = await startPod(scope, host, name, address));
  await Promise.all(
    (
      [
        ['a', A.address],
        ['b', B.address],
        ['c', C.address],
      ] as const
    ).map(startOne),
  );
  const frame = serviceTable({ cluster: 'test', podCidr: POD_CIDR, serviceCidr: SERVICE_CIDR });
  state = createTableState(frame);
  await host.must('nft', state.takeWhole());
});
afterAll(() => scope[Symbol.asyncDispose]());

async function serve(spec: Record<string, unknown>, endpoints: readonly EndpointFacts[]): Promise<void> {
  const ports = [{ port: 80, protocol: 'TCP', nodePort: 30080 }];
  const service = {
    ...aService({ clusterIPs: [VIP], ports, ...spec }),
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.100' }] } },
  } as Service;
  const slice = aSlice(service, endpoints);
  const here = { nodes: new Set(['host']), zone: undefined };
  state.set('default/web', planServicePart({ service, slices: [slice], host: here, podCidr: POD_CIDR }));
  const changes = state.takeChanges();
  if (changes !== undefined) await host.must('nft', changes);
}

describe('a cluster address', () => {
  it('leads a pod to every endpoint, which sees the pod', async () => {
    await serve({}, [A, B]);
    expect(await askOften(pods['c']!, VIP, 80)).toEqual(['a 10.244.1.4', 'b 10.244.1.4']);
  });

  it('leads a pod to itself, too', async () => {
    await serve({}, [A]);
    expect(await ask(pods['a']!, VIP, 80)).toBe('a 10.244.0.1');
  });

  it('leads the host and clients outside to endpoints, which see the host', async () => {
    await serve({}, [A, B]);
    expect(await askOften(host, VIP, 80)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
    expect(await askOften(outside, VIP, 80)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
  });

  it('refuses at once without endpoints, and on ports that the Service does not have', async () => {
    await serve({}, []);
    for (const from of [pods['c']!, host, outside])
      expect([from.name, ...(await askOften(from, VIP, 80))]).toEqual([from.name, 'ECONNREFUSED']);
    await serve({}, [A]);
    expect(await ask(pods['c']!, VIP, 81)).toBe('ECONNREFUSED');
  });

  it('serves UDP', async () => {
    await serve({ ports: [{ port: 80, protocol: 'UDP' }] }, [A, B]);
    expect(await askOften(pods['c']!, VIP, 80, 'UDP')).toEqual(['a 10.244.1.4', 'b 10.244.1.4']);
    await serve({ ports: [{ port: 80, protocol: 'UDP' }] }, []);
    expect(await ask(pods['c']!, VIP, 80, 'UDP')).toBe('ECONNREFUSED');
  });

  it('leads to endpoints that are ending only when there is no other', async () => {
    const ending = { ...A, ready: false, serving: true };
    await serve({}, [ending, B]);
    expect(await askOften(pods['c']!, VIP, 80)).toEqual(['b 10.244.1.4']);
    await serve({}, [ending]);
    expect(await askOften(pods['c']!, VIP, 80)).toEqual(['a 10.244.1.4']);
    await serve({}, [{ ...A, ready: false, serving: false }]);
    expect(await ask(pods['c']!, VIP, 80)).toBe('ECONNREFUSED');
  });

  it('keeps a client at one endpoint while affinity lasts', async () => {
    const affinity = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
    };
    await serve(affinity, [A, B, C]);
    const first = await askOften(pods['c']!, VIP, 80);
    expect(first).toHaveLength(1);
    const others = [A, B, C].filter(({ address }) => !first[0]?.startsWith(nameOf(address)));
    await serve(affinity, others);
    const second = await askOften(pods['c']!, VIP, 80);
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);
  });

  it('stays on the host with the internal policy Local', async () => {
    await serve({ internalTrafficPolicy: 'Local' }, [A, { ...B, node: 'other' }]);
    expect(await askOften(pods['c']!, VIP, 80)).toEqual(['a 10.244.1.4']);
    await serve({ internalTrafficPolicy: 'Local' }, [{ ...B, node: 'other' }]);
    expect(await ask(pods['c']!, VIP, 80)).toBe('silence');
  });
});

describe.each([
  ['a node port', '192.0.2.1', 30080],
  ["a load balancer's address", '192.0.2.100', 80],
])('%s', (_, address, port) => {
  it('leads clients outside to every endpoint, which sees the host', async () => {
    if (address === '192.0.2.100') await outside.run('ip', 'route', 'replace', address, 'via', '192.0.2.1');
    await serve({ type: 'LoadBalancer' }, [A, B]);
    expect(await askOften(outside, address, port)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
    expect(await askOften(pods['c']!, address, port)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
    expect(await askOften(host, address, port)).toEqual(['a 10.244.0.1', 'b 10.244.0.1']);
  });

  it('with the external policy Local keeps the client, and uses endpoints of the host only', async () => {
    await serve({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, [A, { ...B, node: 'other' }]);
    expect(await askOften(outside, address, port)).toEqual(['a 192.0.2.2']);
    expect(await askOften(pods['c']!, address, port)).toEqual(['a 10.244.1.4', 'b 10.244.1.4']);
    await serve({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, [{ ...B, node: 'other' }]);
    expect(await ask(outside, address, port)).toBe('silence');
  });

  it('refuses at once without endpoints', async () => {
    await serve({ type: 'LoadBalancer' }, []);
    expect(await ask(outside, address, port)).toBe('ECONNREFUSED');
  });
});

it('lets only the source ranges reach a load balancer', async () => {
  await serve({ type: 'LoadBalancer', loadBalancerSourceRanges: ['198.51.100.0/24'] }, [A]);
  expect(await ask(outside, '192.0.2.100', 80)).toBe('silence');
  await serve({ type: 'LoadBalancer', loadBalancerSourceRanges: ['192.0.2.0/30'] }, [A]);
  expect(await ask(outside, '192.0.2.100', 80)).toBe('a 10.244.0.1');
});

it('leaves the table as it was when the Service goes', async () => {
  const listing = (): Promise<string> => host.must('nft', 'list', 'ruleset');
  state.set('default/web', undefined);
  await host.must('nft', state.takeChanges() ?? '');
  const empty = await listing();
  await serve({ type: 'LoadBalancer', sessionAffinity: 'ClientIP', externalTrafficPolicy: 'Local' }, [A, B]);
  expect(await listing()).not.toBe(empty);
  state.set('default/web', undefined);
  await host.must('nft', state.takeChanges() ?? '');
  expect(await listing()).toBe(empty);
});

const nameOf = (address: string): string =>
  ({ [A.address]: 'a', [B.address]: 'b', [C.address]: 'c' })[address] ?? '';

import { describe, expect, it } from 'vitest';
import {
  type LoadBalancersView,
  planLoadBalancers,
} from '../../../src/controllers/load-balancer/plan-load-balancers.ts';
import {
  ANNOUNCE_NETWORKS,
  ANNOUNCED_BY,
  LOAD_BALANCER_CONDITION,
} from '../../../src/schemas/load-balancers.ts';
import type { Node, Service } from '../../../src/schemas/types.ts';
import { aNode } from '../../support/builders.ts';
import { aService } from '../../support/services.ts';

const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
const NETWORK = '192.0.2.0/24';

const balancer = (
  name: string,
  spec: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): Service => aService({ type: 'LoadBalancer', ...spec }, { name, ...metadata });

const host = (name: string, facts: { ready?: boolean; networks?: string; labels?: object } = {}): Node => {
  const node = aNode({ name, ready: facts.ready ?? true });
  const annotations = { [ANNOUNCE_NETWORKS]: facts.networks ?? NETWORK };
  return { ...node, metadata: { ...node.metadata, annotations, labels: { ...facts.labels } } };
};

const viewOf = (services: readonly Service[], more: Partial<LoadBalancersView> = {}): LoadBalancersView => ({
  services,
  nodes: [host('a'), host('b')],
  pool: ['192.0.2.240/28'],
  endpointNodes: new Map(),
  ...more,
});

/** Carries out plans until there is nothing to do. Answers the Services and the events. */
function settle(view: LoadBalancersView) {
  let { services } = view;
  const events: string[] = [];
  for (let round = 0; ; round += 1) {
    const plan = planLoadBalancers({ ...view, services }, 0);
    if (!plan) return { services, events, view: { ...view, services } };
    if (round > 5) throw new Error('It never ends');
    for (const write of plan.writes) {
      const object = (write as unknown as { object: Service }).object;
      services = services.map((service) =>
        service.metadata.name === object.metadata.name ? object : service,
      );
    }
    events.push(...(plan.events ?? []).map(({ event, args }) => [event, ...args].join(' ')));
  }
}

const ipsOf = ({ status }: Service): unknown =>
  status?.loadBalancer?.ingress?.map(({ ip, ipMode }) => [ip, ipMode].join(' '));
const nodeOf = ({ metadata }: Service): string | undefined => metadata.annotations?.[ANNOUNCED_BY];
const troubleOf = ({ status }: Service): string | undefined => {
  const found = status?.conditions?.find(({ type }) => type === LOAD_BALANCER_CONDITION);
  return found && `${found.status} ${found.reason}: ${found.message}`;
};
const only = (services: readonly Service[]): Service => services[0]!;

describe('a Service of type LoadBalancer', () => {
  it('gets an address, a node that answers for it, and the finalizer of Kubernetes', () => {
    const { services, events } = settle(viewOf([balancer('web')]));
    const web = only(services);
    expect(ipsOf(web)).toEqual([expect.stringMatching(/^192\.0\.2\.2(4[1-9]|5[0-4]) VIP$/)]);
    expect(web.metadata.finalizers).toEqual([FINALIZER]);
    expect(['a', 'b']).toContain(nodeOf(web));
    expect(troubleOf(web)).toBeUndefined();
    expect(events).toEqual([
      expect.stringMatching(/^announced [ab] 192/),
      expect.stringMatching(/^assigned 192/),
    ]);
  });

  it('has its node and finalizer before its address: agents and deletions find them', () => {
    const first = planLoadBalancers(viewOf([balancer('web')]), 0);
    expect(first?.writes.map((write) => ('subresource' in write ? write.subresource : undefined))).toEqual([
      undefined,
    ]);
  });

  it('keeps its address and its node when others come and go', () => {
    const { services } = settle(viewOf([balancer('web')]));
    const more = [...services, ...['x', 'y', 'z'].map((name) => balancer(name))];
    const later = settle(viewOf(more, { nodes: [host('a'), host('b'), host('c')] }));
    expect([ipsOf(only(later.services)), nodeOf(only(later.services))]).toEqual([
      ipsOf(only(services)),
      nodeOf(only(services)),
    ]);
  });

  it('gets the same address again when it is made anew', () => {
    const first = settle(viewOf([balancer('web')]));
    expect(ipsOf(only(settle(viewOf([balancer('web')])).services))).toEqual(ipsOf(only(first.services)));
  });

  it.each([
    ['spec.loadBalancerIP', { loadBalancerIP: '192.0.2.250' }, {}],
    ['our annotation', {}, { annotations: { 'symphony.dev/load-balancer-ip': '192.0.2.250' } }],
    ['the annotation of MetalLB', {}, { annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.250' } }],
    [
      'one address of each family',
      {},
      { annotations: { 'metallb.io/loadBalancerIPs': 'fd00::1, 192.0.2.250' } },
    ],
  ])('gets the address that %s asks for', (_, spec, metadata) => {
    expect(ipsOf(only(settle(viewOf([balancer('web', spec, metadata)])).services))).toEqual([
      '192.0.2.250 VIP',
    ]);
  });

  it('changes its address when it asks for another one', () => {
    const { services } = settle(viewOf([balancer('web')]));
    const web = only(services);
    const asks = { ...web, spec: { ...web.spec, loadBalancerIP: '192.0.2.254' } };
    const after = settle(viewOf([asks]));
    expect(ipsOf(only(after.services))).toEqual(['192.0.2.254 VIP']);
  });

  it('never gets an address that a host has', () => {
    const node = host('a');
    const nodes = [
      {
        ...node,
        status: { ...node.status, addresses: [{ type: 'InternalIP' as const, address: '192.0.2.10' }] },
      },
    ];
    const { services } = settle(viewOf([balancer('web')], { pool: ['192.0.2.10-192.0.2.11'], nodes }));
    expect(ipsOf(only(services))).toEqual(['192.0.2.11 VIP']);
  });

  it('of another class is left alone, whatever it says', () => {
    const foreign = balancer('web', { loadBalancerClass: 'example.com/cloud' }, { finalizers: [FINALIZER] });
    expect(planLoadBalancers(viewOf([foreign]), 0)).toBeUndefined();
    const deleted = {
      ...foreign,
      metadata: { ...foreign.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    };
    expect(planLoadBalancers(viewOf([deleted]), 0)).toBeUndefined();
    const own = balancer('web', { loadBalancerClass: 'symphony.dev/load-balancer' });
    expect(ipsOf(only(settle(viewOf([own])).services))).toHaveLength(1);
  });

  it.each([
    [
      'it gets another type',
      (service: Service) => ({ ...service, spec: { ...service.spec, type: 'ClusterIP' } }),
    ],
    [
      'it is deleted',
      (service: Service) => ({
        ...service,
        metadata: { ...service.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
      }),
    ],
  ])('gives its address back when %s', (_, change) => {
    const pool = ['192.0.2.250/32'];
    const { services } = settle(viewOf([balancer('web')], { pool }));
    const changed = change(only(services)) as Service;
    const after = settle(viewOf([changed, balancer('next')], { pool }));
    const [released, next] = after.services;
    expect([released?.metadata.finalizers, released && nodeOf(released)]).toEqual([undefined, undefined]);
    expect(next && ipsOf(next)).toEqual(['192.0.2.250 VIP']);
  });
});

describe('the pool', () => {
  it('gives every address of its networks and ranges once, but no network and no broadcast address', () => {
    const pool = ['192.0.2.248/29', '192.0.2.100-192.0.2.102'];
    const services = Array.from({ length: 10 }, (_, index) => balancer(`s${index}`));
    const settled = settle(viewOf(services, { pool }));
    const ips = settled.services.flatMap((service) => (ipsOf(service) ?? []) as string[]);
    expect(new Set(ips).size).toBe(9);
    expect(ips.filter((ip) => ip.startsWith('192.0.2.248 ') || ip.startsWith('192.0.2.255 '))).toEqual([]);
    const [without] = settled.services.filter((service) => ipsOf(service) === undefined);
    expect(without && troubleOf(without)).toBe(
      'False PoolExhausted: all 9 addresses of --load-balancer-pool 192.0.2.248/29,192.0.2.100-192.0.2.102 are taken: extend it, or delete a Service of type LoadBalancer',
    );
    expect(settled.events.filter((event) => event.startsWith('trouble'))).toHaveLength(1);
  });

  it.each([
    ['no pool', [], {}, /^False NoPool: .*--load-balancer-pool/],
    [
      'an address elsewhere',
      undefined,
      { loadBalancerIP: '198.51.100.1' },
      /AddressNotInPool: 198\.51\.100\.1/,
    ],
    ['no address', undefined, { loadBalancerIP: 'here' }, /InvalidAddress: "here" is not an IPv4 address/],
  ])('says why there is no address: %s', (_, pool, spec, trouble) => {
    const settled = settle(viewOf([balancer('web', spec)], pool ? { pool } : {}));
    expect(troubleOf(only(settled.services))).toMatch(trouble);
    expect(ipsOf(only(settled.services))).toBeUndefined();
    expect(settled.events).toHaveLength(1);
  });

  it('takes the trouble back once there is an address', () => {
    const short = settle(viewOf([balancer('web')], { pool: [] }));
    const after = settle(viewOf(short.services));
    expect(troubleOf(only(after.services))).toMatch(/^True Assigned/);
  });

  it('leaves an address alone that somebody else gave, where there is no pool', () => {
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] } };
    expect(planLoadBalancers(viewOf([{ ...balancer('web'), status }], { pool: [] }), 0)).toBeUndefined();
  });

  it('leaves one address to the older of two Services that say they have it', () => {
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.250', ipMode: 'VIP' }] } };
    const old = { ...balancer('old', {}, { creationTimestamp: '2026-01-01T00:00:00Z' }), status };
    const young = { ...balancer('a-young', {}, { creationTimestamp: '2026-01-02T00:00:00Z' }), status };
    const settled = settle(viewOf([young, old]));
    const [after, kept] = settled.services;
    expect(kept && ipsOf(kept)).toEqual(['192.0.2.250 VIP']);
    expect(after && ipsOf(after)).not.toEqual(['192.0.2.250 VIP']);
  });
});

describe('the node that answers', () => {
  const many = Array.from({ length: 12 }, (_, index) => balancer(`s${index}`));
  const countsOf = (services: readonly Service[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const service of services) counts[nodeOf(service) ?? ''] = (counts[nodeOf(service) ?? ''] ?? 0) + 1;
    return counts;
  };

  it('is another one for each, as evenly as can be', () => {
    const nodes = [host('a'), host('b'), host('c')];
    expect(countsOf(settle(viewOf(many, { nodes })).services)).toEqual({ a: 4, b: 4, c: 4 });
  });

  it('is replaced when it fails, and the others stay', () => {
    const nodes = [host('a'), host('b'), host('c')];
    const { services } = settle(viewOf(many, { nodes }));
    const after = settle(viewOf(services, { nodes: [host('a', { ready: false }), host('b'), host('c')] }));
    expect(countsOf(after.services)).toEqual({ b: 6, c: 6 });
    for (const [index, service] of services.entries())
      if (nodeOf(service) !== 'a') expect(nodeOf(after.services[index]!)).toBe(nodeOf(service));
  });

  it('stays when no node is ready: its kernel may still answer', () => {
    const { services } = settle(viewOf([balancer('web')]));
    const nodes = [host('a', { ready: false }), host('b', { ready: false })];
    const after = settle(viewOf(services, { nodes }));
    expect(nodeOf(only(after.services))).toBe(nodeOf(only(services)));
    expect(troubleOf(only(after.services))).toMatch(/^False NoNode/);
    expect(ipsOf(only(after.services))).toEqual(ipsOf(only(services)));
  });

  it('is one in the network of the address', () => {
    const nodes = [
      host('a', { networks: '198.51.100.0/24' }),
      host('b', { networks: `10.0.0.0/8,${NETWORK}` }),
    ];
    expect(countsOf(settle(viewOf(many, { nodes })).services)).toEqual({ b: 12 });
  });

  it('is any with a network where the address is in none: somebody routes it', () => {
    const nodes = [host('a', { networks: '198.51.100.0/24' }), host('b', { networks: '' })];
    expect(countsOf(settle(viewOf(many, { nodes })).services)).toEqual({ a: 12 });
  });

  it('is none that is excluded from load balancers', () => {
    const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
    const nodes = [host('a', { labels }), host('b')];
    expect(countsOf(settle(viewOf(many, { nodes })).services)).toEqual({ b: 12 });
  });

  it('has a ready endpoint where traffic stays local, and follows it', () => {
    const web = balancer('web', { externalTrafficPolicy: 'Local' });
    const on = (...names: readonly string[]) => ({
      endpointNodes: new Map([['default/web', new Set(names)]]),
    });
    const first = settle(viewOf([web], on('b')));
    expect(nodeOf(only(first.services))).toBe('b');
    const moved = settle(viewOf(first.services, on('a')));
    expect(nodeOf(only(moved.services))).toBe('a');
    const none = settle(viewOf([web]));
    expect([nodeOf(only(none.services)), troubleOf(only(none.services))]).toEqual([
      undefined,
      expect.stringMatching(/^False NoNode: .*externalTrafficPolicy is Local/),
    ]);
  });
});

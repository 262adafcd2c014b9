/** Builders and a small world for the tests of endpoints: plans are applied to slices in memory. */
import { seededRng } from '../../../src/base/rng.ts';
import type { Plan } from '../../../src/controllers/controller.ts';
import { planSlices, type SlicesView } from '../../../src/controllers/endpoint-slice/plan-slices.ts';
import { sliceFactOf, zonesOf } from '../../../src/controllers/endpoint-slice/pod-endpoint.ts';
import type { ZoneShares } from '../../../src/controllers/endpoint-slice/topology-hints.ts';
import type { PodFact } from '../../../src/controllers/endpoints/known-pods.ts';
import type { ServiceView } from '../../../src/controllers/endpoints/service-memory.ts';
import type { Endpoint, EndpointSlice, Node, Pod, Service } from '../../../src/schemas/types.ts';
import { aNode, aPod, type PodOptions } from '../../support/builders.ts';

export const aService = (
  spec: Partial<Service['spec']> = {},
  meta: Partial<Service['metadata']> = {},
): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'web',
    namespace: 'default',
    uid: 'uid-service-web',
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...meta,
  },
  spec: {
    clusterIP: '10.96.0.10',
    ipFamilies: ['IPv4'],
    selector: { app: 'web' },
    ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
    ...spec,
  },
});

/** A ready pod with an address, on node `n1` unless told otherwise. */
export function anEndpointPod(name: string, ip: string, options: PodOptions = {}): Pod {
  const { status, ...rest } = options;
  return aPod({
    name,
    ready: true,
    node: 'n1',
    labels: { app: 'web' },
    ...rest,
    status: { ...aPod({ ready: true, ...rest }).status, podIP: ip, podIPs: [{ ip }], ...status },
  });
}

/** The pods of a Service that nobody has reconciled before. */
export const viewOf = <F extends PodFact>(
  service: Service,
  pods: readonly Pod[],
  factOf: (pod: Pod) => F,
): ServiceView<F> => ({
  known: { service, candidates: pods, facts: pods.map(factOf) },
  last: undefined,
  trigger: undefined,
});

export interface SliceWorld {
  slices: readonly EndpointSlice[];
  /** Plans once, applies the writes, and returns the plan. */
  reconcile(
    pods: readonly Pod[],
    options?: { readonly service?: Service; readonly shares?: ZoneShares },
  ): Plan;
}

export function sliceWorld(service: Service = aService(), nodes: readonly Node[] = [aNode()]): SliceWorld {
  const rng = seededRng(1);
  const world: SliceWorld = {
    slices: [],
    reconcile(pods, { service: current = service, shares } = {}) {
      const view: SlicesView = {
        service: current,
        pods: viewOf(current, pods, (pod) => sliceFactOf(current, pod, zonesOf(nodes))),
        slices: world.slices,
        shares: () => shares,
        rng,
      };
      const plan = planSlices(view);
      const byName = new Map(world.slices.map((slice) => [slice.metadata.name, slice]));
      for (const { verb, object } of plan.writes) {
        const { name } = object.metadata;
        if (verb === 'delete') byName.delete(name);
        else byName.set(name, structuredClone(object) as EndpointSlice);
      }
      world.slices = [...byName.values()];
      return plan;
    },
  };
  return world;
}

export const endpointsIn = (slices: readonly EndpointSlice[]): readonly Endpoint[] =>
  slices.flatMap(({ endpoints }) => endpoints ?? []);

export const podNames = (slice: EndpointSlice | undefined): readonly (string | undefined)[] =>
  (slice?.endpoints ?? []).map(({ targetRef }) => targetRef?.name);

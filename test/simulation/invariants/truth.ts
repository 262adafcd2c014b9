/**
 * 11. Truth. A pod becomes ready only while its containers run on its node; no pod of a node that
 *     has been silent for long is ready; and an endpoint is ready only while its pod is.
 */
import type { EndpointSlice, Lease, Pod } from '../../../src/schemas/types.ts';
import { RECENT_MS } from '../../support/sim-ledger.ts';
import { followControlPlane, isReady, runningContainers } from './workload-facts.ts';
import type { CheckContext, Checker } from './types.ts';

/** An agent renews its Lease itself between two signs of life, and its request takes a moment. */
const BETWEEN_SIGNS_MS = 1_500;
/**
 * The Lease's grace period (40 s), a new leader's wait for the lease of a killed one (9 s), and the
 * next looks of both.
 */
const SILENCE_MS = 75_000;
/** A new leader may come this late; the endpoints follow at once then. */
const STALE_ENDPOINT_MS = 20_000;
const SLICES = 'endpointslices.discovery.k8s.io';

export const truth: Checker = {
  invariant: 11,
  attach(context) {
    const { world, report } = context;
    const { ledger, clock } = world;
    const upSince = followControlPlane(world);
    const silentOnes = checkSilentNodes(context, upSince);
    const staleOnes = checkEndpoints(context, upSince);
    /** When each container (`uid/name`) was last seen running. */
    const seenMs = new Map<string, number>();
    const look = (): void => {
      for (const { podUid, container } of runningContainers(world))
        seenMs.set(`${podUid}/${container}`, clock.now());
    };
    world.onEngine(look);

    ledger.onEvent(({ type, resource, key, object, previous }) => {
      if (resource !== 'pods' || type !== 'MODIFIED') return;
      const pod = object as Pod;
      if (!isReady(pod) || (previous && isReady(previous as Pod))) return;
      look();
      for (const { name } of pod.spec.containers) {
        const lastMs = seenMs.get(`${pod.metadata.uid ?? ''}/${name}`) ?? Number.NEGATIVE_INFINITY;
        if (clock.now() - lastMs > RECENT_MS)
          report(11, `pod ${key} became ready, but its container ${name} does not run`);
      }
    });
    return () => {
      look();
      silentOnes();
      staleOnes();
    };
  },
};

function checkSilentNodes({ world, report }: CheckContext, upSince: () => number): () => void {
  const { ledger, clock } = world;
  const heardMs = new Map<string, number>();
  ledger.onEvent(({ resource, object, type }) => {
    if (resource !== 'leases.coordination.k8s.io' || type === 'DELETED') return;
    const { metadata, spec } = object as Lease;
    const renewedMs = Date.parse(spec.renewTime ?? '');
    const node = world.nodes.find(({ name }) => name === metadata.name);
    if (node && renewedMs > node.heardAtMs + BETWEEN_SIGNS_MS)
      report(11, `the Lease of ${node.name} says that it was heard later than it was`);
    heardMs.set(metadata.name, renewedMs);
  });
  return () => {
    const sinceMs = upSince();
    for (const [key, pod] of ledger.objects<Pod>('pods')) {
      const { nodeName } = pod.spec;
      if (nodeName === undefined || !isReady(pod)) continue;
      const silentMs = clock.now() - Math.max(sinceMs, heardMs.get(nodeName) ?? 0);
      if (silentMs > SILENCE_MS)
        report(11, `pod ${key} is ready, but its node ${nodeName} has been silent for ${silentMs} ms`);
    }
  };
}

function checkEndpoints({ world, report }: CheckContext, upSince: () => number): () => void {
  const { ledger, clock } = world;
  const readyUids = ({ endpoints }: EndpointSlice): readonly string[] =>
    (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready === true)
      .flatMap(({ targetRef }) => targetRef?.uid ?? []);
  const wasReady = (uid: string): boolean => ledger.recent<Pod>(uid).some(isReady);
  /** Since when an endpoint (`slice uid`) says more than its pod. */
  const wrongSinceMs = new Map<string, number>();

  ledger.onEvent(({ type, resource, key, object, previous }) => {
    if (resource !== SLICES || type === 'DELETED') return;
    const before = new Set(previous ? readyUids(previous as EndpointSlice) : []);
    for (const uid of readyUids(object as EndpointSlice))
      if (!before.has(uid) && !wasReady(uid))
        report(11, `EndpointSlice ${key} shows pod ${uid} as ready, which it is not`);
  });
  return () => {
    const sinceMs = upSince();
    const wrong = new Set<string>();
    for (const [key, slice] of ledger.objects<EndpointSlice>(SLICES))
      for (const uid of readyUids(slice)) if (!wasReady(uid)) wrong.add(`${key} ${uid}`);
    for (const what of wrongSinceMs.keys()) if (!wrong.has(what)) wrongSinceMs.delete(what);
    for (const what of wrong) {
      const firstMs = wrongSinceMs.get(what) ?? clock.now();
      wrongSinceMs.set(what, firstMs);
      if (clock.now() - Math.max(firstMs, sinceMs) > STALE_ENDPOINT_MS)
        report(11, `EndpointSlice and pod ${what}: the endpoint stays ready, the pod is not`);
    }
  };
}

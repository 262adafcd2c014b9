/**
 * Places all pods that wait, as one plan: observe, plan, execute. It remembers between placements
 * what the cluster looks like, which pods have a place and wait for their volumes, and which were
 * refused.
 */
import type { Rng } from '../../base/rng.ts';
import type { Logger } from '../../base/logger.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Namespace, Node, Pod } from '../../schemas/types.ts';
import type { CacheEvent } from '../../store/cache/cache.ts';
import { isPending, type PlacementPlan, planPlacementIn, type Reservation } from '../plan-placement.ts';
import { nodeChangeHelps, pendingPodChanged, podChangeHelps } from '../plan-retry.ts';
import { createRefusedPods, type Help } from '../refused-pods.ts';
import { createReservedPlaces } from '../reserved-places.ts';
import { worldOf } from '../snapshot.ts';
import { type ExecutionOptions, executePlacement, executeReservations } from './execute-placement.ts';
import type { PlacementCaches } from './placement-caches.ts';

export interface PlacerOptions extends ExecutionOptions {
  readonly rng: Rng;
  readonly signal: AbortSignal;
  /** There is something to place; the key of a pod, or `*`. */
  wake(key: string): void;
}

export interface Placer {
  /** One at a time. */
  placeAll(): Promise<void>;
  /** Pods that a placement would look at. */
  waiting(): readonly Pod[];
  podChanged(event: CacheEvent<Pod>): void;
  nodeChanged(event: CacheEvent<Node>): void;
  namespaceChanged(event: CacheEvent<Namespace>): void;
  /** A claim, by its key, its volume or a class: the pod that waits for it may go on. */
  storageChanged(claim: string | undefined): void;
}

/** Name at most this many pods of a batch in the log. */
const MAX_LOGGED = 5;

export function createPlacer(options: PlacerOptions, caches: PlacementCaches): Placer {
  const { clock, rng, signal, wake } = options;
  const { pods, nodes, namespaces, storage, spreading } = caches;
  const world = worldOf({ namespaces: namespaces.list(), nodes: nodes.list(), pods: pods.list() });
  const reserved = createReservedPlaces();
  const refused = createRefusedPods();

  function waiting(): readonly Pod[] {
    const now = clock.now();
    return caches.pending().filter((pod) => !reserved.has(keyOf(pod)) && !refused.rests(keyOf(pod), now));
  }

  async function placeAll(): Promise<void> {
    const first = await takeDecided();
    const pending = waiting();
    if (pending.length === 0) return;
    const startedAt = clock.now();
    const before = refused.helps;
    const plan = planPlacementIn(pending, world, spreading(), rng, first);
    // At once: what changes a claim while the bindings are written must find its pod waiting.
    keepPlaces(plan.reservations);
    await executePlacement(options, pods, plan, signal);
    await reserve(plan.reservations);
    for (const { pod } of plan.bindings) refused.forget(keyOf(pod));
    for (const { pod } of plan.rejections) if (isAsPlanned(pod)) refused.refuse(pod, clock.now());
    // Help that came while the refusals were written is for these pods, too.
    if (refused.helps.any !== before.any) help('any');
    else if (refused.helps.storage !== before.storage) help('storage');
    logPlacement(options.logger, plan, clock.now() - startedAt);
  }

  /** Pods whose claims changed are planned again, first, as if their place were theirs no more. */
  async function takeDecided(): Promise<ReadonlySet<string>> {
    const decided = reserved.takeDecided();
    if (decided.size === 0) return decided;
    // A claim may be here before its volume is.
    await Promise.all([storage.volumes.refresh(signal), storage.claims.refresh(signal)]);
    for (const key of decided) world.podChanged(key, pods.get(key));
    return decided;
  }

  function keepPlaces(reservations: readonly Reservation[]): void {
    for (const reservation of reservations) {
      const { pod, nodeName } = reservation;
      refused.forget(keyOf(pod));
      reserved.keep(reservation);
      world.podChanged(keyOf(pod), { ...pod, spec: { ...pod.spec, nodeName } });
    }
  }

  /** Tells the binder and the provisioners what the claims get. */
  async function reserve(reservations: readonly Reservation[]): Promise<void> {
    const failed = await executeReservations(options, storage, reservations, signal);
    const isFailed = ({ pod }: Reservation): boolean => failed.has(keyOf(pod));
    const lost = new Set(reservations.filter(isFailed).flatMap(({ claims }) => claims));
    // Other pods may count on what one of them was to write for a claim of both.
    for (const { pod } of reservations.filter(({ claims }) => claims.some((claim) => lost.has(claim)))) {
      const key = keyOf(pod);
      reserved.drop(key);
      world.podChanged(key, pods.get(key));
      wake(key);
    }
  }

  /** Whether everything that decides about the pod's place is as it was when it was planned. */
  function isAsPlanned(pod: Pod): boolean {
    const object = pods.get(keyOf(pod));
    return object !== undefined && !pendingPodChanged({ type: 'MODIFIED', object, previous: pod });
  }

  function help(whom: Help): void {
    if (refused.help(whom)) wake('*');
  }

  return {
    placeAll,
    waiting,
    podChanged(event) {
      // News of a pod that has a place, and waits for its volumes.
      if (reserved.has(event.key)) {
        if (event.type === 'MODIFIED' && isPending(event.object) && !pendingPodChanged(event)) return;
        reserved.drop(event.key);
      }
      world.podChanged(event.key, event.type === 'DELETED' ? undefined : event.object);
      if (event.type === 'DELETED') refused.forget(event.key);
      if (podChangeHelps(event)) help('any');
      if (event.type === 'DELETED' || !isPending(event.object) || !pendingPodChanged(event)) return;
      refused.forget(event.key);
      wake(event.key);
    },
    nodeChanged(event) {
      world.nodeChanged(event.key, event.type === 'DELETED' ? undefined : event.object);
      if (nodeChangeHelps(event)) help('any');
    },
    namespaceChanged: ({ key, type, object }) =>
      world.namespaceChanged(key, type === 'DELETED' ? undefined : object),
    storageChanged(claim) {
      if (claim !== undefined && reserved.claimChanged(claim)) wake(claim);
      help('storage');
    },
  };
}

function logPlacement(logger: Logger, { bindings, rejections }: PlacementPlan, tookMs: number): void {
  const pods = bindings.slice(0, MAX_LOGGED).map(({ pod, nodeName }) => `${keyOf(pod)} on ${nodeName}`);
  const fields = { placed: bindings.length, refused: rejections.length, pods, tookMs };
  logger[bindings.length > 0 ? 'info' : 'debug'](fields, 'Placed pods');
}

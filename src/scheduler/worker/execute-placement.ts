/** Carries a plan out: bindings and refusals, and what claims get. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { writeEach } from '../../resources/writing/write-each.ts';
import type { BoundWriter } from '../../resources/writing/write-plan.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { StorageCaches } from '../../store/cache/storage-caches.ts';
import type { Fence } from '../../store/types.ts';
import { laterVersion } from '../../store/version.ts';
import { placementWrites, type SchedulingEvent } from '../plan-binding.ts';
import type { PlacementPlan, Reservation } from '../plan-placement.ts';

export interface ExecutionOptions {
  readonly writer: BoundWriter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fence?: Fence;
  recordEvent(event: SchedulingEvent): void;
}

/** Pods of one commit: a megabyte, some tens of milliseconds of the store's time. */
const MAX_WRITES = 500;
/** While the store carries one commit out, the next one is made. */
const PARALLEL_COMMITS = 2;

/** Writes a plan. Pods that changed or went meanwhile are left to the next plan. */
export async function executePlacement(
  { clock, writer, fence, recordEvent }: ExecutionOptions,
  pods: ResourceCache<Pod>,
  plan: PlacementPlan,
  signal: AbortSignal,
): Promise<void> {
  const batches = batchesOf(placementWrites(plan, clock.now()), MAX_WRITES);
  const newest = await mapBounded(batches, PARALLEL_COMMITS, async (batch) => {
    const outcomes = await writeEach(writer, batch, fence ? { fence } : {});
    for (const { write, refusal } of outcomes) if (refusal === undefined) recordEvent(write.event);
    return outcomes.map(({ object }) => object?.metadata.resourceVersion ?? '0').reduce(laterVersion, '0');
  });
  const last = newest.reduce(laterVersion, '0');
  if (last !== '0') await pods.waitFor(last, signal);
}

function batchesOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}

/** Writes what the claims of reservations get. Returns the pods for which that failed. */
export async function executeReservations(
  { writer, fence, logger }: ExecutionOptions,
  { claims, volumes }: StorageCaches,
  reservations: readonly Reservation[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const failed = new Set<string>();
  const writes = reservations.flatMap(({ pod, writes }) =>
    writes.map((write) => ({ ...write, verb: 'update' as const, key: keyOf(pod) })),
  );
  for (let start = 0; start < writes.length; start += MAX_WRITES) {
    const batch = writes.slice(start, start + MAX_WRITES);
    const newest = { PersistentVolume: '0', PersistentVolumeClaim: '0' };
    for (const { write, object, refusal } of await writeEach(writer, batch, fence ? { fence } : {})) {
      if (refusal) {
        failed.add(write.key);
        logger.debug({ pod: write.key, error: refusal }, 'Cannot reserve a volume; planning the pod again');
      }
      const kind = write.object.kind as keyof typeof newest;
      newest[kind] = laterVersion(newest[kind], object?.metadata.resourceVersion ?? '0');
    }
    await Promise.all([
      volumes.waitFor(newest.PersistentVolume, signal),
      claims.waitFor(newest.PersistentVolumeClaim, signal),
    ]);
  }
  return failed;
}

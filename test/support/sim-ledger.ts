/**
 * Everything that happened in a simulated store, in order, for checkers of invariants: they see
 * each change with the state before it, and what was true within the last seconds. Keeps the
 * store's own contract under its eyes, too (invariant 8): versions strictly increase, no stale
 * write is accepted, watches have no gap.
 */
import type { Clock } from '../../src/base/clock.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { MemoryData } from '../doubles/memory-store/memory-data.ts';
import type { CommitResult, StoreEvent, StoreOp } from '../../src/store/types.ts';

export interface LedgerEvent extends StoreEvent {
  readonly previous: KubeObject | undefined;
  readonly atMs: number;
}

export type Report = (invariant: number, problem: string) => void;

export interface SimLedger {
  readonly commits: number;
  /** Changes of a resource, oldest first. */
  events(resource: string): readonly LedgerEvent[];
  onEvent(listener: (event: LedgerEvent) => void): void;
  /** Every state of an object within the last `RECENT_MS` (by uid), the present one included. */
  recent<T extends KubeObject>(uid: string): readonly T[];
  objects<T extends KubeObject>(resource: string): ReadonlyMap<string, T>;
  committed(ops: readonly StoreOp[], result: CommitResult): void;
  watchCheck(resource: string, fromVersion: string): (event: StoreEvent) => void;
  /** How often the data was lost. */
  readonly losses: number;
}

/** A state may be acted upon for this long: the latency of commits, watches and queues together. */
export const RECENT_MS = 3_000;

export function createSimLedger(clock: Clock, data: MemoryData, report: Report): SimLedger {
  const logs = new Map<string, LedgerEvent[]>();
  const present = new Map<string, Map<string, KubeObject>>();
  const listeners: ((event: LedgerEvent) => void)[] = [];
  const history = new Map<string, { readonly object: KubeObject; untilMs: number }[]>();
  const previousVersions = new Map<string, string | undefined>();
  let last = 0;
  let losses = 0;
  let commits = 0;

  const logOf = (resource: string): LedgerEvent[] => {
    let log = logs.get(resource);
    if (!log) logs.set(resource, (log = []));
    return log;
  };
  const presentOf = (resource: string): Map<string, KubeObject> => {
    let objects = present.get(resource);
    if (!objects) present.set(resource, (objects = new Map()));
    return objects;
  };

  function remember(object: KubeObject, gone: boolean): void {
    const uid = object.metadata.uid ?? '';
    const nowMs = clock.now();
    const states = (history.get(uid) ?? []).filter(({ untilMs }) => nowMs - untilMs <= RECENT_MS);
    const newest = states.at(-1);
    if (newest && newest.untilMs === Number.POSITIVE_INFINITY) newest.untilMs = nowMs;
    states.push({ object, untilMs: gone ? nowMs : Number.POSITIVE_INFINITY });
    history.set(uid, states);
  }

  data.listeners.add((event) => {
    if (!event) {
      if (data.state !== undefined) return;
      losses += 1;
      present.clear();
      return;
    }
    commits += 1;
    const version = Number(event.version);
    if (version <= last)
      report(8, `version ${version} of ${event.resource} ${event.key} is not above ${last}`);
    last = Math.max(last, version);
    const objects = presentOf(event.resource);
    const previous = objects.get(event.key);
    if (event.object.metadata.resourceVersion !== event.version) {
      report(8, `${event.resource} ${event.key} was stored without its version`);
    }
    previousVersions.set(event.version, previous?.metadata.resourceVersion);
    if (event.type === 'DELETED') objects.delete(event.key);
    else objects.set(event.key, event.object);
    remember(event.object, event.type === 'DELETED');
    const entry: LedgerEvent = { ...event, previous, atMs: clock.now() };
    logOf(event.resource).push(entry);
    for (const listener of listeners) listener(entry);
  });

  return {
    get commits() {
      return commits;
    },
    get losses() {
      return losses;
    },
    events: (resource) => logOf(resource),
    onEvent: (listener) => void listeners.push(listener),
    recent<T extends KubeObject>(uid: string) {
      const nowMs = clock.now();
      return (history.get(uid) ?? [])
        .filter(({ untilMs }) => nowMs - untilMs <= RECENT_MS)
        .map(({ object }) => object as T);
    },
    objects: <T extends KubeObject>(resource: string) =>
      presentOf(resource) as unknown as ReadonlyMap<string, T>,
    committed(ops, { objects }) {
      ops.forEach((op, index) => {
        const version = objects[index]?.metadata.resourceVersion;
        if (op.type === 'check' || version === undefined) return;
        const expected = op.type === 'create' ? undefined : op.expectedVersion;
        const was = previousVersions.get(version);
        if (was !== expected) {
          report(
            8,
            `a stale ${op.type} of ${op.resource} ${op.key} was accepted: expected ${expected}, was ${was}`,
          );
        }
      });
    },
    watchCheck(resource, fromVersion) {
      const log = logOf(resource);
      let index = log.length;
      while (index > 0 && Number(log[index - 1]?.version) > Number(fromVersion)) index -= 1;
      return (event) => {
        const expected = log[index];
        index += 1;
        if (event.version !== expected?.version || event.key !== expected.key) {
          report(
            8,
            `a watch of ${resource} skipped or reordered: got ${event.version}, not ${expected?.version}`,
          );
        }
      };
    },
  };
}

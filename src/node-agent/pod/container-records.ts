/**
 * The known containers of a pod. Events, inspections and lists arrive in any order. An older answer
 * does not revive a container that has ended, and a list does not overrule what was seen after it
 * began.
 */
import type { Clock } from '../../base/clock.ts';
import type { ContainerRecord } from '../runtime/types.ts';

export interface ContainerRecordsOptions {
  readonly clock: Clock;
  /** Seen as ended for the first time. */
  onEnded(record: ContainerRecord): void;
  onGone(id: string): void;
  /** Something may have changed. */
  onChange(): void;
}

export interface ContainerRecords {
  readonly all: readonly ContainerRecord[];
  get(id: string): ContainerRecord | undefined;
  observe(record: ContainerRecord): void;
  observeGone(id: string): void;
  /** A full list of the pod's containers, begun at `listedAtMs`. */
  observeAll(listed: readonly ContainerRecord[], listedAtMs: number): void;
}

export function createContainerRecords(options: ContainerRecordsOptions): ContainerRecords {
  const { clock } = options;
  const records = new Map<string, ContainerRecord>();
  /** When a record was last touched here. */
  const touchedMs = new Map<string, number>();

  function observe(record: ContainerRecord): void {
    const before = records.get(record.id);
    if (isStale(record, before)) return;
    records.set(record.id, record);
    touchedMs.set(record.id, clock.now());
    if (record.phase === 'exited' && before?.phase !== 'exited') options.onEnded(record);
    options.onChange();
  }

  function observeGone(id: string): void {
    records.delete(id);
    touchedMs.delete(id);
    options.onGone(id);
    options.onChange();
  }

  return {
    get all() {
      return [...records.values()];
    },
    get: (id) => records.get(id),
    observe,
    observeGone,
    observeAll(listed, listedAtMs) {
      const ids = new Set(listed.map((record) => record.id));
      for (const record of listed) if ((touchedMs.get(record.id) ?? 0) <= listedAtMs) observe(record);
      for (const id of [...records.keys()]) {
        if (!ids.has(id) && (touchedMs.get(id) ?? 0) < listedAtMs) observeGone(id);
      }
      options.onChange();
    },
  };
}

function isStale(record: ContainerRecord, before: ContainerRecord | undefined): boolean {
  return (
    before?.phase === 'exited' &&
    record.phase === 'running' &&
    (record.startedAtMs ?? 0) <= (before.startedAtMs ?? 0)
  );
}

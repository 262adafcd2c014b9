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
  const known = new Map<string, { readonly record: ContainerRecord; readonly seenAtMs: number }>();

  function observe(record: ContainerRecord): void {
    const before = known.get(record.id)?.record;
    if (isStale(record, before)) return;
    known.set(record.id, { record, seenAtMs: clock.now() });
    if (record.phase === 'exited' && before?.phase !== 'exited') options.onEnded(record);
    options.onChange();
  }

  function observeGone(id: string): void {
    known.delete(id);
    options.onGone(id);
    options.onChange();
  }

  return {
    get all() {
      return [...known.values()].map(({ record }) => record);
    },
    get: (id) => known.get(id)?.record,
    observe,
    observeGone,
    observeAll(listed, listedAtMs) {
      const ids = new Set(listed.map((record) => record.id));
      for (const record of listed) {
        if ((known.get(record.id)?.seenAtMs ?? 0) <= listedAtMs) observe(record);
      }
      for (const [id, { seenAtMs }] of known) {
        if (!ids.has(id) && seenAtMs < listedAtMs) observeGone(id);
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

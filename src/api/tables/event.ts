import { eventV1Kind } from '../../schemas/kinds/event-v1.ts';
import { toStored } from '../../schemas/resource-kind.ts';
import type { Event } from '../../schemas/types.ts';
import { since } from './duration.ts';
import { column, nameColumn, type TableFormat, wide } from './types.ts';

export const eventTable: TableFormat = {
  columns: [
    column('Last Seen'),
    column('Type'),
    column('Reason'),
    column('Object'),
    wide('Subobject'),
    wide('Source'),
    column('Message'),
    wide('First Seen'),
    wide('Count'),
    { ...nameColumn, priority: 1 },
  ],
  cells(object, nowMs) {
    const event = object as Event;
    const series = event['series'] as { count?: number; lastObservedTime?: string } | undefined;
    const first = since(event.firstTimestamp ?? event.eventTime, nowMs);
    const last = event.lastTimestamp ? since(event.lastTimestamp, nowMs) : first;
    return [
      series ? since(series.lastObservedTime, nowMs) : last,
      event.type ?? '',
      event.reason ?? '',
      targetText(event),
      event.involvedObject.fieldPath ?? '',
      sourceText(event),
      (event.message ?? '').trim(),
      first,
      series?.count ?? (event.count || 1),
      event.metadata.name,
    ];
  },
};

/** The events of `events.k8s.io`: the same under other names. */
export const eventV1Table: TableFormat = {
  ...eventTable,
  cells: (object, nowMs) => eventTable.cells(toStored(eventV1Kind, object), nowMs),
};

function targetText({ involvedObject: { kind, name } }: Event): string {
  const lower = (kind ?? '').toLowerCase();
  return name ? `${lower}/${name}` : lower;
}

function sourceText(event: Event): string {
  const component = event.source?.component || (event.reportingComponent ?? '');
  const host = event.source?.host || (event.reportingInstance ?? '');
  return host === '' ? component : `${component}, ${host}`;
}

import { column, NAME, tableOf, wide } from '../../tables/columns.ts';
import { since } from '../../tables/duration.ts';
import type { Event } from '../../types.ts';

export const eventTable = tableOf(
  column('Last Seen', lastSeen),
  column('Type', 'type'),
  column('Reason', 'reason'),
  column('Object', targetText),
  wide('Subobject', 'involvedObject.fieldPath'),
  wide('Source', sourceText),
  column('Message', ({ message }: Event) => (message ?? '').trim()),
  wide('First Seen', firstSeen),
  wide('Count', (event: Event) => seriesOf(event)?.count ?? (event.count || 1)),
  { ...NAME, head: { ...NAME.head, priority: 1 } },
);

const seriesOf = (event: Event): { count?: number; lastObservedTime?: string } | undefined =>
  event['series'] as { count?: number; lastObservedTime?: string } | undefined;

function firstSeen({ firstTimestamp, eventTime }: Event, nowMs: number): string {
  return since(firstTimestamp ?? eventTime, nowMs);
}

function lastSeen(event: Event, nowMs: number): string {
  const series = seriesOf(event);
  if (series) return since(series.lastObservedTime, nowMs);
  return event.lastTimestamp ? since(event.lastTimestamp, nowMs) : firstSeen(event, nowMs);
}

function targetText({ involvedObject: { kind, name } }: Event): string {
  const lower = (kind ?? '').toLowerCase();
  return name ? `${lower}/${name}` : lower;
}

function sourceText(event: Event): string {
  const component = event.source?.component || (event.reportingComponent ?? '');
  const host = event.source?.host || (event.reportingInstance ?? '');
  return host === '' ? component : `${component}, ${host}`;
}

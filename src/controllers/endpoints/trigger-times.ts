/**
 * The time of the change that led to a write of endpoints, as upstream's annotation has it; pure.
 * Times are RFC 3339 in UTC and whole seconds, so their texts compare as they do.
 */
import type { Service } from '../../schemas/types.ts';
import type { Change, PodFact } from './known-pods.ts';

const LAST_CHANGE_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';

const createdAt = ({ metadata }: Service): string => metadata.creationTimestamp ?? '';

/**
 * The earliest change since the last reconcile, which saw the Service as `last`; at first the
 * creation of the Service.
 */
export function triggerTime(
  service: Service,
  changes: readonly Change<PodFact>[],
  last: Service | undefined,
): string | undefined {
  const created = createdAt(service);
  if (!last) return created || undefined;
  let earliest = created > createdAt(last) ? created : undefined;
  for (const { fact, before } of changes) {
    const { readySince = '' } = fact ?? {};
    if (readySince > (before?.readySince ?? '') && (earliest === undefined || readySince < earliest))
      earliest = readySince;
  }
  return earliest;
}

export function withTrigger(
  annotations: Readonly<Record<string, string>> | undefined,
  at: string | undefined,
): Record<string, string> {
  const others = { ...annotations };
  delete others[LAST_CHANGE_ANNOTATION];
  return at === undefined ? others : { ...others, [LAST_CHANGE_ANNOTATION]: at };
}

/** For copies of the annotations that have no trigger of their own. */
export const isTriggerTime = (annotation: string): boolean => annotation === LAST_CHANGE_ANNOTATION;

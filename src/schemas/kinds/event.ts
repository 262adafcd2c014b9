import { dns1123Subdomain } from '../validation/names.ts';
import { validateEvent } from '../validation/event.ts';
import { defineKind } from './define-kind.ts';

/** kube-apiserver's `--event-ttl`. */
export const EVENT_TTL_MS = 3_600_000;

export const eventKind = defineKind({
  group: '',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  applyOrder: 300,
  ttlMs: EVENT_TTL_MS,
  nameRule: dns1123Subdomain,
  fillDefaults(draft) {
    // These are always written, empty or not.
    for (const text of ['reportingComponent', 'reportingInstance']) draft[text] ??= '';
  },
  validate: validateEvent,
});

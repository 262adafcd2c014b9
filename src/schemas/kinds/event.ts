import { type NameRule, pathSegment } from '../validation/names.ts';
import { validateEvent } from '../validation/event.ts';
import { defineKind } from './define-kind.ts';

/** kube-apiserver's `--event-ttl`. */
export const EVENT_TTL_MS = 3_600_000;

/** Upstream takes any segment of a path; here a name has no power over the terminal that it is shown on. */
const eventName: NameRule = (name) => [
  ...pathSegment(name),
  ...(/\p{Cc}/u.test(name) ? ['may not contain control characters'] : []),
];

export const eventKind = defineKind({
  group: '',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  applyOrder: 300,
  ttlMs: EVENT_TTL_MS,
  nameRule: eventName,
  // Upstream asks for domains of finalizers where it validates by the rules of its core group only.
  anyFinalizer: true,
  fillDefaults(draft) {
    // These are always written, empty or not.
    for (const text of ['reportingComponent', 'reportingInstance']) draft[text] ??= '';
  },
  validate: (object) => validateEvent(object),
});

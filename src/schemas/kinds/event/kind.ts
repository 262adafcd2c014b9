import { eventTable } from './table.ts';
import { textFields } from '../../values/field-selectors.ts';
import { asRecord, asString } from '../../json-access.ts';
import { type NameRule, pathSegment } from '../../validation/names.ts';
import { validateEvent } from './validation.ts';
import { defineKind } from '../define-kind.ts';

/** kube-apiserver's `--event-ttl`. */
export const EVENT_TTL_MS = 3_600_000;

/** Upstream takes any segment of a path. Terminals would obey control characters. */
const eventName: NameRule = (name) => [
  ...pathSegment(name),
  ...(/\p{Cc}/u.test(name) ? ['may not contain control characters'] : []),
];

/** The members of the reference to an object by which its events are selected. */
export const REFERENCE = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** The component that a source names. */
export const component = (source: unknown): string => asString(asRecord(source)['component']);

export const eventKind = defineKind({
  group: '',
  kind: 'Event',
  shortNames: ['ev'],
  applyOrder: 300,
  ttlMs: EVENT_TTL_MS,
  nameRule: eventName,
  table: eventTable,
  selectable: {
    ...textFields(...REFERENCE.map((name) => `involvedObject.${name}`), 'reason', 'type'),
    reportingComponent: (event) => asString(event['reportingComponent']) || component(event['source']),
    source: (event) => component(event['source']) || asString(event['reportingComponent']),
  },
  // Upstream asks for domains of finalizers where it validates by the rules of its core group only.
  anyFinalizer: true,
  fillDefaults(draft) {
    // These are always written, empty or not.
    for (const text of ['reportingComponent', 'reportingInstance']) draft[text] ??= '';
  },
  validate: (object) => validateEvent(object),
});

/**
 * `events.k8s.io/v1` Event: the core group's events with other field names. The store keeps the
 * core's form only. Writes through this group have stricter rules.
 */
import { eventTable } from './table.ts';
import { textFields } from '../../values/field-selectors.ts';
import { asString } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { validateEvent, validateNewEvent, validateNewEventUpdate } from './validation.ts';
import { defineKind } from '../define-kind.ts';
import { EVENT_TTL_MS, component, REFERENCE } from './kind.ts';

/** Names in the core group, and here. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];
const toCore = new Map(RENAMED.map(([core, own]) => [own, core]));
const fromCore = new Map(RENAMED);

function renamed(object: KubeObject, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject {
  const members = Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value] as const);
  return { ...(Object.fromEntries(members) as unknown as KubeObject), apiVersion };
}

const seen = new WeakMap<KubeObject, KubeObject>();

const storedEvent = (object: KubeObject): KubeObject => renamed(object, toCore, 'v1');

function servedEvent(object: KubeObject): KubeObject {
  let served = seen.get(object);
  if (!served) seen.set(object, (served = renamed(object, fromCore, 'events.k8s.io/v1')));
  return served;
}

export const eventV1Kind = defineKind({
  group: 'events.k8s.io',
  kind: 'Event',
  shortNames: ['ev'],
  applyOrder: 300,
  ttlMs: EVENT_TTL_MS,
  table: { ...eventTable, cells: (object, nowMs) => eventTable.cells(storedEvent(object), nowMs) },
  selectable: {
    ...textFields(...REFERENCE.map((name) => `regarding.${name}`), 'reason', 'type'),
    reportingController: (event) =>
      asString(event['reportingController']) || component(event['deprecatedSource']),
  },
  storedAs: { group: '', version: 'v1', kind: 'Event' },
  storage: {
    resource: { group: '', plural: 'events' },
    isMain: false,
    toStored: storedEvent,
    fromStored: servedEvent,
  },
  fillDefaults(draft) {
    // The core group always writes these, empty or not.
    for (const text of ['reportingController', 'reportingInstance']) draft[text] ??= '';
  },
  validate(object, current) {
    const event = storedEvent(object);
    const errors = validateEvent(event, 'reportingController');
    return current === undefined ? [...errors, ...validateNewEvent(event)] : errors;
  },
  validateUpdate: (next, current) => validateNewEventUpdate(storedEvent(next), storedEvent(current)),
});

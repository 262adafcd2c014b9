/**
 * `events.k8s.io/v1` Event: the events of the core group under other names. The store keeps them in the core's form only; whoever
 * writes by this group meets its stricter rules.
 */
import { asRecord, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { validateEvent } from '../validation/event.ts';
import { dns1123Subdomain, qualifiedName } from '../validation/names.ts';
import { type FieldErrors, invalid, invalidAll, notSupported, required } from '../validation/report.ts';
import { defineKind } from './define-kind.ts';
import { EVENT_TTL_MS } from './event.ts';

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
  plural: 'events',
  shortNames: ['ev'],
  applyOrder: 300,
  ttlMs: EVENT_TTL_MS,
  nameRule: dns1123Subdomain,
  storedAs: { group: '', version: 'v1', kind: 'Event' },
  storage: {
    resource: { group: '', plural: 'events' },
    isMain: false,
    toStored: storedEvent,
    fromStored: servedEvent,
  },
  fillDefaults(draft) {
    // What the core group always writes, empty or not.
    for (const text of ['reportingController', 'reportingInstance']) draft[text] ??= '';
  },
  validate: (object) => [...validateEvent(storedEvent(object)), ...validateNewStyle(object)],
});

/** Upstream's limits on the texts of an event, in bytes. */
const MAX_TEXT_BYTES = 128;
const MAX_NOTE_BYTES = 1024;

function validateNewStyle(event: KubeObject): FieldErrors {
  const errors: FieldErrors = [];
  // An event in the old style has its times elsewhere, and none of the rest.
  const isOld = event['deprecatedFirstTimestamp'] ?? event['deprecatedLastTimestamp'];
  if (isOld !== undefined && isOld !== null) return errors;
  if (asString(event['eventTime']) === '') errors.push(required('eventTime'));
  const controller = asString(event['reportingController']);
  if (controller === '') errors.push(required('reportingController'));
  else errors.push(...invalidAll('reportingController', controller, qualifiedName(controller)));
  const text = (name: string): void => {
    const value = asString(event[name]);
    if (value === '') errors.push(required(name));
    else if (Buffer.byteLength(value) > MAX_TEXT_BYTES)
      errors.push(invalid(name, '', `can have at most ${MAX_TEXT_BYTES} characters`));
  };
  text('reportingInstance');
  text('action');
  text('reason');
  if (Buffer.byteLength(asString(event['note'])) > MAX_NOTE_BYTES)
    errors.push(invalid('message', '', `can have at most ${MAX_NOTE_BYTES} characters`));
  const type = asString(event['type']);
  if (type !== 'Normal' && type !== 'Warning') errors.push(notSupported('type', type, ['Normal', 'Warning']));
  const series = asRecord(event['series']);
  if (event['series'] !== undefined && typeof series['count'] === 'number' && series['count'] < 2)
    errors.push(invalid('series.count', series['count'], 'should be at least 2'));
  return errors;
}

/** Events of both groups: the newer one has more rules. Fields have the core group's names. */
import { jsonEqual } from '../../../base/json.ts';
import { words } from '../../../base/words.ts';
import { asNumber, asRecord, asString, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { immutable } from '../../validation/metadata.ts';
import { dns1123Subdomain, qualifiedName } from '../../validation/names.ts';
import {
  append,
  byteLength,
  type FieldErrors,
  invalid,
  invalidAll,
  required,
} from '../../validation/report.ts';

/** Upstream's limits on the texts of an event, in bytes. */
const MAX_TEXT_BYTES = 128;
const MAX_MESSAGE_BYTES = 1024;
const DEFAULT_NAMESPACE = 'default';

/** `controllerField` is what the group of the request calls the reporting controller. */
export function validateEvent(object: KubeObject, controllerField = 'reportingComponent'): FieldErrors {
  const namespace = asString(asRecord(object.metadata)['namespace']);
  const about = asString(asRecord(object['involvedObject'])['namespace']);
  const isNew = asString(object['eventTime']) !== '';
  const errors: FieldErrors = isAbout(about, namespace, isNew)
    ? []
    : [invalid('involvedObject.namespace', about, 'does not match event.namespace')];
  if (isNew) {
    const controller = asString(object['reportingComponent']);
    if (controller === '') errors.push(required(controllerField));
    append(errors, invalidAll(controllerField, controller, qualifiedName(controller)));
    for (const field of ['reportingInstance', 'action', 'reason']) {
      if (asString(object[field]) === '') errors.push(required(field));
      append(errors, atMost(MAX_TEXT_BYTES, object[field], field));
    }
    append(errors, atMost(MAX_MESSAGE_BYTES, object['message'], 'message'));
  }
  return [...errors, ...invalidAll('namespace', namespace, dns1123Subdomain(namespace))];
}

/** An event is in the namespace of its object, or in `default` for cluster-scoped objects. */
function isAbout(about: string, namespace: string, isNew: boolean): boolean {
  if (isNew) return about !== '' || namespace === DEFAULT_NAMESPACE || namespace === 'kube-system';
  return about === '' ? namespace === '' || namespace === DEFAULT_NAMESPACE : about === namespace;
}

const atMost = (max: number, value: unknown, path: string): FieldErrors =>
  byteLength(asString(value)) > max ? [invalid(path, '', `can have at most ${max} characters`)] : [];

/** The newer group's rules for events that are created through it. */
export function validateNewEvent(event: KubeObject): FieldErrors {
  const errors = validateSeries(event);
  if (asString(event['eventTime']) === '') errors.push(required('eventTime'));
  const type = asString(event['type']);
  if (type !== 'Normal' && type !== 'Warning') errors.push(invalid('type', '', `has invalid value: ${type}`));
  const { component, host } = asRecord(event['source']);
  for (const [field, isSet] of [
    ['firstTimestamp', !isAbsent(event['firstTimestamp'])],
    ['lastTimestamp', !isAbsent(event['lastTimestamp'])],
    ['count', (asNumber(event['count']) ?? 0) !== 0],
    ['source', asString(component) !== '' || asString(host) !== ''],
  ] as const)
    if (isSet) errors.push(invalid(field, '', 'needs to be unset'));
  return errors;
}

function validateSeries(event: KubeObject): FieldErrors {
  if (isAbsent(event['series'])) return [];
  const { count, lastObservedTime } = asRecord(event['series']);
  const errors: FieldErrors = [];
  if ((asNumber(count) ?? 0) < 2) errors.push(invalid('series.count', '', 'should be at least 2'));
  if (asString(lastObservedTime) === '') errors.push(required('series.lastObservedTime'));
  return errors;
}

const FIXED = words(`
  involvedObject reason message source firstTimestamp lastTimestamp count type eventTime action
  related
`);

/** An event of the newer group never changes, except for its series. */
export function validateNewEventUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return [
    ...(jsonEqual(next['series'], current['series']) ? [] : validateSeries(next)),
    ...FIXED.flatMap((field) => immutable(next[field], current[field], field)),
    ...immutable(next['reportingComponent'], current['reportingComponent'], 'reportingController'),
    ...immutable(next['reportingInstance'], current['reportingInstance'], 'reportingInstance'),
  ];
}

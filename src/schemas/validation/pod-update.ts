/** What of a pod may still change once it exists: almost nothing. */
import { isRecord, jsonEqual, ownMember, stableStringify } from '../../base/json.ts';
import { asList, asNumber, asRecord, asRecords, type JsonRecord, omit } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { escapeControls } from '../status.ts';
import { validateImage } from './containers.ts';
import { inRange } from './names.ts';
import { type FieldErrors, forbidden, invalid } from './report.ts';

type Fields = Readonly<JsonRecord>;

const UPDATABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

const MAX_INT32 = 2_147_483_647;
/** How many differing fields a message names. */
const MAX_SHOWN = 5;

export function validatePodUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const spec = asRecord(next['spec']);
  const old = asRecord(current['spec']);
  const errors: FieldErrors = [];
  for (const list of ['containers', 'initContainers']) {
    const [containers, before] = [asRecords(spec[list]), asRecords(old[list])];
    if (containers.length !== before.length) {
      return [...errors, forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
    }
    for (const [index, container] of containers.entries()) {
      errors.push(...validateImage(container['image'], `spec.${list}[${index}].image`));
    }
  }
  errors.push(...validateDeadline(spec['activeDeadlineSeconds'], old['activeDeadlineSeconds']));
  errors.push(...validateTolerationsUpdate(spec['tolerations'], old['tolerations']));
  if (errors.length > 0) return errors;
  const munged = withUpdatableFieldsOf(spec, old);
  if (jsonEqual(munged, old)) return [];
  const detail = `pod updates may not change fields other than ${UPDATABLE}\n${describeChanges(munged, old)}`;
  return [forbidden('spec', detail)];
}

/** `spec` with what may change put back to what it was: the rest must then be equal. */
function withUpdatableFieldsOf(spec: Fields, old: Fields): JsonRecord {
  const munged: JsonRecord = { ...spec };
  for (const list of ['containers', 'initContainers']) {
    if (spec[list] === undefined) continue;
    const before = asRecords(old[list]);
    munged[list] = asRecords(spec[list]).map((container, index) => ({
      ...container,
      image: before[index]?.['image'],
    }));
  }
  const keep = (field: string): void => {
    if (old[field] === undefined) delete munged[field];
    else munged[field] = old[field];
  };
  keep('activeDeadlineSeconds');
  keep('tolerations');
  const grace = asNumber(old['terminationGracePeriodSeconds']);
  if (grace !== undefined && grace < 0 && spec['terminationGracePeriodSeconds'] === 1) {
    keep('terminationGracePeriodSeconds');
  }
  const gates = new Set(asRecords(old['schedulingGates']).map((gate) => gate['name']));
  // Gates may go, never come.
  if (asRecords(spec['schedulingGates']).every((gate) => gates.has(gate['name']))) keep('schedulingGates');
  return munged;
}

function validateDeadline(value: unknown, oldValue: unknown): FieldErrors {
  const path = 'spec.activeDeadlineSeconds';
  const deadline = asNumber(value);
  const old = asNumber(oldValue);
  if (deadline === undefined) {
    if (old === undefined) return [];
    return [invalid(path, null, 'must not update from a positive integer to nil value')];
  }
  if (deadline < 0 || deadline > MAX_INT32) return [invalid(path, deadline, inRange(0, MAX_INT32))];
  if (old === undefined || deadline <= old) return [];
  return [invalid(path, deadline, 'must be less than or equal to previous value')];
}

function validateTolerationsUpdate(value: unknown, oldValue: unknown): FieldErrors {
  const withoutSeconds = (toleration: unknown): string => {
    return stableStringify(omit(asRecord(toleration), 'tolerationSeconds'));
  };
  const given = new Set(asList(value).map(withoutSeconds));
  if (asList(oldValue).every((toleration) => given.has(withoutSeconds(toleration)))) return [];
  const detail = 'existing toleration can not be modified except its tolerationSeconds';
  return [forbidden('spec.tolerations', detail)];
}

/** The paths that differ, for whoever has to find out what they changed. Values stay out of it. */
function describeChanges(next: unknown, old: unknown): string {
  const paths: string[] = [];
  collectChanges(next, old, 'spec', paths);
  const shown = paths.slice(0, MAX_SHOWN).map((path) => `  ${escapeControls(path)}`);
  if (paths.length > MAX_SHOWN) shown.push(`  and ${paths.length - MAX_SHOWN} more`);
  return shown.join('\n');
}

function collectChanges(next: unknown, old: unknown, path: string, paths: string[]): void {
  if (jsonEqual(next, old)) return;
  if (isRecord(next) && isRecord(old)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(next)])) {
      collectChanges(ownMember(next, key), ownMember(old, key), `${path}.${key}`, paths);
    }
  } else if (Array.isArray(next) && Array.isArray(old) && next.length === old.length) {
    for (const [index, item] of next.entries()) collectChanges(item, old[index], `${path}[${index}]`, paths);
  } else paths.push(path);
}

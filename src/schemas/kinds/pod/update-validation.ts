/** The little of a pod that may still change once it exists. */
import { isRecord, jsonEqual, ownMember, stableStringify } from '../../../base/json.ts';
import { asList, asNumber, asRecord, asRecords, asString, type Fields, omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { escapeControls } from '../../errors/status.ts';
import { inRange } from '../../validation/names.ts';
import { validatePodAnnotationsUpdate } from '../../validation/pod-annotations.ts';
import { append, type FieldErrors, forbidden, invalid, required } from '../../validation/report.ts';
import { validateTolerations } from '../../validation/scheduling.ts';
import { semanticallyEqual } from '../../validation/semantic-equality.ts';

const UPDATABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

const MAX_INT32 = 2_147_483_647;
/** A message names at most this many fields that differ. */
const MAX_SHOWN = 5;

export function validatePodUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const spec = asRecord(next['spec']);
  const old = asRecord(current['spec']);
  const errors = annotationErrors(next, current);
  for (const list of ['containers', 'initContainers']) {
    const [containers, before] = [asRecords(spec[list]), asRecords(old[list])];
    if (containers.length !== before.length)
      return [...errors, forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
    for (const [index, container] of containers.entries()) {
      if (asString(container['image']) === '') errors.push(required(`spec.${list}[${index}].image`));
    }
  }
  const deadline = validateDeadline(spec['activeDeadlineSeconds'], old['activeDeadlineSeconds']);
  append(errors, deadline.errors);
  if (deadline.isFinal) return errors;
  append(errors, validateTolerationsUpdate(spec['tolerations'], old['tolerations']));
  append(errors, validateGatesUpdate(spec['schedulingGates'], old['schedulingGates']));
  const munged = withUpdatableFieldsOf(spec, old);
  if (asList(old['schedulingGates']).length > 0) append(errors, allowGated(munged, old));
  if (semanticallyEqual(munged, old)) return errors;
  const detail = `pod updates may not change fields other than ${UPDATABLE}\n${describeChanges(munged, old)}`;
  return [...errors, forbidden('spec', detail)];
}

export function annotationErrors(next: KubeObject, current: KubeObject): FieldErrors {
  const [{ annotations }, { annotations: old }] = [asRecord(next.metadata), asRecord(current.metadata)];
  return validatePodAnnotationsUpdate(annotations, old, 'metadata.annotations');
}

/** Puts the old value of a field into the draft. */
function keep(draft: Record<string, unknown>, old: Fields, field: string): void {
  if (old[field] === undefined) delete draft[field];
  else draft[field] = old[field];
}

/** `spec` with the mutable fields reset: the rest must then be equal. */
function withUpdatableFieldsOf(spec: Fields, old: Fields): Record<string, unknown> {
  const munged: Record<string, unknown> = { ...spec };
  for (const list of ['containers', 'initContainers']) {
    if (spec[list] === undefined) continue;
    const before = asRecords(old[list]);
    munged[list] = asRecords(spec[list]).map((container, index) => ({
      ...container,
      image: before[index]?.['image'],
    }));
  }
  for (const field of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates']) keep(munged, old, field);
  const grace = asNumber(old['terminationGracePeriodSeconds']);
  if (grace !== undefined && grace < 0 && spec['terminationGracePeriodSeconds'] === 1)
    keep(munged, old, 'terminationGracePeriodSeconds');
  return munged;
}

/** `isFinal`: upstream stops after it. */
function validateDeadline(
  value: unknown,
  oldValue: unknown,
): { readonly errors: FieldErrors; readonly isFinal: boolean } {
  const path = 'spec.activeDeadlineSeconds';
  const deadline = asNumber(value);
  const old = asNumber(oldValue);
  const final = (detail: string): { errors: FieldErrors; isFinal: boolean } => ({
    errors: [invalid(path, deadline, detail)],
    isFinal: true,
  });
  if (deadline === undefined) {
    if (old === undefined) return { errors: [], isFinal: false };
    return {
      errors: [invalid(path, null, 'must not update from a positive integer to nil value')],
      isFinal: false,
    };
  }
  if (deadline < 0 || deadline > MAX_INT32) return final(inRange(0, MAX_INT32));
  if (old !== undefined && deadline > old) return final('must be less than or equal to previous value');
  return { errors: [], isFinal: false };
}

function validateTolerationsUpdate(value: unknown, oldValue: unknown): FieldErrors {
  const withoutSeconds = (toleration: unknown): string => {
    return stableStringify(omit(asRecord(toleration), 'tolerationSeconds'));
  };
  const given = new Set(asList(value).map(withoutSeconds));
  if (asList(oldValue).every((toleration) => given.has(withoutSeconds(toleration))))
    return validateTolerations(value, 'spec.tolerations');
  const detail = 'existing toleration can not be modified except its tolerationSeconds';
  return [forbidden('spec.tolerations', detail)];
}

/** Gates may be removed, never added. */
function validateGatesUpdate(gates: unknown, oldGates: unknown): FieldErrors {
  const known = new Set(asRecords(oldGates).map(({ name }) => name));
  return asRecords(gates).flatMap(({ name }, index) => {
    if (known.has(name)) return [];
    const detail = `only deletion is allowed, but found new scheduling gate '${escapeControls(asString(name))}'`;
    return [forbidden(`spec.schedulingGates[${index}].name`, detail)];
  });
}

const REQUIRED_TERMS = 'requiredDuringSchedulingIgnoredDuringExecution';

/** A gated pod is not placed yet: its placement may be narrowed. Resets that in `munged`. */
function allowGated(munged: Record<string, unknown>, old: Fields): FieldErrors {
  const errors: FieldErrors = [];
  const [selector, oldSelector] = [asRecord(munged['nodeSelector']), asRecord(old['nodeSelector'])];
  if (Object.entries(oldSelector).some(([key, value]) => selector[key] !== value)) {
    const detail = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
    errors.push(invalid('spec.nodeSelector', munged['nodeSelector'], detail));
  }
  keep(munged, old, 'nodeSelector');
  const affinity = asRecord(munged['affinity']);
  const oldAffinity = asRecord(old['affinity']);
  append(errors, validateNodeAffinityUpdate(affinity['nodeAffinity'], oldAffinity['nodeAffinity']));
  const restored: Record<string, unknown> = { ...affinity };
  keep(restored, oldAffinity, 'nodeAffinity');
  // An empty affinity equals an absent one.
  if (old['affinity'] === undefined && Object.keys(restored).length === 0) delete munged['affinity'];
  else munged['affinity'] = restored;
  return errors;
}

function validateNodeAffinityUpdate(value: unknown, oldValue: unknown): FieldErrors {
  const termsOf = (affinity: unknown): readonly Fields[] =>
    asRecords(asRecord(asRecord(affinity)[REQUIRED_TERMS])['nodeSelectorTerms']);
  const [terms, old] = [termsOf(value), termsOf(oldValue)];
  const path = `spec.affinity.nodeAffinity.${REQUIRED_TERMS}.nodeSelectorTerms`;
  if (old.length === 0) return [];
  if (terms.length !== old.length) {
    const detail = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed';
    return [invalid(path, terms, detail)];
  }
  return terms.flatMap((term, index) =>
    hasOnlyAdditions(term, old[index] ?? {})
      ? []
      : [invalid(`${path}[${index}]`, term, 'only additions are allowed (no mutations or deletions)')],
  );
}

function hasOnlyAdditions(term: Fields, old: Fields): boolean {
  const lists = ['matchExpressions', 'matchFields'];
  const isEmpty = (some: Fields): boolean => lists.every((list) => asList(some[list]).length === 0);
  // An empty term matches nothing; with an expression it would match something.
  if (isEmpty(old)) return isEmpty(term);
  return lists.every((list) => {
    const before = asList(old[list]);
    return jsonEqual(asList(term[list]).slice(0, before.length), before);
  });
}

/** The paths that differ, for the error message. Values are left out. */
function describeChanges(next: unknown, old: unknown): string {
  const paths: string[] = [];
  collectChanges(next, old, 'spec', paths);
  const shown = paths.slice(0, MAX_SHOWN).map((path) => `  ${escapeControls(path)}`);
  if (paths.length > MAX_SHOWN) shown.push(`  and ${paths.length - MAX_SHOWN} more`);
  return shown.join('\n');
}

function collectChanges(next: unknown, old: unknown, path: string, paths: string[]): void {
  if (semanticallyEqual(next, old)) return;
  if (isRecord(next) && isRecord(old)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(next)]))
      collectChanges(ownMember(next, key), ownMember(old, key), `${path}.${key}`, paths);
  } else if (Array.isArray(next) && Array.isArray(old) && next.length === old.length) {
    for (const [index, item] of next.entries()) collectChanges(item, old[index], `${path}[${index}]`, paths);
  } else paths.push(path);
}

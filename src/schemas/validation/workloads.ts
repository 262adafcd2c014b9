/** Deployments, ReplicaSets, ReplicationControllers, and pod templates. */
import { asNumber, asRecord, asString, type Fields, getPath, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { scaleIntOrPercent } from '../values/int-or-percent.ts';
import { matchesLabelSelector } from '../values/selectors.ts';
import { validateNoEphemeral } from './ephemeral-containers.ts';
import { isEmptySelector, validateLabelSelector } from './label-selector.ts';
import { immutable, validateAnnotations, validateLabels } from './metadata.ts';
import { percentText } from './names.ts';
import { nonNegative } from './numbers.ts';
import { validatePodAnnotations, validateProfileMatch } from './pod-annotations.ts';
import { validatePodSpec } from './pod-spec.ts';
import {
  type FieldErrors,
  forbidden,
  goStruct,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';

export function validateReplicaSet(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  return [
    ...nonNegative(spec['replicas'], 'spec.replicas'),
    ...nonNegative(spec['minReadySeconds'], 'spec.minReadySeconds'),
    ...validateSelectorAndTemplate(spec),
  ];
}

export function validateDeployment(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const errors = [
    ...nonNegative(spec['replicas'], 'spec.replicas'),
    ...validateSelectorAndTemplate(spec),
    ...validateStrategy(asRecord(spec['strategy'])),
    ...nonNegative(spec['minReadySeconds'], 'spec.minReadySeconds'),
    ...nonNegative(spec['revisionHistoryLimit'], 'spec.revisionHistoryLimit'),
    ...nonNegative(spec['progressDeadlineSeconds'], 'spec.progressDeadlineSeconds'),
  ];
  const deadline = asNumber(spec['progressDeadlineSeconds']);
  if (deadline !== undefined && deadline <= (asNumber(spec['minReadySeconds']) ?? 0))
    errors.push(invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  return errors;
}

export function validateSelectorUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return immutable(getPath(next, 'spec', 'selector'), getPath(current, 'spec', 'selector'), 'spec.selector');
}

/** Upstream does not compare an invalid selector with the template. */
function validateSelectorAndTemplate(spec: Fields): FieldErrors {
  const { selector } = spec;
  const errors = isAbsent(selector)
    ? [required('spec.selector')]
    : validateLabelSelector(selector, 'spec.selector');
  if (!isAbsent(selector)) {
    if (errors.length > 0) return [...errors, invalid('spec.selector', selector, 'invalid label selector')];
    if (isEmptySelector(selector))
      errors.push(invalid('spec.selector', selector, 'empty selector is invalid for deployment'));
  }
  const labels = getPath(spec, 'template', 'metadata', 'labels');
  const path = 'spec.template';
  if (!matchesLabelSelector(selector, asRecord(labels))) {
    const detail = '`selector` does not match template `labels`';
    errors.push(invalid(`${path}.metadata.labels`, labels ?? null, detail));
  }
  return [...errors, ...validateLastingTemplate(asRecord(spec['template']), path, 'ReplicaSet')];
}

/** Its selector is a plain map of labels. */
export function validateReplicationController(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const selector = asRecord(spec['selector']);
  const path = 'spec.template';
  const errors = [
    ...nonNegative(spec['minReadySeconds'], 'spec.minReadySeconds'),
    ...(Object.keys(selector).length === 0 ? [required('spec.selector')] : []),
    ...nonNegative(spec['replicas'], 'spec.replicas'),
  ];
  if (isAbsent(spec['template'])) return [...errors, required(path)];
  const labels = getPath(spec, 'template', 'metadata', 'labels');
  if (!matchesLabelSelector({ matchLabels: selector }, asRecord(labels))) {
    const detail = '`selector` does not match template `labels`';
    errors.push(invalid(`${path}.metadata.labels`, labels ?? null, detail));
  }
  return [...errors, ...validateLastingTemplate(asRecord(spec['template']), path, 'ReplicationController')];
}

export function validateTemplate(template: Fields, path: string): FieldErrors {
  const metadata = asRecord(template['metadata']);
  const spec = asRecord(template['spec']);
  return [
    ...validateLabels(metadata['labels'], `${path}.labels`),
    ...validateAnnotations(metadata['annotations'], `${path}.annotations`),
    ...validatePodAnnotations(metadata['annotations'], spec, `${path}.annotations`),
    ...validatePodSpec(spec, `${path}.spec`),
    ...validateProfileMatch(metadata['annotations'], spec, `${path}.spec`),
    ...validateNoEphemeral(spec, `${path}.spec`, 'ephemeral containers not allowed in pod template'),
  ];
}

/** A template whose pods always restart; `kind` is upstream's name of its owner. */
export function validateLastingTemplate(template: Fields, path: string, kind: string): FieldErrors {
  const spec = asRecord(template['spec']);
  const errors = validateTemplate(template, path);
  const policy = asString(spec['restartPolicy']);
  if (policy !== 'Always') errors.push(notSupported(`${path}.spec.restartPolicy`, policy, ['Always']));
  if (!isAbsent(spec['activeDeadlineSeconds'])) {
    const detail = `activeDeadlineSeconds in ${kind} is not Supported`;
    errors.push(forbidden(`${path}.spec.activeDeadlineSeconds`, detail));
  }
  return errors;
}

function validateStrategy(strategy: Fields): FieldErrors {
  const { type, rollingUpdate } = strategy;
  const path = 'spec.strategy';
  if (type === 'Recreate') {
    if (isAbsent(rollingUpdate)) return [];
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    return [forbidden(`${path}.rollingUpdate`, detail)];
  }
  if (type !== 'RollingUpdate')
    return [notSupported(path, goStruct(strategy, ['type', 'rollingUpdate']), ['Recreate', 'RollingUpdate'])];
  if (isAbsent(rollingUpdate))
    return [required(`${path}.rollingUpdate`, 'this should be defaulted and never be nil')];
  const { maxUnavailable, maxSurge } = asRecord(rollingUpdate);
  const at = `${path}.rollingUpdate`;
  const errors = [
    ...validateIntOrPercent(maxUnavailable, `${at}.maxUnavailable`),
    ...validateIntOrPercent(maxSurge, `${at}.maxSurge`),
  ];
  if (isNothing(maxUnavailable) && isNothing(maxSurge)) {
    const detail = 'may not be 0 when `maxSurge` is 0';
    errors.push(invalid(`${at}.maxUnavailable`, maxUnavailable, detail));
  }
  if ((scaleIntOrPercent(maxUnavailable, 100, 'up') ?? 0) > 100 && typeof maxUnavailable === 'string')
    errors.push(invalid(`${at}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%'));
  return errors;
}

/** Text that is no number counts as 0, as upstream reads it. */
const isNothing = (value: unknown): boolean =>
  (scaleIntOrPercent(value, 100, 'up') ?? (Number(value) || 0)) === 0;

/** A count that is not negative, or a percentage. */
export function validateIntOrPercent(value: unknown, path: string): FieldErrors {
  if (typeof value === 'string') return invalidAll(path, value, percentText(value));
  return nonNegative(value, path);
}

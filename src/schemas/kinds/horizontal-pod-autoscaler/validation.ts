/** HorizontalPodAutoscalers, in the form of `autoscaling/v2`. */
import { printable } from '../../../base/printable.ts';
import { asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../../json-access.ts';
import { type KubeObject, parseApiVersion } from '../../object.ts';
import { formatQuantity, parseQuantity } from '../../values/quantity.ts';
import { dns1123Label, pathSegment } from '../../validation/names.ts';
import { NOT_NEGATIVE, nonNegative, positive } from '../../validation/numbers.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  notSupported,
  required,
} from '../../validation/report.ts';
import { containerResourceName } from '../../validation/resources.ts';
import { optionalWord, requiredText } from '../../validation/texts.ts';

const MAX_PERIOD_SECONDS = 1800;
const MAX_WINDOW_SECONDS = 3600;
const GREATER_THAN_ZERO = 'must be greater than zero';

const specOf = (object: KubeObject | undefined): Fields => asRecord(object?.['spec']);
const atMost = (limit: number): string => `must be less than or equal to ${limit}`;
const atLeast = (limit: number): string => `must be greater than or equal to ${limit}`;

export function validateAutoscaler(object: KubeObject, current?: KubeObject): FieldErrors {
  const spec = specOf(object);
  const min = asNumber(spec['minReplicas']);
  const max = asNumber(spec['maxReplicas']) ?? 0;
  // An autoscaler that was allowed to scale to zero may stay.
  const lowest = specOf(current)['minReplicas'] === 0 ? 0 : 1;
  const errors: FieldErrors = [];
  if (min !== undefined && min < lowest) errors.push(invalid('spec.minReplicas', min, atLeast(lowest)));
  if (max === 0) errors.push(required('spec.maxReplicas', 'must be set and greater than 0'));
  else if (max < 1) errors.push(invalid('spec.maxReplicas', max, atLeast(1)));
  if (min !== undefined && max < min)
    errors.push(invalid('spec.maxReplicas', max, 'must be greater than or equal to `minReplicas`'));
  append(errors, validateTarget(spec, current));
  append(errors, validateMetrics(spec, current));
  for (const rules of ['scaleUp', 'scaleDown'])
    append(errors, validateRules(asRecord(spec['behavior'])[rules], `spec.behavior.${rules}`));
  return errors;
}

export function validateAutoscalerStatus(next: KubeObject): FieldErrors {
  const status = asRecord(next['status']);
  return ['currentReplicas', 'desiredReplicas'].flatMap((field) =>
    nonNegative(status[field], `status.${field}`),
  );
}

interface VersionRule {
  /** The group may be the core group. */
  readonly mayBeCore: boolean;
  /** An unchanged version is not validated: it was accepted before. */
  readonly isKept: boolean;
}

function validateTarget(spec: Fields, current: KubeObject | undefined): FieldErrors {
  const target = asRecord(spec['scaleTargetRef']);
  const old = asRecord(specOf(current)['scaleTargetRef']);
  const isKept =
    current !== undefined && old['apiVersion'] === target['apiVersion'] && old['kind'] === target['kind'];
  // The only kind of the core group that can be scaled.
  const mayBeCore = target['kind'] === 'ReplicationController';
  return validateReference(target, 'spec.scaleTargetRef', { isKept, mayBeCore });
}

function validateReference(reference: Fields, path: string, { mayBeCore, isKept }: VersionRule): FieldErrors {
  const errors = ['kind', 'name'].flatMap((field) =>
    requiredText(reference[field], `${path}.${field}`, pathSegment),
  );
  const apiVersion = asString(reference['apiVersion']);
  const problem = isKept ? undefined : versionProblem(apiVersion, mayBeCore);
  return problem === undefined ? errors : [...errors, invalid(`${path}.apiVersion`, apiVersion, problem)];
}

function versionProblem(apiVersion: string, mayBeCore: boolean): string | undefined {
  if (apiVersion.split('/').length > 2) return `unexpected GroupVersion string: ${printable(apiVersion)}`;
  const { group } = parseApiVersion(apiVersion);
  return group === '' && !mayBeCore ? 'apiVersion must specify API group' : undefined;
}

function validateMetrics(spec: Fields, current: KubeObject | undefined): FieldErrors {
  const metrics = asRecords(spec['metrics']);
  const describes = asRecords(specOf(current)['metrics']).map(
    (metric) => asRecord(asRecord(metric['object'])['describedObject'])['apiVersion'],
  );
  const isKept = describes.some((version) => versionProblem(asString(version), true) !== undefined);
  const errors = metrics.flatMap((metric, index) =>
    validateMetric(metric, indexed('spec.metrics', index), isKept),
  );
  const scalesFromZero = metrics.some(({ type }) => type === 'Object' || type === 'External');
  if (spec['minReplicas'] === 0 && !scalesFromZero)
    errors.push(
      forbidden(
        'spec.metrics',
        'must specify at least one Object or External metric to support scaling to zero replicas',
      ),
    );
  return errors;
}

/** The member of each type of metric, in the order in which upstream looks for them. */
export const METRIC_SOURCES: Readonly<Record<string, string>> = {
  Object: 'object',
  External: 'external',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
};
const TYPES = Object.keys(METRIC_SOURCES).sort();

function validateMetric(metric: Fields, path: string, isKept: boolean): FieldErrors {
  const errors: FieldErrors = [];
  const type = asString(metric['type']);
  const expected = Object.hasOwn(METRIC_SOURCES, type) ? METRIC_SOURCES[type] : undefined;
  const unknown = (): FieldErrors =>
    expected === undefined ? [notSupported(`${path}.type`, type, TYPES)] : [];
  if (type === '') errors.push(required(`${path}.type`, 'must specify a metric source type'));
  append(errors, unknown());
  const present = Object.values(METRIC_SOURCES).filter((source) => !isAbsent(metric[source]));
  const [first] = present;
  if (first !== undefined)
    append(errors, validateSource(first, asRecord(metric[first]), `${path}.${first}`, isKept));
  if (expected !== undefined && !present.includes(expected))
    errors.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  append(errors, unknown());
  if (present.length !== 1)
    for (const source of present.filter((name) => name !== expected))
      errors.push(forbidden(`${path}.${source}`, 'must populate the given metric source only'));
  return errors;
}

function validateSource(type: string, source: Fields, path: string, isKept: boolean): FieldErrors {
  const target = asRecord(source['target']);
  const has = (field: string): boolean => !isAbsent(target[field]);
  const errors: FieldErrors = [];
  const complain = (
    isWrong: boolean,
    field: string,
    detail: string,
    make: typeof forbidden = required,
  ): void => {
    if (isWrong) errors.push(make(`${path}.target.${field}`, detail));
  };
  append(errors, validateSubject(type, source, path, isKept));
  append(errors, validateMetricTarget(target, `${path}.target`));
  const hasValue = has('value') || has('averageValue');
  switch (type) {
    case 'object':
      complain(!hasValue, 'averageValue', 'must set either a target value or averageValue');
      break;
    case 'external':
      complain(!hasValue, 'averageValue', 'must set either a target value for metric or a per-pod target');
      complain(
        has('value') && has('averageValue'),
        'value',
        'may not set both a target value for metric and a per-pod target',
        forbidden,
      );
      break;
    case 'pods':
      complain(!has('averageValue'), 'averageValue', 'must specify a positive target averageValue');
      break;
    default: {
      const both = has('averageUtilization') && has('averageValue');
      const none = !has('averageUtilization') && !has('averageValue');
      complain(none, 'averageUtilization', 'must set either a target raw value or a target utilization');
      complain(
        both,
        'averageValue',
        'may not set both a target raw value and a target utilization',
        forbidden,
      );
    }
  }
  return errors;
}

/** The metric and the object that it is about. */
function validateSubject(type: string, source: Fields, path: string, isKept: boolean): FieldErrors {
  const name = asString(source['name']);
  switch (type) {
    case 'resource':
      return name === '' ? [required(`${path}.name`, 'must specify a resource name')] : [];
    case 'containerResource': {
      const container = asString(source['container']);
      return [
        ...(name === ''
          ? [required(`${path}.name`, 'must specify a resource name')]
          : containerResourceName(name, `${path}.name`)),
        ...(container === ''
          ? [required(`${path}.container`, 'must specify a container')]
          : invalidAll(`${path}.container`, container, dns1123Label(container))),
      ];
    }
    default: {
      const metric = asString(asRecord(source['metric'])['name']);
      const at = `${path}.metric.name`;
      const described =
        type === 'object'
          ? validateReference(asRecord(source['describedObject']), `${path}.describedObject`, {
              isKept,
              mayBeCore: true,
            })
          : [];
      const named =
        metric === ''
          ? [required(at, 'must specify a metric name')]
          : invalidAll(at, metric, pathSegment(metric));
      return [...described, ...named];
    }
  }
}

const TARGET_TYPES = ['Utilization', 'Value', 'AverageValue'];

function validateMetricTarget(target: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const type = asString(target['type']);
  if (type === '') errors.push(required(`${path}.type`, 'must specify a metric target type'));
  if (!TARGET_TYPES.includes(type))
    errors.push(invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue']) {
    const quantity = parseQuantity(target[field]);
    if (quantity && quantity.nanos <= 0n)
      errors.push(invalid(`${path}.${field}`, formatQuantity(quantity), 'must be positive'));
  }
  return [...errors, ...positive(target['averageUtilization'], `${path}.averageUtilization`)];
}

const SELECT_POLICIES = ['Disabled', 'Max', 'Min'];

function validateRules(value: unknown, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const rules = asRecord(value);
  const window = asNumber(rules['stabilizationWindowSeconds']) ?? 0;
  const errors: FieldErrors = [];
  const at = `${path}.stabilizationWindowSeconds`;
  if (window < 0) errors.push(invalid(at, window, 'must be greater than or equal to zero'));
  if (window > MAX_WINDOW_SECONDS) errors.push(invalid(at, window, atMost(MAX_WINDOW_SECONDS)));
  append(errors, optionalWord(rules['selectPolicy'], `${path}.selectPolicy`, SELECT_POLICIES));
  const policies = asRecords(rules['policies']);
  if (policies.length === 0) errors.push(required(`${path}.policies`, 'must specify at least one Policy'));
  for (const [index, policy] of policies.entries())
    append(errors, validatePolicy(policy, indexed(`${path}.policies`, index)));
  const tolerance = parseQuantity(rules['tolerance']);
  if (tolerance && tolerance.nanos < 0n)
    errors.push(invalid(`${path}.tolerance`, formatQuantity(tolerance), NOT_NEGATIVE));
  return errors;
}

function validatePolicy(policy: Fields, path: string): FieldErrors {
  const type = asString(policy['type']);
  const [value, period] = [asNumber(policy['value']) ?? 0, asNumber(policy['periodSeconds']) ?? 0];
  const errors: FieldErrors = [];
  if (type !== 'Pods' && type !== 'Percent')
    errors.push(notSupported(`${path}.type`, type, ['Percent', 'Pods']));
  if (value <= 0) errors.push(invalid(`${path}.value`, value, GREATER_THAN_ZERO));
  if (period <= 0) errors.push(invalid(`${path}.periodSeconds`, period, GREATER_THAN_ZERO));
  if (period > MAX_PERIOD_SECONDS)
    errors.push(invalid(`${path}.periodSeconds`, period, atMost(MAX_PERIOD_SECONDS)));
  return errors;
}

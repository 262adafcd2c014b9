/** Validation of StatefulSets, as upstream's. Claims are validated as if they were made. */
import { jsonEqual } from '../../../base/json.ts';
import {
  asList,
  asRecord,
  asRecords,
  asString,
  type Fields,
  getPath,
  isAbsent,
  omit,
} from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { percentOf } from '../../values/int-or-percent.ts';
import { matchesLabelSelector } from '../../values/selectors.ts';
import { isEmptySelector, validateLabelSelector } from '../../validation/label-selector.ts';
import { dns1123Label } from '../../validation/names.ts';
import { nonNegative } from '../../validation/numbers.ts';
import {
  type FieldErrors,
  forbidden,
  goStruct,
  indexed,
  invalid,
  notSupported,
  required,
} from '../../validation/report.ts';
import { validateVolumeClaim } from '../../validation/storage.ts';
import { optionalText } from '../../validation/texts.ts';
import { validateIntOrPercent, validateLastingTemplate } from '../../validation/workloads.ts';
import { validateCollisions, validateCounts } from '../../validation/workload-status.ts';

export function validateStatefulSet(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const start = asRecord(spec['ordinals'])['start'];
  return [
    ...validatePolicy(spec['podManagementPolicy']),
    ...validateStrategy(asRecord(spec['updateStrategy'])),
    ...validateRetention(asRecord(spec['persistentVolumeClaimRetentionPolicy'])),
    ...nonNegative(spec['replicas'], 'spec.replicas'),
    ...nonNegative(spec['minReadySeconds'], 'spec.minReadySeconds'),
    ...nonNegative(start, 'spec.ordinals.start'),
    ...optionalText(spec['serviceName'], 'spec.serviceName', dns1123Label),
    ...validateSelector(spec['selector']),
    ...validateClaims(spec),
    ...validateTemplate(spec),
  ];
}

function validatePolicy(policy: unknown): FieldErrors {
  if (policy === 'OrderedReady' || policy === 'Parallel') return [];
  return [invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'")];
}

function validateStrategy(strategy: Fields): FieldErrors {
  const { type, rollingUpdate } = strategy;
  const path = 'spec.updateStrategy';
  const rolling = asRecord(rollingUpdate);
  const shown = goStruct(rolling, ['partition', 'maxUnavailable'], { partition: 0 });
  if (type === 'OnDelete') {
    if (isAbsent(rollingUpdate)) return [];
    return [invalid(`${path}.rollingUpdate`, shown, "only allowed for updateStrategy 'RollingUpdate'")];
  }
  if (type !== 'RollingUpdate') {
    const whole = { type, rollingUpdate: isAbsent(rollingUpdate) ? null : shown };
    return [
      invalid(path, goStruct(whole, ['type', 'rollingUpdate']), "must be 'RollingUpdate' or 'OnDelete'"),
    ];
  }
  return [
    ...nonNegative(rolling['partition'], `${path}.rollingUpdate.partition`),
    ...validateUnavailable(rolling['maxUnavailable'], `${path}.rollingUpdate.maxUnavailable`),
  ];
}

function validateUnavailable(value: unknown, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const errors = validateIntOrPercent(value, path);
  const amount = percentOf(value) ?? (Number(value) || 0);
  if (amount === 0) errors.push(invalid(path, value, 'cannot be 0'));
  if (typeof value === 'string' && amount > 100)
    errors.push(invalid(path, value, 'must not be greater than 100%'));
  return errors;
}

const RETENTION = ['Retain', 'Delete'];

function validateRetention(policy: Fields): FieldErrors {
  return ['whenDeleted', 'whenScaled']
    .filter((field) => !RETENTION.includes(asString(policy[field])))
    .map((field) =>
      notSupported(`spec.persistentVolumeClaimRetentionPolicy.${field}`, policy[field], RETENTION),
    );
}

function validateSelector(selector: unknown): FieldErrors {
  const path = 'spec.selector';
  if (isAbsent(selector)) return [required(path)];
  const errors = validateLabelSelector(selector, path);
  if (isEmptySelector(selector))
    errors.push(invalid(path, selector, 'empty selector is invalid for statefulset'));
  return errors;
}

function validateClaims(spec: Fields): FieldErrors {
  return asRecords(spec['volumeClaimTemplates']).flatMap((claim, index) =>
    validateVolumeClaim(claim as KubeObject).map((error) => ({
      ...error,
      path: `${indexed('spec.volumeClaimTemplates', index)}.${error.path}`,
    })),
  );
}

/** Upstream does not compare the template if the selector cannot be read. */
function validateTemplate(spec: Fields): FieldErrors {
  const { selector } = spec;
  const path = 'spec.template';
  const template = asRecord(spec['template']);
  if (!isAbsent(selector) && validateLabelSelector(selector, 'spec.selector').length > 0)
    return [invalid('spec.selector', selector, '')];
  const errors: FieldErrors = [];
  const labels = getPath(template, 'metadata', 'labels');
  if (!matchesLabelSelector(selector, asRecord(labels))) {
    const detail = '`selector` does not match template `labels`';
    errors.push(invalid(`${path}.metadata.labels`, labels ?? null, detail));
  }
  return [...errors, ...validateLastingTemplate(withClaims(spec, template), path, 'StatefulSet')];
}

/**
 * The template as its pods have it: with a volume for each claim, in the place of its namesake.
 * The controller names these volumes, and replaces those of the template.
 */
function withClaims(spec: Fields, template: Fields): Fields {
  const names = asRecords(spec['volumeClaimTemplates']).map(({ metadata }) =>
    asString(asRecord(metadata)['name']),
  );
  const pod = omit(asRecord(template['spec']), 'hostname', 'subdomain');
  if (names.length === 0) return { ...template, spec: pod };
  const claims = [...new Set(names)].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const own = asList(pod['volumes']).filter((volume) => !names.includes(asString(asRecord(volume)['name'])));
  return { ...template, spec: { ...pod, volumes: [...claims, ...own] } };
}

const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

export const FIELDS_ARE_FIXED = 'updates to statefulset spec for fields other than';

export function validateStatefulSetUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const fixed = ({ spec }: KubeObject): Fields => omit(asRecord(spec), ...MUTABLE);
  if (jsonEqual(fixed(next), fixed(current))) return [];
  const names = MUTABLE.map((name) => `'${name}'`);
  const list = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  return [forbidden('spec', `${FIELDS_ARE_FIXED} ${list} are forbidden`)];
}

const PARTS = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'];

export function validateStatefulSetStatus(next: KubeObject, current: KubeObject): FieldErrors {
  const counted = ['replicas', ...PARTS, 'observedGeneration', 'collisionCount'];
  return [
    ...validateCounts(asRecord(next['status']), counted, PARTS, 'status.readyReplicas'),
    ...validateCollisions(next, current),
  ];
}

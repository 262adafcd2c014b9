/** LimitRanges and ResourceQuotas. */
import { ownMember } from '../../base/json.ts';
import { asList, asRecord, asRecords, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { compareQuantities, formatQuantity, parseQuantity } from '../quantity.ts';
import { qualifiedName } from './names.ts';
import { duplicate, type FieldErrors, indexed, invalid, invalidAll, keyed, required } from './report.ts';
import { validateQuantity } from './resources.ts';

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
const QUOTA_NAMES = new Set([
  ...COMPUTE,
  ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  'requests.storage',
  'storage',
  'pods',
  'services',
  'services.nodeports',
  'services.loadbalancers',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
]);
const SCOPES = [
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
];

export function validateResourceQuota(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const errors: FieldErrors = [];
  for (const [name, value] of Object.entries(asRecord(spec['hard']))) {
    const path = keyed('spec.hard', name);
    errors.push(...validateQuotaName(name, path), ...validateQuantity(name, value, path));
  }
  const scopes = asList(spec['scopes']);
  if (scopes.some((scope) => !SCOPES.includes(asString(scope))))
    errors.push(invalid('spec.scopes', scopes, 'unsupported scope'));
  return errors;
}

function validateQuotaName(name: string, path: string): FieldErrors {
  const errors = invalidAll(path, name, qualifiedName(name));
  if (
    errors.length > 0 ||
    name.includes('/') ||
    QUOTA_NAMES.has(name) ||
    /^(requests\.)?hugepages-/.test(name)
  )
    return errors;
  return [
    invalid(path, name, 'must be a standard resource type or fully qualified'),
    invalid(path, name, 'must be a standard resource for quota'),
  ];
}

export function validateLimitRange(object: KubeObject): FieldErrors {
  const errors: FieldErrors = [];
  const types = new Set<string>();
  for (const [index, limit] of asRecords(asRecord(object['spec'])['limits']).entries()) {
    const path = indexed('spec.limits', index);
    const type = asString(limit['type']);
    errors.push(...invalidAll(`${path}.type`, type, qualifiedName(type)));
    if (types.has(type)) errors.push(duplicate(`${path}.type`, type));
    types.add(type);
    errors.push(...validateLimit(limit, path, type));
  }
  return errors;
}

/** From the smallest to the largest, as far as they are given. */
const ORDER = ['min', 'defaultRequest', 'default', 'max'] as const;

function validateLimit(limit: Readonly<Record<string, unknown>>, path: string, type: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const field of [...ORDER, 'maxLimitRequestRatio'])
    for (const [name, value] of Object.entries(asRecord(limit[field])))
      errors.push(...validateQuantity(name, value, keyed(`${path}.${field}`, name)));
  if (errors.length > 0) return errors;
  if (
    type === 'PersistentVolumeClaim' &&
    !('storage' in asRecord(limit['min'])) &&
    !('storage' in asRecord(limit['max']))
  )
    errors.push(
      required(
        `${path}.limits`,
        'either minimum or maximum storage value is required, but neither was provided',
      ),
    );
  for (const [at, low] of ORDER.entries()) {
    for (const high of ORDER.slice(at + 1)) {
      for (const [name, value] of Object.entries(asRecord(limit[low]))) {
        const [a, b] = [parseQuantity(value), parseQuantity(ownMember(asRecord(limit[high]), name))];
        if (!a || !b || compareQuantities(a, b) <= 0) continue;
        const detail = `${low} value ${formatQuantity(a)} is greater than ${high} value ${formatQuantity(b)}`;
        errors.push(invalid(keyed(`${path}.${low}`, name), formatQuantity(a), detail));
      }
    }
  }
  return errors;
}

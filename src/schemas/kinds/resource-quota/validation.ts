/** ResourceQuotas: names and amounts, and the scopes that they are for. */
import { jsonEqual } from '../../../base/json.ts';
import { words } from '../../../base/words.ts';
import { asList, asRecord, asRecords, asString, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { FIELD_IS_IMMUTABLE } from '../../validation/metadata.ts';
import { append, type FieldErrors, invalid, keyed, required } from '../../validation/report.ts';
import { isStandardResource, validateQuantity, validateResourceName } from '../../validation/resources.ts';

/** The resources that the pods of a scope can use. */
const COMPUTE_QUOTAS = new Set(words('cpu memory limits.cpu limits.memory requests.cpu requests.memory'));
const CLAIM_QUOTAS = new Set(['persistentvolumeclaims', 'requests.storage']);
const isComputeQuota = (name: string): boolean => name === 'pods' || COMPUTE_QUOTAS.has(name);

/** Scopes, and the resources that each can restrict. */
const SCOPES: ReadonlyMap<string, (resource: string) => boolean> = new Map([
  ['Terminating', isComputeQuota],
  ['NotTerminating', isComputeQuota],
  ['BestEffort', (name: string) => name === 'pods'],
  ['NotBestEffort', isComputeQuota],
  ['PriorityClass', isComputeQuota],
  ['CrossNamespacePodAffinity', isComputeQuota],
  ['VolumeAttributesClass', (name: string) => CLAIM_QUOTAS.has(name)],
]);
/** Nothing is in both. */
const OPPOSITES = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;
/** These are or are not; they have no values to be in. */
const WITHOUT_VALUES = new Set([
  'BestEffort',
  'NotBestEffort',
  'Terminating',
  'NotTerminating',
  'CrossNamespacePodAffinity',
]);
const ONLY_EXISTS =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

export function validateResourceQuota(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const restricted = Object.keys(asRecord(spec['hard'])).filter(isQuotaResource);
  return [
    ...validateAmounts(spec['hard'], 'spec.hard'),
    ...validateScopes(asList(spec['scopes']), restricted),
    ...validateScopeSelector(spec['scopeSelector'], restricted, spec['scopes'] ?? null),
  ];
}

const isQuotaResource = (name: string): boolean => name !== 'storage' && isStandardResource(name);

function validateAmounts(amounts: unknown, path: string): FieldErrors {
  return Object.entries(asRecord(amounts)).flatMap(([name, value]) => {
    const at = keyed(path, name);
    return [...validateQuotaName(name, at), ...validateQuantity(name, value, at)];
  });
}

function validateQuotaName(name: string, path: string): FieldErrors {
  const errors = validateResourceName(name, path);
  if (name.includes('/') || isQuotaResource(name)) return errors;
  return [...errors, invalid(path, name, 'must be a standard resource for quota')];
}

function validateScopes(scopes: readonly unknown[], restricted: readonly string[]): FieldErrors {
  const path = 'spec.scopes';
  const errors = scopes.flatMap((scope) => [
    ...(SCOPES.has(asString(scope)) ? [] : [invalid(path, scopes, 'unsupported scope')]),
    ...misapplied(scope, restricted, path, scopes),
  ]);
  return [...errors, ...conflicting(new Set(scopes), path, scopes)];
}

const misapplied = (
  scope: unknown,
  restricted: readonly string[],
  path: string,
  shown: unknown,
): FieldErrors => {
  const canRestrict = SCOPES.get(asString(scope));
  // One complaint tells as much as one for each resource.
  return canRestrict === undefined || restricted.every(canRestrict)
    ? []
    : [invalid(path, shown, 'unsupported scope applied to resource')];
};

const conflicting = (scopes: ReadonlySet<unknown>, path: string, shown: unknown): FieldErrors =>
  OPPOSITES.flatMap((pair) =>
    pair.every((scope) => scopes.has(scope)) ? [invalid(path, shown, 'conflicting scopes')] : [],
  );

function validateScopeSelector(
  selector: unknown,
  restricted: readonly string[],
  shownScopes: unknown,
): FieldErrors {
  if (isAbsent(selector)) return [];
  const path = 'spec.scopeSelector.matchExpressions';
  const expressions = asRecords(asRecord(selector)['matchExpressions']);
  const errors: FieldErrors = [];
  for (const { scopeName, operator, values } of expressions) {
    const [scope, relation] = [asString(scopeName), asString(operator)];
    if (!SCOPES.has(scope)) errors.push(invalid(`${path}.scopeName`, scope, 'unsupported scope'));
    append(errors, misapplied(scope, restricted, path, selector));
    if (WITHOUT_VALUES.has(scope) && relation !== 'Exists')
      errors.push(invalid(`${path}.operator`, relation, ONLY_EXISTS));
    append(errors, validateScopeValues(relation, asList(values), path));
  }
  const scopes = new Set(expressions.map(({ scopeName }) => scopeName));
  return [...errors, ...conflicting(scopes, path, shownScopes)];
}

function validateScopeValues(operator: string, values: readonly unknown[], path: string): FieldErrors {
  switch (operator) {
    case 'In':
    case 'NotIn': {
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      return values.length > 0 ? [] : [required(`${path}.values`, detail)];
    }
    case 'Exists':
    case 'DoesNotExist': {
      const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      return values.length === 0 ? [] : [invalid(`${path}.values`, values, detail)];
    }
    default:
      return [invalid(`${path}.operator`, operator, 'not a valid selector operator')];
  }
}

export function validateResourceQuotaUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const scopesOf = (object: KubeObject): readonly unknown[] => asList(asRecord(object['spec'])['scopes']);
  const sorted = (object: KubeObject): unknown => [...new Set(scopesOf(object))].sort();
  if (jsonEqual(sorted(next), sorted(current))) return [];
  return [invalid('spec.scopes', asRecord(next['spec'])['scopes'] ?? null, FIELD_IS_IMMUTABLE)];
}

export function validateResourceQuotaStatus(next: KubeObject): FieldErrors {
  const { hard, used } = asRecord(next['status']);
  return [...validateAmounts(hard, 'status.hard'), ...validateAmounts(used, 'status.used')];
}

/** Upstream's validation of CustomResourceDefinitions; webhooks are refused in our own words. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { immutable } from '../validation/metadata.ts';
import { dns1035Label } from '../validation/names.ts';
import {
  append,
  byteLength,
  duplicate,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  notSupported,
  required,
  tooMany,
} from '../validation/report.ts';
import { requiredWord } from '../validation/texts.ts';
import { isTrue } from './definition.ts';
import { versionsForm } from './internal-form.ts';
import { MAX_PATTERN_CHARS, patternChars } from './patterns.ts';
import { memberSchema, readSchema, type StructuralSchema } from './structural-schema.ts';
import { NAMES, validateApproval, validateGroup, validateName, validateNames } from './validate-identity.ts';
import { validateSchema } from './validate-schema.ts';
import { validateWebhook } from './validate-webhook.ts';

const SCOPES = ['Cluster', 'Namespaced'];
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
/** Upstream's limit on fields that a version can be selected by. */
const MAX_SELECTABLE_FIELDS = 8;

const NO_PRESERVING =
  'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';

export function validateDefinition(object: KubeObject, current?: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const names = asRecord(spec['names']);
  const group = asString(spec['group']);
  return [
    // A stored one has its name; what it was made of is checked on its own.
    ...(current === undefined ? validateName(object, `${asString(names['plural'])}.${group}`) : []),
    ...validateGroup(group),
    ...validateApproval(group, object, current),
    ...requiredWord(spec['scope'], 'spec.scope', SCOPES),
    ...(spec['preserveUnknownFields'] === true
      ? [invalid('spec.preserveUnknownFields', true, NO_PRESERVING)]
      : []),
    ...validateVersions(spec),
    ...NAMES.flatMap((name) => (asString(names[name]) === '' ? [required(`spec.names.${name}`)] : [])),
    ...validateNames(names, 'spec.names'),
    ...validateConversion(spec['conversion']),
    ...validateStoredVersions(asRecord(object['status'])['storedVersions'], spec),
  ];
}

/** Upstream keeps these once for all versions if they agree; errors then name that place. */
const SHARED = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'] as const;

function sharedMembers(versions: readonly Fields[]): ReadonlySet<string> {
  const [first = {}] = versions;
  return new Set(
    SHARED.filter(
      (name) =>
        first[name] !== undefined && versions.every((version) => jsonEqual(version[name], first[name])),
    ),
  );
}

function validateVersions(spec: Fields): FieldErrors {
  const versions = asRecords(spec['versions']);
  const path = 'spec.versions';
  const chars = patternChars(versions);
  if (chars > MAX_PATTERN_CHARS) {
    const detail = `its patterns have ${chars} characters together, at most ${MAX_PATTERN_CHARS} are accepted`;
    return [forbidden(path, detail)];
  }
  const shared = sharedMembers(versions);
  const errors: FieldErrors = [];
  const shown = (): unknown => versionsForm(spec['versions'], shared);
  const names = versions.map((version) => asString(version['name']));
  versions.forEach((version, index) => {
    const at = `${path}[${index}]`;
    const name = names[index] ?? '';
    append(errors, validateVersionName(name, `${at}.name`));
    const { deprecationWarning: warning } = version;
    const complaints = isAbsent(warning)
      ? []
      : warningComplaints(asString(warning), version['deprecated'] === true);
    append(errors, invalidAll(`${at}.deprecationWarning`, warning, complaints));
    const place = (member: string): string | undefined => {
      if (!shared.has(member)) return `${at}.${member}`;
      if (index > 0) return undefined;
      return member === 'schema' ? 'spec.validation' : `spec.${member}`;
    };
    const schema = asRecord(version['schema'])['openAPIV3Schema'];
    const schemaAt = place('schema');
    if (schema === undefined) errors.push(required(`${at}.schema.openAPIV3Schema`));
    else if (schemaAt !== undefined) {
      const hasStatus = (shared.has('schema') ? versions : [version]).some(
        ({ subresources }) => asRecord(subresources)['status'] !== undefined,
      );
      append(errors, validateSchema(schema, `${schemaAt}.openAPIV3Schema`, hasStatus));
    }
    append(errors, validateSubresources(asRecord(version['subresources']), place('subresources')));
    append(
      errors,
      validateColumns(asRecords(version['additionalPrinterColumns']), place('additionalPrinterColumns')),
    );
    const selectableAt = place('selectableFields');
    if (selectableAt !== undefined)
      append(errors, validateSelectable(asRecords(version['selectableFields']), schema, selectableAt));
  });
  if (new Set(names).size !== names.length)
    errors.push(invalid(path, shown(), 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage === true).length !== 1)
    errors.push(invalid(path, shown(), 'must have exactly one version marked as storage version'));
  // An older field that upstream fills from the first version.
  return [...errors, ...(names[0] ? validateVersionName(names[0], 'spec.version') : [])];
}

/** Upstream's limit on the header that a warning becomes, in bytes. */
const MAX_WARNING_BYTES = 256;

function warningComplaints(warning: string, isDeprecated: boolean): readonly string[] {
  if (!isDeprecated) return ['can only be set for deprecated versions'];
  const complaints: string[] = [];
  if (byteLength(warning) > MAX_WARNING_BYTES)
    complaints.push(`must be <= ${MAX_WARNING_BYTES} characters long`);
  if (warning === '') complaints.push('must not be an empty string');
  const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(warning);
  if (unprintable) {
    const at = byteLength(warning.slice(0, unprintable.index));
    complaints.push(
      `must only contain printable UTF-8 characters; non-printable character found at index ${at}`,
    );
  }
  return complaints;
}

function validateVersionName(name: string, path: string): FieldErrors {
  const complaints = dns1035Label(name);
  return complaints.length > 0 ? [invalid(path, name, complaints.join(','))] : [];
}

function validateSubresources({ scale }: Fields, path: string | undefined): FieldErrors {
  if (scale === undefined || path === undefined) return [];
  const errors: FieldErrors = [];
  const paths = asRecord(scale);
  const check = (member: string, roots: readonly string[], must: boolean): void => {
    const at = `${path}.scale.${member}`;
    const value = asString(paths[member]);
    if (value === '') {
      if (must) errors.push(required(at));
      return;
    }
    if (!value.startsWith('.')) errors.push(invalid(at, value, NOT_SIMPLE));
    else if (!roots.some((root) => value.startsWith(`${root}.`))) {
      const where = roots.length === 1 ? roots[0] : `either ${roots.join(' or ')}`;
      errors.push(invalid(at, value, `should be a json path under ${where}`));
    }
  };
  check('specReplicasPath', ['.spec'], true);
  check('statusReplicasPath', ['.status'], true);
  check('labelSelectorPath', ['.spec', '.status'], false);
  return errors;
}

const NOT_SIMPLE = 'must be a simple json path starting with .';
const oneOf = (words: readonly string[]): string => `must be one of ${words.join(',')}`;

function validateColumns(columns: readonly Fields[], path: string | undefined): FieldErrors {
  if (path === undefined) return [];
  return columns.flatMap((column, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldErrors = [];
    const [type, format, jsonPath] = [column['type'], column['format'], column['jsonPath']].map(asString);
    if (asString(column['name']) === '') errors.push(required(`${at}.name`));
    if (!type) errors.push(required(`${at}.type`, oneOf(COLUMN_TYPES)));
    else if (!COLUMN_TYPES.includes(type)) errors.push(invalid(`${at}.type`, type, oneOf(COLUMN_TYPES)));
    if (format && !COLUMN_FORMATS.includes(format))
      errors.push(invalid(`${at}.format`, format, oneOf(COLUMN_FORMATS)));
    if (!jsonPath) errors.push(required(`${at}.JSONPath`));
    else if (!jsonPath.startsWith('.')) errors.push(invalid(`${at}.JSONPath`, jsonPath, NOT_SIMPLE));
    return errors;
  });
}

function validateSelectable(fields: readonly Fields[], schema: unknown, path: string): FieldErrors {
  if (fields.length === 0) return [];
  if (isAbsent(schema)) {
    const detail = 'may only be set when `version.schema.openAPIV3Schema` is not included';
    return [invalid(path, '', detail)];
  }
  const errors: FieldErrors = [];
  const structural = readSchema(schema);
  const seen = new Set<string>();
  fields.forEach((field, index) => {
    const value = asString(field['jsonPath']);
    const at = `${path}[${index}].jsonPath`;
    if (value === '') return void errors.push(required(at));
    const found = selected(structural, value);
    if (typeof found === 'string')
      return void errors.push(invalid(at, value, `is an invalid path: ${found}`));
    if (/^\.metadata(\.|$)/.test(value))
      errors.push(invalid(at, value, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(found.type ?? ''))
      errors.push(
        invalid(
          at,
          value,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      );
    if (seen.has(value)) errors.push(duplicate(at, value));
    seen.add(value);
  });
  if (seen.size > MAX_SELECTABLE_FIELDS) errors.push(tooMany(path, seen.size, MAX_SELECTABLE_FIELDS));
  return errors;
}

/** The schema at the end of the path, or the reason why the path is wrong. */
function selected(schema: StructuralSchema, path: string): StructuralSchema | string {
  if (path.includes('[')) return 'array notation is not allowed';
  const [before = '', ...names] = path.split('.');
  if (before !== '') return `expected [ or . but got: ${before}`;
  let at: StructuralSchema | undefined = schema;
  for (const name of names) {
    at = memberSchema(at, name);
    if (!at) return 'does not refer to a valid field';
  }
  return at;
}

const STRATEGIES = ['None', 'Webhook'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];

/** The paths are those of upstream's internal form. */
function validateConversion(value: unknown): FieldErrors {
  if (isAbsent(value)) return [];
  const path = 'spec.conversion';
  const { strategy, webhook } = asRecord(value);
  const { clientConfig, conversionReviewVersions } = asRecord(webhook);
  const versions = asList(conversionReviewVersions);
  const word = asString(strategy);
  if (word === 'Webhook') {
    const errors = [
      ...validateWebhook(clientConfig, `${path}.webhookClientConfig`),
      ...validateReviewVersions(versions, `${path}.conversionReviewVersions`),
    ];
    const detail =
      'Symphony does not convert by webhooks: all versions must have the same form, and the strategy None';
    return errors.length > 0 ? errors : [forbidden(`${path}.strategy`, detail)];
  }
  const errors: FieldErrors = [];
  if (word === '') errors.push(required(`${path}.strategy`));
  else if (word !== 'None') errors.push(notSupported(`${path}.strategy`, word, STRATEGIES));
  const detail = 'should not be set when strategy is not set to Webhook';
  if (!isAbsent(clientConfig)) errors.push(forbidden(`${path}.webhookClientConfig`, detail));
  if (versions.length > 0) errors.push(forbidden(`${path}.conversionReviewVersions`, detail));
  return errors;
}

function validateReviewVersions(versions: readonly unknown[], path: string): FieldErrors {
  if (versions.length === 0) return [required(path)];
  const errors: FieldErrors = [];
  const seen = new Set<unknown>();
  for (const [index, version] of versions.entries()) {
    const at = `${path}[${index}]`;
    if (seen.has(version)) errors.push(invalid(at, version, 'duplicate version'));
    append(errors, invalidAll(at, version, dns1035Label(asString(version))));
    seen.add(version);
  }
  if (!REVIEW_VERSIONS.some((known) => seen.has(known)))
    errors.push(invalid(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  return errors;
}

const stillStored = (name: string): string =>
  `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;

function validateStoredVersions(stored: unknown, spec: Fields): FieldErrors {
  const path = 'status.storedVersions';
  if (stored === undefined) return [];
  const names = asList(stored).map(asString);
  const versions = asRecords(spec['versions']);
  if (names.length === 0) return [invalid(path, null, 'must have at least one stored version')];
  return [
    ...versions.flatMap((version) => {
      const name = asString(version['name']);
      return version['storage'] === true && !names.includes(name)
        ? [invalid(path, names, `must have the storage version ${name}`)]
        : [];
    }),
    ...names.flatMap((name, index) =>
      versions.some((version) => version['name'] === name)
        ? []
        : [invalid(`${path}[${index}]`, name, stillStored(name))],
    ),
  ];
}

/** A definition that was valid once still gets its status; upstream checks the names alone. */
export const validateDefinitionStatus = (next: KubeObject): FieldErrors =>
  validateNames(asRecord(asRecord(next['status'])['acceptedNames']), 'status.acceptedNames');

/** The name contains group and plural; stored objects depend on scope and kind. */
export function validateDefinitionUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [after, before] = [asRecord(next['spec']), asRecord(current['spec'])];
  const [names, namesBefore] = [asRecord(after['names']), asRecord(before['names'])];
  const errors = [
    ...immutable(after['group'], before['group'], 'spec.group'),
    ...immutable(names['plural'], namesBefore['plural'], 'spec.names.plural'),
  ];
  if (!isTrue(current, 'Established')) return errors;
  return [
    ...errors,
    ...immutable(after['scope'], before['scope'], 'spec.scope'),
    ...immutable(names['kind'], namesBefore['kind'], 'spec.names.kind'),
  ];
}

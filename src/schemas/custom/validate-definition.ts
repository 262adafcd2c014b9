/** What upstream refuses of a CustomResourceDefinition, in its words; conversion by webhooks is refused with words of our own. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asRecords, asString, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { immutable } from '../validation/metadata.ts';
import { dns1035Label, dns1123Subdomain, maskTrailingDash } from '../validation/names.ts';
import {
  append,
  duplicate,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  notSupported,
  required,
  tooMany,
} from '../validation/report.ts';
import { isTrue } from './definition.ts';
import { versionsForm } from './internal-form.ts';
import { MAX_PATTERN_CHARS, patternChars } from './patterns.ts';
import { readSchema, type StructuralSchema } from './structural-schema.ts';
import { validateSchema } from './validate-schema.ts';

type Fields = Readonly<Record<string, unknown>>;

const APPROVAL = 'api-approved.kubernetes.io';
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
    ...validateGroup(group, object),
    ...validateScope(spec['scope']),
    ...(spec['preserveUnknownFields'] === true
      ? [invalid('spec.preserveUnknownFields', true, NO_PRESERVING)]
      : []),
    ...validateVersions(spec),
    ...validateNames(names, 'spec.names'),
    ...validateConversion(spec['conversion']),
    ...validateStoredVersions(asRecord(object['status'])['storedVersions'], spec),
  ];
}

function validateName(object: KubeObject, wanted: string): FieldErrors {
  const { name, generateName } = asRecord(object.metadata);
  return Object.entries({ generateName, name }).flatMap(([field, value]) => {
    const text = asString(value);
    if (text === '') return [];
    const complaints = dns1123Subdomain(field === 'name' ? text : maskTrailingDash(text));
    const wrong = text === wanted ? [] : ['must be spec.names.plural+"."+spec.group'];
    return invalidAll(`metadata.${field}`, text, [...complaints, ...wrong]);
  });
}

function validateGroup(group: string, object: KubeObject): FieldErrors {
  const path = 'spec.group';
  if (group === '') return [required(path)];
  const complaints = dns1123Subdomain(group);
  if (complaints.length > 0) return invalidAll(path, group, complaints);
  if (!group.includes('.')) return [invalid(path, group, 'should be a domain with at least one dot')];
  const isProtected = /(^|\.)(k8s|kubernetes)\.io$/.test(group);
  if (!isProtected || asString(asRecord(asRecord(object.metadata)['annotations'])[APPROVAL]) !== '')
    return [];
  const detail = `protected groups must have approval annotation "${APPROVAL}", see https://github.com/kubernetes/enhancements/pull/1111`;
  return [required(`metadata.annotations[${APPROVAL}]`, detail)];
}

function validateScope(scope: unknown): FieldErrors {
  const value = asString(scope);
  if (value === '') return [required('spec.scope')];
  return SCOPES.includes(value) ? [] : [notSupported('spec.scope', value, SCOPES)];
}

/** What upstream keeps once for all versions when they agree; complaints then name that place. */
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
    if (asString(version['deprecationWarning']) !== '' && version['deprecated'] !== true)
      errors.push(
        invalid(
          `${at}.deprecationWarning`,
          version['deprecationWarning'],
          'can only be set for deprecated versions',
        ),
      );
    const place = (member: string): string | undefined => {
      if (!shared.has(member)) return `${at}.${member}`;
      if (index > 0) return undefined;
      return member === 'schema' ? 'spec.validation' : `spec.${member}`;
    };
    const schema = asRecord(version['schema'])['openAPIV3Schema'];
    const schemaAt = place('schema');
    if (schema === undefined) errors.push(required(`${at}.schema.openAPIV3Schema`));
    else if (schemaAt !== undefined) append(errors, validateSchema(schema, `${schemaAt}.openAPIV3Schema`));
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
  return [...errors, ...(names.length > 0 ? validateVersionName(names[0] ?? '', 'spec.version') : [])];
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

/** What the path leads to, or why it leads nowhere. */
function selected(schema: StructuralSchema, path: string): StructuralSchema | string {
  if (path.includes('[')) return 'array notation is not allowed';
  const [before = '', ...names] = path.split('.');
  if (before !== '') return `expected [ or . but got: ${before}`;
  let at: StructuralSchema | undefined = schema;
  for (const name of names) {
    const properties: StructuralSchema['properties'] = at.properties;
    at = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (!at) return 'does not refer to a valid field';
  }
  return at;
}

export function validateNames(names: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const label = (member: string, value: unknown): void => {
    const name = asString(value);
    append(errors, name === '' ? [required(member)] : invalidAll(member, name, dns1035Label(name)));
  };
  const mixed = (member: string): void => {
    const name = asString(names[member]);
    if (name === '') return void errors.push(required(`${path}.${member}`));
    for (const complaint of dns1035Label(name.toLowerCase()))
      errors.push(
        invalid(`${path}.${member}`, name, `may have mixed case, but should otherwise match: ${complaint}`),
      );
  };
  label(`${path}.plural`, names['plural']);
  label(`${path}.singular`, names['singular']);
  mixed('kind');
  mixed('listKind');
  for (const member of ['shortNames', 'categories'])
    asList(names[member]).forEach((name, index) => label(`${path}.${member}[${index}]`, name));
  if (asString(names['kind']) !== '' && names['kind'] === names['listKind'])
    errors.push(invalid(`${path}.listKind`, names['listKind'], 'kind and listKind may not be the same'));
  return errors;
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

function validateWebhook(config: unknown, path: string): FieldErrors {
  if (isAbsent(config)) return [required(path, 'required when strategy is set to Webhook')];
  const { url, service } = asRecord(config);
  return isAbsent(url) === isAbsent(service)
    ? [required(path, 'exactly one of url or service is required')]
    : [];
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
        : [invalid(`${path}[${index}]`, name, 'must appear in spec.versions')],
    ),
  ];
}

/** A definition that was valid by older rules still gets its status. */
export const validateDefinitionStatus = (next: KubeObject): FieldErrors =>
  validateStoredVersions(asRecord(next['status'])['storedVersions'], asRecord(next['spec']));

/** Group and plural are the definition's name; scope and kind are what its objects were made by. */
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

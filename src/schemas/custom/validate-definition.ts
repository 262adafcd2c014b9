/** What upstream refuses of a CustomResourceDefinition, in its words; conversion by webhooks is refused with words of our own. */
import { jsonEqual } from '../../base/json.ts';
import { asList, asRecord, asRecords, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { immutable } from '../validation/metadata.ts';
import { dns1035Label, dns1123Subdomain } from '../validation/names.ts';
import {
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
import { parseJsonPath } from './json-path.ts';
import { readSchema, type StructuralSchema } from './structural-schema.ts';
import { validateSchema } from './validate-schema.ts';

type Fields = Readonly<Record<string, unknown>>;

const APPROVAL = 'api-approved.kubernetes.io';
const SCOPES = ['Cluster', 'Namespaced'];
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
/** Upstream's limit on fields that a version can be selected by. */
const MAX_SELECTABLE_FIELDS = 8;

export function validateDefinition(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const names = asRecord(spec['names']);
  const group = asString(spec['group']);
  const { name } = asRecord(object.metadata);
  const errors: FieldErrors = [];
  if (name !== `${asString(names['plural'])}.${group}`)
    errors.push(invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  return [
    ...errors,
    ...validateGroup(group, object),
    ...validateScope(spec['scope']),
    ...(spec['preserveUnknownFields'] === true
      ? [invalid('spec.preserveUnknownFields', true, 'must be false')]
      : []),
    ...validateVersions(spec),
    ...validateNames(names, 'spec.names'),
    ...validateConversion(asRecord(spec['conversion'])),
    ...validateStoredVersions(asRecord(object['status'])['storedVersions'], spec),
  ];
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
const SHARED = ['schema', 'subresources', 'additionalPrinterColumns'] as const;

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
  const shared = sharedMembers(versions);
  const errors: FieldErrors = [];
  const shown = (): unknown => versionsForm(spec['versions'], shared);
  const names = versions.map((version) => asString(version['name']));
  versions.forEach((version, index) => {
    const at = `${path}[${index}]`;
    const name = names[index] ?? '';
    errors.push(...invalidAll(`${at}.name`, name, dns1035Label(name)));
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
    else if (schemaAt !== undefined) errors.push(...validateSchema(schema, `${schemaAt}.openAPIV3Schema`));
    errors.push(...validateSubresources(asRecord(version['subresources']), place('subresources')));
    errors.push(
      ...validateColumns(asRecords(version['additionalPrinterColumns']), place('additionalPrinterColumns')),
    );
    errors.push(
      ...validateSelectable(asRecords(version['selectableFields']), schema, `${at}.selectableFields`),
    );
  });
  if (versions.length === 0) errors.push(required(path, 'must have at least one version'));
  if (new Set(names).size !== names.length)
    errors.push(invalid(path, shown(), 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage === true).length !== 1)
    errors.push(invalid(path, shown(), 'must have exactly one version marked as storage version'));
  return errors;
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
    if (!/^(\.[A-Za-z_][A-Za-z0-9_-]*)+$/.test(value))
      errors.push(invalid(at, value, 'should be a json path without array notation'));
    else if (!roots.some((root) => value.startsWith(root)))
      errors.push(invalid(at, value, `should be a json path under ${roots.join(' or ')}`));
  };
  check('specReplicasPath', ['.spec.'], true);
  check('statusReplicasPath', ['.status.'], true);
  check('labelSelectorPath', ['.spec.', '.status.'], false);
  return errors;
}

function validateColumns(columns: readonly Fields[], path: string | undefined): FieldErrors {
  if (path === undefined) return [];
  return columns.flatMap((column, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldErrors = [];
    const [type, format, jsonPath] = [column['type'], column['format'], column['jsonPath']].map(asString);
    if (asString(column['name']) === '') errors.push(required(`${at}.name`));
    if (!type) errors.push(required(`${at}.type`));
    else if (!COLUMN_TYPES.includes(type)) errors.push(notSupported(`${at}.type`, type, COLUMN_TYPES));
    if (format && !COLUMN_FORMATS.includes(format))
      errors.push(notSupported(`${at}.format`, format, COLUMN_FORMATS));
    if (!jsonPath) errors.push(required(`${at}.jsonPath`));
    else if (!parseJsonPath(jsonPath))
      errors.push(invalid(`${at}.jsonPath`, jsonPath, 'is not a valid JSONPath expression'));
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
    errors.push(...(name === '' ? [required(member)] : invalidAll(member, name, dns1035Label(name))));
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

function validateConversion(conversion: Fields): FieldErrors {
  const strategy = asString(conversion['strategy']);
  const path = 'spec.conversion.strategy';
  if (strategy === '' || strategy === 'None') return [];
  if (strategy === 'Webhook')
    return [
      forbidden(
        path,
        'Symphony does not convert by webhooks: all versions must have the same form, and the strategy None',
      ),
    ];
  return [notSupported(path, strategy, ['None'])];
}

function validateStoredVersions(stored: unknown, spec: Fields): FieldErrors {
  const path = 'status.storedVersions';
  if (stored === undefined) return [];
  const names = asList(stored).map(asString);
  const versions = asRecords(spec['versions']);
  if (names.length === 0) return [invalid(path, names, 'must have at least one stored version')];
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

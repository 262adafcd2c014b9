/**
 * The versions of a definition as upstream's messages show them: the JSON of its internal Go
 * structs, all members in order, absent ones null. Only for the text of an error.
 */
import { isRecord } from '../../base/json.ts';
import { asList, asRecord, asRecords, type Fields, isAbsent } from '../json-access.ts';
import { readRule, ruleForm } from './rules/rule.ts';

type Render = (value: unknown) => unknown;

const keep =
  (fallback: unknown): Render =>
  (value) =>
    isAbsent(value) ? fallback : value;
const text = keep('');
const flag = keep(false);
const maybe = keep(null);
const list =
  (render: Render): Render =>
  (value) =>
    Array.isArray(value) && value.length > 0 ? value.map(render) : null;
const map =
  (render: Render): Render =>
  (value) =>
    isRecord(value) && Object.keys(value).length > 0
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, member]) => [key, render(member)]),
        )
      : null;
const schemaOrNull: Render = (value) => (isRecord(value) ? schemaForm(value) : null);
const schemaOrBool: Render = (value) => {
  if (isAbsent(value)) return null;
  return { Allows: value !== false, Schema: schemaOrNull(value) };
};
const schemaOrList: Render = (value) => {
  if (isAbsent(value)) return null;
  return { Schema: schemaOrNull(value), JSONSchemas: Array.isArray(value) ? value.map(schemaOrNull) : null };
};

const SCHEMA: readonly (readonly [string, string, Render])[] = [
  ['ID', 'id', text],
  ['Schema', '$schema', text],
  ['Ref', '$ref', maybe],
  ['Description', 'description', text],
  ['Type', 'type', text],
  ['Nullable', 'nullable', flag],
  ['Format', 'format', text],
  ['Title', 'title', text],
  ['Default', 'default', maybe],
  ['Maximum', 'maximum', maybe],
  ['ExclusiveMaximum', 'exclusiveMaximum', flag],
  ['Minimum', 'minimum', maybe],
  ['ExclusiveMinimum', 'exclusiveMinimum', flag],
  ['MaxLength', 'maxLength', maybe],
  ['MinLength', 'minLength', maybe],
  ['Pattern', 'pattern', text],
  ['MaxItems', 'maxItems', maybe],
  ['MinItems', 'minItems', maybe],
  ['UniqueItems', 'uniqueItems', flag],
  ['MultipleOf', 'multipleOf', maybe],
  ['Enum', 'enum', maybe],
  ['MaxProperties', 'maxProperties', maybe],
  ['MinProperties', 'minProperties', maybe],
  ['Required', 'required', maybe],
  ['Items', 'items', schemaOrList],
  ['AllOf', 'allOf', list(schemaOrNull)],
  ['OneOf', 'oneOf', list(schemaOrNull)],
  ['AnyOf', 'anyOf', list(schemaOrNull)],
  ['Not', 'not', schemaOrNull],
  ['Properties', 'properties', map(schemaOrNull)],
  ['AdditionalProperties', 'additionalProperties', schemaOrBool],
  ['PatternProperties', 'patternProperties', map(schemaOrNull)],
  ['Dependencies', 'dependencies', maybe],
  ['AdditionalItems', 'additionalItems', schemaOrBool],
  ['Definitions', 'definitions', map(schemaOrNull)],
  ['ExternalDocs', 'externalDocs', maybe],
  ['Example', 'example', maybe],
  ['XPreserveUnknownFields', 'x-kubernetes-preserve-unknown-fields', maybe],
  ['XEmbeddedResource', 'x-kubernetes-embedded-resource', flag],
  ['XIntOrString', 'x-kubernetes-int-or-string', flag],
  ['XListMapKeys', 'x-kubernetes-list-map-keys', maybe],
  ['XListType', 'x-kubernetes-list-type', maybe],
  ['XMapType', 'x-kubernetes-map-type', maybe],
  ['XValidations', 'x-kubernetes-validations', list((rule) => ruleForm(readRule(rule)))],
];

export function schemaForm(schema: Fields): Record<string, unknown> {
  return Object.fromEntries(SCHEMA.map(([name, from, render]) => [name, render(schema[from])]));
}

/** `common`: members that all versions share stand beside them once. */
export function versionsForm(versions: unknown, common: ReadonlySet<string>): unknown {
  // Absent and empty lists differ.
  if (!Array.isArray(versions)) return null;
  return asRecords(versions).map((version) => {
    const own = (name: string): unknown => (common.has(name) ? undefined : version[name]);
    const subresources = own('subresources');
    const columns = asList(own('additionalPrinterColumns'));
    const schema = asRecord(own('schema'))['openAPIV3Schema'];
    return {
      Name: text(version['name']),
      Served: flag(version['served']),
      Storage: flag(version['storage']),
      Deprecated: flag(version['deprecated']),
      DeprecationWarning: maybe(version['deprecationWarning']),
      Schema: isRecord(own('schema')) ? { OpenAPIV3Schema: schemaOrNull(schema) } : null,
      Subresources: isRecord(subresources) ? subresourcesForm(subresources) : null,
      AdditionalPrinterColumns: columns.length > 0 ? columns.map(columnForm) : null,
      SelectableFields: list((field) => ({ JSONPath: text(asRecord(field)['jsonPath']) }))(
        own('selectableFields'),
      ),
    };
  });
}

function subresourcesForm(subresources: Fields): unknown {
  const { scale, status } = subresources;
  const paths = asRecord(scale);
  return {
    Status: isRecord(status) ? {} : null,
    Scale: isRecord(scale)
      ? {
          SpecReplicasPath: text(paths['specReplicasPath']),
          StatusReplicasPath: text(paths['statusReplicasPath']),
          LabelSelectorPath: maybe(paths['labelSelectorPath']),
        }
      : null,
  };
}

function columnForm(column: unknown): unknown {
  const { name, type, format, description, priority, jsonPath } = asRecord(column);
  return {
    Name: text(name),
    Type: text(type),
    Format: text(format),
    Description: text(description),
    Priority: keep(0)(priority),
    JSONPath: text(jsonPath),
  };
}

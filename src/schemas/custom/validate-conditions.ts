/**
 * Conditions in a schema: the content of allOf, anyOf, oneOf and not. They restrict values and add
 * no structure, and they concern only members that the structure names. The rules and texts are
 * upstream's.
 */
import { isRecord, jsonEqual } from '../../base/json.ts';
import { asList, asRecord } from '../json-access.ts';
import { append, type FieldErrors, forbidden, required } from '../validation/report.ts';
import { below, JUNCTORS, type Node, sorted } from './schema-walk.ts';
import { MAX_SCHEMA_DEPTH } from './structural-schema.ts';

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];

/** Inside of allOf and the like there are conditions only, except for int-or-string. */
export function checkLogic(schema: Node, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const name of JUNCTORS) {
    const members = asList(schema[name]);
    if (name === 'anyOf' && jsonEqual(members, INT_OR_STRING)) continue;
    members.forEach((member, index) => {
      const excepted = name === 'allOf' && index === 0;
      append(errors, checkCondition(asRecord(member), `${path}.${name}[${index}]`, excepted, 0));
    });
  }
  if (isRecord(schema['not'])) append(errors, checkCondition(schema['not'], `${path}.not`, false, 0));
  return errors;
}

/** Members of the structure, by what upstream says where they stand in a condition. */
const STRUCTURE_ONLY: readonly (readonly [string, string])[] = [
  ['type', 'must be empty to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['default', 'must be undefined to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

function checkCondition(schema: Node, path: string, excepted: boolean, depth: number): FieldErrors {
  if (depth > MAX_SCHEMA_DEPTH) return [];
  const errors: FieldErrors = [];
  const isEmpty = (value: unknown): boolean =>
    value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0);
  for (const [name, detail] of STRUCTURE_ONLY)
    if (!isEmpty(schema[name])) errors.push(forbidden(`${path}.${name}`, detail));
  if (Object.hasOwn(asRecord(schema['properties']), 'metadata'))
    errors.push(forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
  for (const [child, at] of below(schema, path)) {
    const intOrString =
      excepted && at.startsWith(`${path}.anyOf[`) && jsonEqual(schema['anyOf'], INT_OR_STRING);
    if (!intOrString) append(errors, checkCondition(child, at, false, depth + 1));
  }
  return errors;
}

/** Members in a condition at the root must be in the structure; upstream checks no others. */
export function checkComplete(
  structure: Node | undefined,
  schema: Node,
  path: string,
  conditionPath: string,
  depth: number,
): FieldErrors {
  if (depth > MAX_SCHEMA_DEPTH || !structure) return [];
  const errors: FieldErrors = [];
  const members = asRecord(structure['properties']);
  const { items, additionalProperties } = structure;
  const child = (name: string): Node | undefined => {
    if (Object.hasOwn(members, name)) return asRecord(members[name]);
    return isRecord(additionalProperties) ? additionalProperties : undefined;
  };
  const conditions: readonly (readonly [Node, string])[] = [
    ...JUNCTORS.flatMap((name) =>
      asList(schema[name]).map(
        (member, index) => [asRecord(member), `${conditionPath}.${name}[${index}]`] as const,
      ),
    ),
    ...(isRecord(schema['not']) ? [[schema['not'], `${conditionPath}.not`] as const] : []),
  ];
  for (const [condition, at] of conditions) {
    for (const [name, member] of sorted(condition['properties'])) {
      const inner = child(name);
      const memberPath = `${at}.properties[${name}]`;
      if (!inner)
        errors.push(required(`${path}.properties[${name}]`, `because it is defined in ${memberPath}`));
      else
        append(
          errors,
          checkNested(inner, asRecord(member), `${path}.properties[${name}]`, memberPath, depth + 1),
        );
    }
    if (isRecord(condition['items'])) {
      if (!isRecord(items)) errors.push(required(`${path}.items`, `because it is defined in ${at}.items`));
      else append(errors, checkNested(items, condition['items'], `${path}.items`, `${at}.items`, depth + 1));
    }
    append(errors, checkComplete(structure, condition, path, at, depth + 1));
  }
  return errors;
}

/** The members of a condition below a condition are conditions on members of the structure. */
function checkNested(
  structure: Node,
  condition: Node,
  path: string,
  conditionPath: string,
  depth: number,
): FieldErrors {
  return checkComplete(structure, { allOf: [condition] }, path, conditionPath, depth + 1);
}

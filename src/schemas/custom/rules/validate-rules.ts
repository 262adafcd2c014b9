/** What upstream refuses of the rules in a definition: their form first, then what the compiler finds. */
import { append } from '../../../base/append.ts';
import { isRecord, ownMember } from '../../../base/json.ts';
import { asList } from '../../json-access.ts';
import { type FieldErrors, invalid, notSupported, required } from '../../validation/report.ts';
import { isEmbedded, MAX_SCHEMA_DEPTH, type StructuralSchema } from '../structural-schema.ts';
import { readFieldPath } from './field-path.ts';
import { compileRule, isProblem, readRule, type Rule, ruleForm } from './rule.ts';
import { type Shape, shapeOf } from './shape.ts';

const RULES = 'x-kubernetes-validations';
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** Of a schema that is structural. */
export const validateRules = (schema: StructuralSchema, path: string): FieldErrors =>
  visit(schema, schema, { path, isRoot: true, uncorrelatable: undefined, depth: 0 });

interface Place {
  readonly path: string;
  readonly isRoot: boolean;
  /** The schema below which nothing new can be told to be the successor of anything old. */
  readonly uncorrelatable: string | undefined;
  readonly depth: number;
}

function visit(conditions: StructuralSchema, structure: StructuralSchema, place: Place): FieldErrors {
  if (place.depth > MAX_SCHEMA_DEPTH) return [];
  const { path, depth } = place;
  const errors: FieldErrors = [];
  const listType = structure['x-kubernetes-list-type'];
  const isAtomic = structure['x-kubernetes-map-type'] === 'atomic';
  const go = (
    inner: unknown,
    of: StructuralSchema | boolean | undefined,
    at: string,
    uncorrelatable: string | undefined,
  ): void => {
    if (!isRecord(inner) || !isRecord(of)) return;
    append(errors, visit(inner, of, { path: at, isRoot: isEmbedded(of), uncorrelatable, depth: depth + 1 }));
  };
  const inMap = place.uncorrelatable ?? (isAtomic ? path : undefined);
  const inList = place.uncorrelatable ?? (listType === 'map' ? undefined : path);
  append(errors, validateHere(conditions, structure, place));
  go(conditions.additionalProperties, structure.additionalProperties, `${path}.additionalProperties`, inMap);
  for (const name of Object.keys(conditions.properties ?? {}).sort())
    go(
      conditions.properties?.[name],
      ownMember(structure.properties, name),
      `${path}.properties[${name}]`,
      inMap,
    );
  go(conditions.items, structure.items, `${path}.items`, inList);
  conditions.allOf?.forEach((condition, index) => {
    append(
      errors,
      visit(condition, structure, { ...place, path: `${path}.allOf[${index}]`, depth: depth + 1 }),
    );
  });
  return errors;
}

function validateHere(conditions: StructuralSchema, structure: StructuralSchema, place: Place): FieldErrors {
  const values = asList(conditions[RULES]);
  if (values.length === 0) return [];
  const rules = values.map(readRule);
  const at = (index: number): string => `${place.path}.${RULES}[${index}]`;
  const errors = rules.flatMap((rule, index) => validateForm(rule, structure, at(index)));
  const shape = shapeOf(structure, place.isRoot);
  if (!shape) {
    const preserves = structure['x-kubernetes-preserve-unknown-fields'] === true;
    const detail = `rule declared on schema that does not support validation rules type: '${structure.type ?? ''}' x-kubernetes-preserve-unknown-fields: '${preserves}'`;
    return [...errors, { type: 'InternalError', path: `${place.path}.${RULES}`, detail }];
  }
  return [...errors, ...rules.flatMap((rule, index) => validateMeaning(rule, shape, place, at(index)))];
}

function validateForm(rule: Rule, schema: StructuralSchema, at: string): FieldErrors {
  const errors: FieldErrors = [];
  const [text, message] = [rule.rule.trim(), rule.message.trim()];
  if (text === '') errors.push(required(`${at}.rule`, 'rule is not specified'));
  else if (rule.message !== '' && message === '')
    errors.push(invalid(`${at}.message`, rule.message, 'must be non-empty if specified'));
  else if (message.includes('\n'))
    errors.push(invalid(`${at}.message`, rule.message, 'must not contain line breaks'));
  else if (text.includes('\n') && message === '')
    errors.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'));
  if (rule.messageExpression !== '' && rule.messageExpression.trim() === '')
    errors.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (rule.reason !== undefined && !REASONS.includes(rule.reason))
    errors.push(notSupported(`${at}.reason`, rule.reason, REASONS));
  if (rule.fieldPath === '') return errors;
  const path = `${at}.fieldPath`;
  if (rule.fieldPath.trim() === '')
    errors.push(invalid(path, rule.fieldPath, 'must be non-empty if specified'));
  if (rule.fieldPath.includes('\n'))
    errors.push(invalid(path, rule.fieldPath, 'must not contain line breaks'));
  if (readFieldPath(rule.fieldPath.trim(), schema) === undefined)
    errors.push(invalid(path, rule.fieldPath, 'must be a valid path'));
  return errors;
}

function validateMeaning(rule: Rule, shape: Shape, place: Place, at: string): FieldErrors {
  if (rule.rule.trim() === '') return [];
  const result = compileRule(rule, shape.type);
  if (isProblem(result)) return [invalid(`${at}.${result.member}`, ruleForm(rule), result.text)];
  if (!result.isTransition)
    return rule.optionalOldSelf === undefined
      ? []
      : [
          invalid(
            `${at}.optionalOldSelf`,
            rule.optionalOldSelf,
            'may not be set if oldSelf is not used in rule',
          ),
        ];
  if (place.uncorrelatable === undefined) return [];
  const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`;
  return [invalid(`${at}.rule`, rule.rule, detail)];
}

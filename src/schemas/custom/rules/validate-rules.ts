/** Upstream's validation of rules in a definition: their form, then the compiler's errors. */
import { isRecord } from '../../../base/json.ts';
import { times } from '../../cel/index.ts';
import { asList } from '../../json-access.ts';
import { append, type FieldErrors, invalid, notSupported, required } from '../../validation/report.ts';
import { isEmbedded, MAX_SCHEMA_DEPTH, type StructuralSchema } from '../structural-schema.ts';
import { extentOf, mostOccurrences } from './extent-of.ts';
import { readFieldPath } from './field-path.ts';
import {
  addCost,
  costError,
  type CostTotal,
  MAX_RULE_ESTIMATE,
  noCost,
  occurrencesBelow,
  totalErrors,
} from './rule-costs.ts';
import { type CompiledRule, compileRule, isProblem, readRule, type Rule, ruleForm } from './rule.ts';
import { shapeOf } from './shape.ts';

const RULES = 'x-kubernetes-validations';
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** Validates the rules of a structural schema. */
export function validateRules(schema: StructuralSchema, path: string): FieldErrors {
  const total = noCost();
  const root = { path, isRoot: true, uncorrelatable: undefined, occurrences: 1, depth: 0 };
  const errors = visit(schema, root, total);
  return [...errors, ...totalErrors(total, path)];
}

interface Place {
  readonly path: string;
  readonly isRoot: boolean;
  /** The schema below which new values cannot be matched with old ones. */
  readonly uncorrelatable: string | undefined;
  /** The most occurrences in one object; undefined without a limit. */
  readonly occurrences: number | undefined;
  readonly depth: number;
}

function visit(schema: StructuralSchema, place: Place, total: CostTotal): FieldErrors {
  if (place.depth > MAX_SCHEMA_DEPTH) return [];
  const { path, depth } = place;
  const occurrences = occurrencesBelow(schema, place.occurrences);
  const errors = validateHere(schema, place, total);
  const go = (inner: unknown, at: string, uncorrelatable: string | undefined): void => {
    if (!isRecord(inner)) return;
    const below = {
      path: `${path}.${at}`,
      isRoot: isEmbedded(inner),
      uncorrelatable,
      occurrences,
      depth: depth + 1,
    };
    append(errors, visit(inner, below, total));
  };
  const isAtomic = schema['x-kubernetes-map-type'] === 'atomic';
  const inMap = place.uncorrelatable ?? (isAtomic ? path : undefined);
  const inList = place.uncorrelatable ?? (schema['x-kubernetes-list-type'] === 'map' ? undefined : path);
  // Upstream takes members of an atomic map for their own successors, unlike those of an atomic
  // object.
  go(schema.additionalProperties, 'additionalProperties', place.uncorrelatable);
  for (const name of Object.keys(schema.properties ?? {}).sort())
    go(schema.properties?.[name], `properties[${name}]`, inMap);
  go(schema.items, 'items', inList);
  return errors;
}

function validateHere(schema: StructuralSchema, place: Place, total: CostTotal): FieldErrors {
  const values = asList(schema[RULES]);
  if (values.length === 0) return [];
  const rules = values.map(readRule);
  const at = (index: number): string => `${place.path}.${RULES}[${index}]`;
  const errors = rules.flatMap((rule, index) => validateForm(rule, schema, at(index)));
  const shape = shapeOf(schema, place.isRoot);
  const extent = extentOf(schema, place.isRoot);
  if (!shape || !extent) {
    const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
    const detail = `rule declared on schema that does not support validation rules type: '${schema.type ?? ''}' x-kubernetes-preserve-unknown-fields: '${preserves}'`;
    return [...errors, { type: 'InternalError', path: `${place.path}.${RULES}`, detail }];
  }
  const occurrences = place.occurrences ?? mostOccurrences(extent);
  rules.forEach((rule, index) => {
    if (rule.rule.trim() === '') return;
    const result = compileRule(rule, shape.type, extent);
    append(
      errors,
      isProblem(result)
        ? [invalid(`${at(index)}.${result.member}`, ruleForm(rule), result.text)]
        : [...validateCost(result, occurrences, at(index), total), ...validateUse(result, place, at(index))],
    );
  });
  return errors;
}

/** The message is made once, for the first violation; upstream does not multiply its cost. */
function validateCost(
  { program, messageProgram }: CompiledRule,
  occurrences: number,
  at: string,
  total: CostTotal,
): FieldErrors {
  return [
    ['rule', 'estimated rule cost', times(program.maxCost, occurrences)] as const,
    ['messageExpression', 'estimated messageExpression cost', messageProgram?.maxCost ?? 0] as const,
  ].flatMap(([member, what, cost]) => {
    addCost(total, `${at}.${member}`, cost);
    return costError(`${at}.${member}`, what, cost, MAX_RULE_ESTIMATE);
  });
}

function validateForm(rule: Rule, schema: StructuralSchema, at: string): FieldErrors {
  const errors: FieldErrors = [];
  const [text, message] = [rule.rule.trim(), rule.message.trim()];
  if (text === '') errors.push(required(`${at}.rule`, 'rule is not specified'));
  else if (rule.message !== '' && message === '')
    errors.push(invalid(`${at}.message`, rule.message, 'must be non-empty if specified'));
  else if (/[\n\r]/.test(message))
    errors.push(invalid(`${at}.message`, rule.message, 'must not contain line breaks'));
  else if (/[\n\r]/.test(text) && message === '')
    errors.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'));
  if (rule.messageExpression !== '' && rule.messageExpression.trim() === '')
    errors.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (rule.reason !== undefined && !REASONS.includes(rule.reason))
    errors.push(notSupported(`${at}.reason`, rule.reason, REASONS));
  if (rule.fieldPath === '') return errors;
  const path = `${at}.fieldPath`;
  if (rule.fieldPath.trim() === '')
    errors.push(invalid(path, rule.fieldPath, 'must be non-empty if specified'));
  if (/[\n\r]/.test(rule.fieldPath))
    errors.push(invalid(path, rule.fieldPath, 'must not contain line breaks'));
  if (readFieldPath(rule.fieldPath.trim(), schema) === undefined)
    errors.push(invalid(path, rule.fieldPath, 'must be a valid path'));
  return errors;
}

/** A transition rule needs a correlatable place. */
function validateUse(rule: CompiledRule, place: Place, at: string): FieldErrors {
  if (!rule.isTransition)
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

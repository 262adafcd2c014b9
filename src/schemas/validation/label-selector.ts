/** `LabelSelector` objects as specs carry them. */
import { asList, asRecord, asRecords, asString, type Fields } from '../json-access.ts';
import { validateLabels } from './metadata.ts';
import { labelValue, qualifiedName } from './names.ts';
import { append, type FieldErrors, forbidden, indexed, invalid, invalidAll, required } from './report.ts';

export function validateLabelSelector(selector: unknown, path: string): FieldErrors {
  const { matchLabels, matchExpressions } = asRecord(selector);
  const errors = validateLabels(matchLabels, `${path}.matchLabels`);
  for (const [index, expression] of asRecords(matchExpressions).entries())
    append(errors, validateExpression(expression, `${path}.matchExpressions[${index}]`));
  return errors;
}

function validateExpression(expression: Fields, path: string): FieldErrors {
  const errors = validateOperator(expression, path, []);
  const key = asString(expression['key']);
  append(errors, invalidAll(`${path}.key`, key, qualifiedName(key)));
  for (const [index, value] of asList(expression['values']).entries())
    append(errors, invalidAll(indexed(`${path}.values`, index), value, labelValue(asString(value))));
  return errors;
}

/** The operator and its number of values. The `ordered` ones compare with one value. */
export function validateOperator(expression: Fields, path: string, ordered: readonly string[]): FieldErrors {
  const operator = asString(expression['operator']);
  const count = asList(expression['values']).length;
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (count > 0) return [];
      return [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      if (count === 0) return [];
      return [
        forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      ];
    default:
      if (!ordered.includes(operator))
        return [invalid(`${path}.operator`, operator, 'not a valid selector operator')];
      if (count === 1) return [];
      return [required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
  }
}

export function isEmptySelector(selector: unknown): boolean {
  const { matchLabels, matchExpressions } = asRecord(selector);
  return Object.keys(asRecord(matchLabels)).length === 0 && asList(matchExpressions).length === 0;
}

/** Selectors and label sets as text: `app=web,tier in (x,z)`. */
import { isRecord } from '../../base/json.ts';
import { NONE } from './types.ts';

export function labelsText(labels: unknown): string {
  if (!isRecord(labels)) return NONE;
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${String(labels[key])}`);
  return pairs.length === 0 ? NONE : pairs.join(',');
}

interface Expression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** A `metav1.LabelSelector` in the notation of `-l`. */
export function selectorText(selector: unknown): string {
  if (!isRecord(selector)) return NONE;
  const parts: { key: string; text: string }[] = [];
  if (isRecord(selector['matchLabels']))
    for (const [key, value] of Object.entries(selector['matchLabels']))
      parts.push({ key, text: `${key}=${String(value)}` });
  const expressions = selector['matchExpressions'];
  if (Array.isArray(expressions))
    for (const expression of expressions as Expression[])
      parts.push({ key: expression.key, text: expressionText(expression) });
  parts.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return parts.length === 0 ? NONE : parts.map((part) => part.text).join(',');
}

function expressionText({ key, operator, values }: Expression): string {
  const list = `(${[...(values ?? [])].sort().join(',')})`;
  if (operator === 'In') return `${key} in ${list}`;
  if (operator === 'NotIn') return `${key} notin ${list}`;
  return operator === 'DoesNotExist' ? `!${key}` : key;
}

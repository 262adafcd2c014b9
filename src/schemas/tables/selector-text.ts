/** Selectors and label sets as cells: `app=web,tier in (x,z)`, or `<none>`. */
import { isRecord } from '../../base/json.ts';
import { labelSelectorText } from '../values/selectors.ts';
import { NONE } from './columns.ts';

export function labelsText(labels: unknown): string {
  if (!isRecord(labels)) return NONE;
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${String(labels[key])}`);
  return pairs.length === 0 ? NONE : pairs.join(',');
}

export const selectorText = (selector: unknown): string => labelSelectorText(selector) || NONE;

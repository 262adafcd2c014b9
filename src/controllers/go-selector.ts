import { asList, asRecord, asRecords, asString, isAbsent } from '../schemas/json-access.ts';

/** As Go prints a `LabelSelector` object; messages of events show it. Pure. */
export function goSelector(selector: unknown): string {
  if (isAbsent(selector)) return 'nil';
  const { matchLabels, matchExpressions } = asRecord(selector);
  const labels = Object.entries(asRecord(matchLabels)).sort(([a], [b]) => (a < b ? -1 : 1));
  const terms = asRecords(matchExpressions).map(
    ({ key, operator, values }) =>
      `LabelSelectorRequirement{Key:${asString(key)},Operator:${asString(operator)},Values:[${asList(values).map(asString).join(' ')}],},`,
  );
  const map = labels.map(([key, value]) => `${key}: ${asString(value)},`).join('');
  return `&LabelSelector{MatchLabels:map[string]string{${map}},MatchExpressions:[]LabelSelectorRequirement{${terms.join('')}},}`;
}

/**
 * `matchLabelKeys` and `mismatchLabelKeys` of affinity terms (KEP-3633) and spread constraints
 * (KEP-3243). At a pod's creation the values of its own labels are written into the label selector.
 * Filters and scorers read the selector alone. Keys that the pod has no label for are ignored.
 * Templates stay as they are.
 */
import { isRecord } from '../../../base/json.ts';
import { asList, asRecord, type Fields } from '../../json-access.ts';

type Labels = Fields;
/** The spec with its selectors completed; the same object where there is nothing to complete. */
export function withMatchLabelKeys(spec: Fields, labels: Labels): Fields {
  const affinity = affinityWith(spec['affinity'], labels);
  const constraints = listWith(spec['topologySpreadConstraints'], (item) => selecting(item, labels));
  return {
    ...spec,
    ...(affinity === undefined ? {} : { affinity }),
    ...(constraints === undefined ? {} : { topologySpreadConstraints: constraints }),
  };
}

function affinityWith(affinity: unknown, labels: Labels): unknown {
  if (affinity === undefined || affinity === null) return affinity;
  const completed = { ...asRecord(affinity) };
  for (const side of ['podAffinity', 'podAntiAffinity']) {
    if (completed[side] === undefined || completed[side] === null) continue;
    const terms = { ...asRecord(completed[side]) };
    const required = 'requiredDuringSchedulingIgnoredDuringExecution';
    const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
    if (required in terms) terms[required] = listWith(terms[required], (term) => selecting(term, labels));
    if (preferred in terms)
      terms[preferred] = listWith(terms[preferred], (weighted) => ({
        ...weighted,
        podAffinityTerm: selecting(asRecord(weighted['podAffinityTerm']), labels),
      }));
    completed[side] = terms;
  }
  return completed;
}

const listWith = (list: unknown, complete: (item: Fields) => Fields): unknown =>
  Array.isArray(list) ? list.map((item: unknown) => (isRecord(item) ? complete(item) : item)) : list;

/** A term or constraint without a selector is refused by validation when it has keys. */
function selecting(item: Fields, labels: Labels): Fields {
  const { labelSelector, matchLabelKeys, mismatchLabelKeys } = item;
  const added = [
    ...expressions(matchLabelKeys, 'In', labels),
    ...expressions(mismatchLabelKeys, 'NotIn', labels),
  ];
  if (added.length === 0 || labelSelector === undefined || labelSelector === null) return item;
  const selector = asRecord(labelSelector);
  return {
    ...item,
    labelSelector: { ...selector, matchExpressions: [...asList(selector['matchExpressions']), ...added] },
  };
}

function expressions(keys: unknown, operator: 'In' | 'NotIn', labels: Labels): readonly Fields[] {
  return asList(keys).flatMap((key) =>
    typeof key === 'string' && Object.hasOwn(labels, key) ? [{ key, operator, values: [labels[key]] }] : [],
  );
}

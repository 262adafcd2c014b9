/** A LabelSelector compiled once and asked many times. */
import { labelSelectorRequirements, matchesRequirements } from '../schemas/values/selectors.ts';
import type { LabelPredicate } from './types.ts';

export function compileLabelSelector(selector: unknown): LabelPredicate {
  const requirements = labelSelectorRequirements(selector);
  return requirements ? (labels) => matchesRequirements(requirements, labels) : () => false;
}

/** The fields of a claim's spec that are not implemented, in claims and in templates of claims. */
import { type FieldRule, refused } from './rules.ts';

export const BLOCK_ADVICE = 'raw block volumes are not implemented; use Filesystem';
export const ATTRIBUTES_ADVICE = 'volumes here have no attributes that could change; remove it';
const SOURCE_ADVICE = 'volumes begin empty; fill one with symphony restore volume';

/** `spec`: the path of the claim's spec. */
export const claimRules = (spec: string): readonly FieldRule[] => [
  refused(`${spec}.dataSource`, SOURCE_ADVICE),
  refused(`${spec}.dataSourceRef`, SOURCE_ADVICE),
  refused(`${spec}.volumeAttributesClassName`, ATTRIBUTES_ADVICE),
  refused(`${spec}.volumeMode`, BLOCK_ADVICE, ['Filesystem']),
];

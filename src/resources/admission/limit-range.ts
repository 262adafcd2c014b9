/**
 * LimitRanges: defaults for new pods, bounds for pods and claims. Source: the plug-in LimitRanger.
 */
import { isPod } from '../../schemas/pods/pod-marks.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { Pod } from '../../schemas/types.ts';
import { deny } from '../refusals.ts';
import { claimComplaints, podComplaints, withLimitDefaults } from './plan-limit-range.ts';
import type { AdmissionRule } from './types.ts';

const LIMIT_RANGES = { group: '', plural: 'limitranges' } as const;

export const limitRangeDefaults: AdmissionRule = {
  name: 'LimitRangeDefaults',
  applies: ({ kind, operation }) => isPod(kind) && operation === 'create',
  async admit({ object }, { list }) {
    return withLimitDefaults(object as Pod, await list(LIMIT_RANGES, object.metadata.namespace));
  },
};

export const limitRangeChecks: AdmissionRule = {
  name: 'LimitRanger',
  applies: ({ kind, operation, subresource }) =>
    isPod(kind)
      ? operation === 'create' || subresource === 'resize'
      : resourceIdOf(kind) === 'persistentvolumeclaims',
  async admit({ kind, object }, { list }) {
    const ranges = await list(LIMIT_RANGES, object.metadata.namespace);
    const complaints = isPod(kind) ? podComplaints(object as Pod, ranges) : claimComplaints(object, ranges);
    const [first] = complaints;
    if (first === undefined) return object;
    throw deny(kind, object, complaints.length === 1 ? first : `[${complaints.join(', ')}]`);
  },
};

/**
 * LimitRanges: defaults for new pods, bounds for pods and claims. Source: the plug-in LimitRanger.
 */
import type { Pod } from '../../schemas/types.ts';
import { deny } from './deny.ts';
import { claimComplaints, podComplaints, withLimitDefaults } from './plan-limit-range.ts';
import type { AdmissionRequest, AdmissionRule } from './types.ts';

const LIMIT_RANGES = { group: '', plural: 'limitranges' } as const;

const isCore = ({ kind }: AdmissionRequest, name: string): boolean => kind.group === '' && kind.kind === name;

export const limitRangeDefaults: AdmissionRule = {
  name: 'LimitRangeDefaults',
  applies: (request) => isCore(request, 'Pod') && request.operation === 'create',
  async admit({ object }, { list }) {
    return withLimitDefaults(object as Pod, await list(LIMIT_RANGES, object.metadata.namespace));
  },
};

export const limitRangeChecks: AdmissionRule = {
  name: 'LimitRanger',
  applies: (request) =>
    isCore(request, 'Pod')
      ? request.operation === 'create' || request.subresource === 'resize'
      : isCore(request, 'PersistentVolumeClaim'),
  async admit(request, { list }) {
    const { kind, object } = request;
    const ranges = await list(LIMIT_RANGES, object.metadata.namespace);
    const complaints = isCore(request, 'Pod')
      ? podComplaints(object as Pod, ranges)
      : claimComplaints(object, ranges);
    const [first] = complaints;
    if (first === undefined) return object;
    throw deny(kind, object, complaints.length === 1 ? first : `[${complaints.join(', ')}]`);
  },
};

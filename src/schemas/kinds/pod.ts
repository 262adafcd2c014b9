import { part } from '../defaults/draft.ts';
import { defaultPod, defaultPodSpec } from '../defaults/pod-spec.ts';
import { withMatchLabelKeys } from '../defaults/match-label-keys.ts';
import { admitPod, initialPodStatus } from '../defaults/pod-admission.ts';
import { asRecord } from '../json-access.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validateEphemeralUpdate, validateNoEphemeral } from '../validation/ephemeral-containers.ts';
import { validatePodResize } from '../validation/pod-resize.ts';
import { validatePodSpec } from '../validation/pod-spec.ts';
import { validatePodUpdate } from '../validation/pod-update.ts';
import { defineKind } from './define-kind.ts';

export const podKind = defineKind({
  group: '',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  subresources: [
    'proxy',
    'attach',
    'binding',
    'ephemeralcontainers',
    'eviction',
    'exec',
    'log',
    'portforward',
    'resize',
    'status',
  ],
  applyOrder: 120,
  countsGeneration: true,
  nameRule: dns1123Subdomain,
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    defaultPodSpec(spec);
    defaultPod(spec);
  },
  initialStatus: initialPodStatus,
  prepareForCreate: (pod) => ({
    ...pod,
    spec: withMatchLabelKeys(admitPod(asRecord(pod['spec'])), asRecord(pod.metadata.labels)),
  }),
  validate: (pod) => [
    ...validatePodSpec(pod['spec'], 'spec'),
    // What has no version yet is about to be created.
    ...(asRecord(pod.metadata)['resourceVersion'] === undefined
      ? validateNoEphemeral(pod['spec'], 'spec', 'cannot be set on create')
      : []),
  ],
  validateUpdate: validatePodUpdate,
  validateSubresource(next, current, subresource) {
    if (subresource === 'ephemeralcontainers') return validateEphemeralUpdate(next, current);
    return subresource === 'resize' ? validatePodResize(next, current) : [];
  },
});

import { podTable } from './table.ts';
import { flagFields, textFields } from '../../values/field-selectors.ts';
import { isRecord } from '../../../base/json.ts';
import { part } from '../../defaults/draft.ts';
import { defaultPod, defaultPodSpec } from '../../defaults/pod-spec.ts';
import { withAppArmorOf } from './apparmor.ts';
import { withMatchLabelKeys } from './match-label-keys.ts';
import { admitPod, admitPodUpdate, initialPodStatus, preparePodStatus } from './admission.ts';
import { asRecord } from '../../json-access.ts';
import { validateEphemeralUpdate } from '../../validation/ephemeral-containers.ts';
import { validatePodResize } from './resize-validation.ts';
import { validateNewPod, validatePod } from './validation.ts';
import { validatePodStatus } from './status-validation.ts';
import { validatePodUpdate } from './update-validation.ts';
import { defineKind } from '../define-kind.ts';

export const podKind = defineKind({
  group: '',
  kind: 'Pod',
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
  table: podTable,
  selectable: {
    ...textFields(
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ),
    ...flagFields('spec.hostNetwork'),
  },
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    defaultPodSpec(spec);
    defaultPod(spec);
  },
  initialStatus: initialPodStatus,
  prepareForCreate(pod) {
    const { labels, annotations } = asRecord(pod.metadata);
    const spec = withMatchLabelKeys(admitPod(pod), asRecord(labels));
    return { ...pod, spec: withAppArmorOf(asRecord(annotations), spec) };
  },
  prepareForUpdate: (next) =>
    isRecord(next['spec']) ? { ...next, spec: admitPodUpdate(next['spec']) } : next,
  prepareStatus: preparePodStatus,
  // A pod without a version is about to be created.
  validate: (pod) => [
    ...validatePod(pod),
    ...(asRecord(pod.metadata)['resourceVersion'] === undefined ? validateNewPod(pod) : []),
  ],
  validateUpdate: validatePodUpdate,
  validateStatus: validatePodStatus,
  validateSubresource(next, current, subresource) {
    if (subresource === 'ephemeralcontainers') return validateEphemeralUpdate(next, current);
    return subresource === 'resize' ? validatePodResize(next, current) : [];
  },
});

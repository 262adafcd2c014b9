/** Pods as a whole: their annotations, their spec, and the rules that templates are exempt from. */
import { asRecord, asRecords, asString } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { validateImages } from '../../validation/containers.ts';
import { validateNoEphemeral } from '../../validation/ephemeral-containers.ts';
import { validatePodAnnotations, validateProfileMatch } from '../../validation/pod-annotations.ts';
import { validatePodSpec } from '../../validation/pod-spec.ts';
import { append, type FieldErrors, forbidden } from '../../validation/report.ts';

export function validatePod(pod: KubeObject): FieldErrors {
  const spec = asRecord(pod['spec']);
  const { name, annotations } = asRecord(pod.metadata);
  return [
    ...validatePodAnnotations(annotations, spec, 'metadata.annotations'),
    ...validatePodSpec(spec, 'spec', asString(name)),
    ...validateImages(spec, 'spec'),
  ];
}

/** Refused in a new pod. */
export function validateNewPod(pod: KubeObject): FieldErrors {
  const spec = asRecord(pod['spec']);
  const errors = validateNoEphemeral(spec, 'spec', 'cannot be set on create');
  if (asString(spec['nodeName']) !== '' && asRecords(spec['schedulingGates']).length > 0)
    errors.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  append(errors, validateProfileMatch(asRecord(pod.metadata)['annotations'], spec, 'spec'));
  return errors;
}

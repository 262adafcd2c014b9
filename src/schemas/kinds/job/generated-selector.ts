/** The selector and the labels that the API gives a Job, unless `manualSelector` is set. Pure. */
import { asRecord, asString } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { labelValue } from '../../validation/names.ts';

export const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid';
/** In the order in which upstream checks them; the ones without a domain are older. */
export const UID_LABELS = ['controller-uid', CONTROLLER_UID] as const;
export const NAME_LABELS = ['job-name', 'batch.kubernetes.io/job-name'] as const;

/** Labels that the user has set stay: validation refuses those that contradict. */
export function prepareJobForCreate(job: KubeObject): KubeObject {
  const spec = asRecord(job['spec']);
  if (spec['manualSelector'] === true) return job;
  const uid = asString(job.metadata.uid);
  const generated = {
    ...Object.fromEntries(UID_LABELS.map((label) => [label, uid])),
    ...Object.fromEntries(NAME_LABELS.map((label) => [label, job.metadata.name])),
  };
  const template = asRecord(spec['template']);
  const templateMetadata = asRecord(template['metadata']);
  const labels = { ...generated, ...asRecord(templateMetadata['labels']) } as Record<string, string>;
  const selector = asRecord(spec['selector']);
  const matchLabels = { [CONTROLLER_UID]: uid, ...asRecord(selector['matchLabels']) };
  // Upstream takes the labels of the template when it reads the object, after validation.
  const isLabelled = Object.keys(asRecord(job.metadata.labels)).length > 0;
  const takesLabels = !isLabelled && labelValue(job.metadata.name).length === 0;
  return {
    ...job,
    metadata: takesLabels ? { ...job.metadata, labels } : job.metadata,
    spec: {
      ...spec,
      selector: { ...selector, matchLabels },
      template: { ...template, metadata: { ...templateMetadata, labels } },
    },
  };
}

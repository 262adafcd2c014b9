/** Changes of a Job. Most of its spec is immutable; the template may change while it is suspended. */
import { asNumber, asRecord, asRecords, type Fields, omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { FIELD_IS_IMMUTABLE, immutable } from '../../validation/metadata.ts';
import { append, type FieldErrors, invalid } from '../../validation/report.ts';
import { semanticallyEqual } from '../../validation/semantic-equality.ts';
import { validateJobSpec } from './validation.ts';

const IMMUTABLE = [
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
];

export function validateJobUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [spec, old] = [asRecord(next['spec']), asRecord(current['spec'])];
  // Upstream validates the spec once more here, and lists what is wrong with it twice.
  const errors = [...validateJobSpec(spec), ...validateCompletions(spec, old)];
  append(errors, immutable(spec['selector'], old['selector'], 'spec.selector'));
  append(errors, validateTemplateUpdate(spec, old, isAtRest(current)));
  for (const field of IMMUTABLE) append(errors, immutable(spec[field], old[field], `spec.${field}`));
  return errors;
}

/** An Indexed Job may grow and shrink, if its parallelism does the same. */
function validateCompletions(spec: Fields, old: Fields): FieldErrors {
  const path = 'spec.completions';
  if (spec['completionMode'] !== 'Indexed') return immutable(spec['completions'], old['completions'], path);
  const completions = asNumber(spec['completions']);
  if (completions === undefined || completions === old['completions']) return [];
  if (completions === spec['parallelism']) return [];
  return [invalid(path, completions, 'can only be modified in tandem with spec.parallelism')];
}

/** Suspended, and none of its pods runs any more. */
function isAtRest(job: KubeObject): boolean {
  const { active } = asRecord(job['status']);
  return asRecord(job['spec'])['suspend'] === true && (asNumber(active) ?? 0) === 0;
}

function validateTemplateUpdate(spec: Fields, old: Fields, atRest: boolean): FieldErrors {
  const [template, oldTemplate] = [asRecord(spec['template']), asRecord(old['template'])];
  if (!atRest) {
    if (semanticallyEqual(template, oldTemplate)) return [];
    return [invalid('spec.template', template, FIELD_IS_IMMUTABLE)];
  }
  const [pod, oldPod] = [asRecord(template['spec']), asRecord(oldTemplate['spec'])];
  if (semanticallyEqual(withoutMutable(pod), withoutMutable(oldPod))) return [];
  return [invalid('spec.template.spec', pod, FIELD_IS_IMMUTABLE)];
}

/** The rest of a pod's spec: how and with what it is scheduled may change. */
function withoutMutable(pod: Fields): Fields {
  const affinity = omit(asRecord(pod['affinity']), 'nodeAffinity');
  const rest = omit(pod, 'affinity', 'nodeSelector', 'tolerations', 'schedulingGates');
  const lists = ['containers', 'initContainers'].filter((list) => Array.isArray(pod[list]));
  return {
    ...rest,
    ...(Object.keys(affinity).length > 0 ? { affinity } : {}),
    ...Object.fromEntries(lists.map((list) => [list, asRecords(pod[list]).map(withoutAmounts)])),
  };
}

function withoutAmounts(container: Fields): Fields {
  return { ...container, resources: omit(asRecord(container['resources']), 'requests', 'limits') };
}

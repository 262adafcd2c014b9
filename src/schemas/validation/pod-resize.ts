/** In-place changes of what a running pod may use (KEP-1287): cpu and memory of its containers, and nothing else. */
import { asRecord, asRecords, asString, type JsonRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { qosClass } from '../pod-resources.ts';
import { jsonEqual } from '../../base/json.ts';
import { type FieldErrors, forbidden, invalid } from './report.ts';

type Fields = Readonly<JsonRecord>;

const RESIZABLE = ['cpu', 'memory'];
const ENDED = ['Succeeded', 'Failed'];

export function validatePodResize(next: KubeObject, current: KubeObject): FieldErrors {
  const spec = asRecord(next['spec']);
  const old = asRecord(current['spec']);
  const errors: FieldErrors = [];
  if (ENDED.includes(asString(asRecord(current['status'])['phase'])))
    errors.push(forbidden('', 'pod has terminated and cannot be resized'));
  for (const list of ['containers', 'initContainers'])
    for (const [index, container] of asRecords(spec[list]).entries()) {
      const before = asRecords(old[list])[index];
      if (before) errors.push(...validateResources(container, before, `spec.${list}[${index}].resources`));
    }
  // The class was decided when the pod was created; what runs depends on it.
  const before = asString(asRecord(current['status'])['qosClass']) || qosClass(old);
  if (qosClass(spec) !== before)
    errors.push(invalid('spec', before, 'Pod QOS Class may not change as a result of resizing'));
  return errors;
}

function validateResources(container: Fields, before: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const [next, old] = [asRecord(container['resources']), asRecord(before['resources'])];
  for (const [side, what] of [
    ['limits', 'resource limits cannot be removed'],
    ['requests', 'resource requests cannot be removed'],
  ] as const) {
    const [now, then] = [asRecord(next[side]), asRecord(old[side])];
    if (RESIZABLE.some((name) => name in then && !(name in now)))
      errors.push(forbidden(`${path}.${side}`, what));
    const others = (amounts: Fields): Fields =>
      Object.fromEntries(Object.entries(amounts).filter(([name]) => !RESIZABLE.includes(name)));
    if (!jsonEqual(others(now), others(then)))
      errors.push(forbidden('spec', 'only cpu and memory resources are mutable'));
  }
  if (!jsonEqual(next['claims'], old['claims']))
    errors.push(forbidden('spec', 'only cpu and memory resources are mutable'));
  return errors;
}

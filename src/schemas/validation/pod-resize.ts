/** In-place changes of what a running pod may use (KEP-1287): cpu and memory of its containers, and nothing else. */
import { jsonEqual } from '../../base/json.ts';
import { asRecord, asRecords, asString, getPath, type JsonRecord, omit } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { qosClass } from '../pod-resources.ts';
import { annotationErrors } from './pod-update.ts';
import { MIRROR_POD } from './pod-annotations.ts';
import { append, type FieldErrors, forbidden, invalid } from './report.ts';

type Fields = Readonly<JsonRecord>;

const RESIZABLE = ['cpu', 'memory'];
const ENDED = ['Succeeded', 'Failed'];
const SIDES = ['requests', 'limits'] as const;

export function validatePodResize(next: KubeObject, current: KubeObject): FieldErrors {
  const spec = asRecord(next['spec']);
  const old = asRecord(current['spec']);
  const errors = annotationErrors(next, current);
  if (getPath(current, 'metadata', 'annotations', MIRROR_POD) !== undefined)
    return [...errors, forbidden('', 'static pods cannot be resized')];
  if (getPath(old, 'os', 'name') === 'windows')
    return [...errors, forbidden('', 'windows pods cannot be resized')];
  if (ENDED.includes(asString(asRecord(current['status'])['phase'])))
    errors.push(forbidden('', 'pod has terminated and cannot be resized'));
  // The class was decided when the pod was created; what runs depends on it.
  const before = asString(asRecord(current['status'])['qosClass']) || qosClass(old);
  if (qosClass(spec) !== before)
    errors.push(invalid('spec', before, 'Pod QOS Class may not change as a result of resizing'));
  for (const list of ['initContainers', 'containers'])
    for (const [index, container] of asRecords(spec[list]).entries()) {
      const was = asRecords(old[list])[index];
      if (was) append(errors, removals(container, was, `spec.${list}[${index}].resources`));
    }
  if (!jsonEqual(withoutResizable(spec), withoutResizable(old)))
    errors.push(forbidden('spec', 'only cpu and memory resources are mutable'));
  return errors;
}

function removals(container: Fields, before: Fields, path: string): FieldErrors {
  return SIDES.flatMap((side) => {
    const [now, then] = [container, before].map((one) => asRecord(asRecord(one['resources'])[side]));
    const isRemoved = RESIZABLE.some((name) => then?.[name] !== undefined && now?.[name] === undefined);
    return isRemoved ? [forbidden(`${path}.${side}`, `resource ${side} cannot be removed`)] : [];
  });
}

/** The spec without cpu and memory of the containers that run; of init containers only sidecars are among them. */
function withoutResizable(spec: Fields): Fields {
  const strip = (container: Fields): Fields => {
    const resources: JsonRecord = { ...asRecord(container['resources']) };
    for (const side of SIDES) {
      const rest = omit(asRecord(resources[side]), ...RESIZABLE);
      if (Object.keys(rest).length === 0) delete resources[side];
      else resources[side] = rest;
    }
    return { ...container, resources };
  };
  const init = asRecords(spec['initContainers']).map((container) =>
    container['restartPolicy'] === 'Always' ? strip(container) : container,
  );
  return { ...spec, containers: asRecords(spec['containers']).map(strip), initContainers: init };
}

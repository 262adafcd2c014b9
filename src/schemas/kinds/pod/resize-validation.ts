/** In-place changes of a running pod's resources (KEP-1287, KEP-5419): only cpu and memory. */
import { asRecord, asRecords, asString, type Fields, getPath, isAbsent, omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { qosClass } from '../../pods/pod-resources.ts';
import { MIRROR_POD } from '../../validation/pod-annotations.ts';
import { append, type FieldErrors, forbidden, invalid } from '../../validation/report.ts';
import { semanticallyEqual } from '../../validation/semantic-equality.ts';

const RESIZABLE = ['cpu', 'memory'];
const ENDED = ['Succeeded', 'Failed'];
const SIDES = ['requests', 'limits'] as const;

export function validatePodResize(next: KubeObject, current: KubeObject): FieldErrors {
  const [spec, old] = [asRecord(next['spec']), asRecord(current['spec'])];
  const status = asRecord(current['status']);
  if (getPath(current, 'metadata', 'annotations', MIRROR_POD) !== undefined)
    return [forbidden('', 'static pods cannot be resized')];
  if (getPath(old, 'os', 'name') === 'windows') return [forbidden('', 'windows pods cannot be resized')];
  const errors: FieldErrors = [];
  if (ENDED.includes(asString(status['phase'])))
    errors.push(forbidden('', 'pod has terminated and cannot be resized'));
  // The QoS class is fixed when the pod is created; running containers depend on it.
  const before = asString(status['qosClass']) || qosClass(old);
  if (qosClass(spec) !== before)
    errors.push(invalid('spec', before, 'Pod QOS Class may not change as a result of resizing'));
  if (!reportsResources(status))
    errors.push(forbidden('spec', 'Pod running on node without support for resize'));
  return [...errors, ...validatePodLevel(spec, old), ...validateContainers(spec, old)];
}

/** A node that can resize reports the resources of running containers. */
function reportsResources(status: Fields): boolean {
  const running = asRecords(status['containerStatuses']).find(
    ({ state }) => !isAbsent(asRecord(state)['running']),
  );
  return running === undefined || !isAbsent(running['resources']);
}

const amountsOf = (resources: unknown, side: (typeof SIDES)[number]): Fields =>
  asRecord(asRecord(resources)[side]);

function validatePodLevel({ resources }: Fields, { resources: old }: Fields): FieldErrors {
  const path = 'spec.resources';
  if (isAbsent(resources))
    return isAbsent(old) ? [] : [forbidden(path, 'pod-level resources cannot be removed')];
  const errors = removals(resources, old, path, 'pod-level resource');
  if (!semanticallyEqual(withoutResizable(resources), withoutResizable(old)))
    errors.push(forbidden('spec', 'only cpu and memory resources are mutable at pod-level'));
  return errors;
}

function validateContainers(spec: Fields, old: Fields): FieldErrors {
  const errors: FieldErrors = [];
  for (const list of ['initContainers', 'containers'])
    for (const [index, container] of asRecords(spec[list]).entries()) {
      const before = asRecords(old[list])[index] ?? {};
      const path = `spec.${list}[${index}]`;
      const [now, then] = [container['resources'], before['resources']];
      append(errors, removals(now, then, `${path}.resources`, 'resource'));
      const isInit = list === 'initContainers';
      const what = isInit ? ' for init or sidecar containers' : '';
      if (!semanticallyEqual(stripped(container), stripped(before)))
        errors.push(forbidden(isInit ? path : 'spec', `only cpu and memory resources${what} are mutable`));
      if (isInit && !semanticallyEqual(container, before)) append(errors, validateRestart(container, path));
    }
  return errors;
}

/** An init container that has run does not run again for more memory. */
function validateRestart({ restartPolicy, resizePolicy }: Fields, path: string): FieldErrors {
  const restarts = asRecords(resizePolicy).some((policy) => policy['restartPolicy'] === 'RestartContainer');
  if (restartPolicy === 'Always' || !restarts) return [];
  const detail = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized';
  return [forbidden(path, detail)];
}

function removals(now: unknown, before: unknown, path: string, what: string): FieldErrors {
  return SIDES.flatMap((side) => {
    const amounts = amountsOf(now, side);
    const isRemoved = Object.keys(amountsOf(before, side)).some((name) => !Object.hasOwn(amounts, name));
    return isRemoved ? [forbidden(`${path}.${side}`, `${what} ${side} cannot be removed`)] : [];
  });
}

const stripped = (container: Fields): Fields => ({
  ...container,
  resources: withoutResizable(container['resources']),
});

function withoutResizable(resources: unknown): Fields {
  const rest: Record<string, unknown> = { ...asRecord(resources) };
  for (const side of SIDES) rest[side] = omit(amountsOf(resources, side), ...RESIZABLE);
  return rest;
}

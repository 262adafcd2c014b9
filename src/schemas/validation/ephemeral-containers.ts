/** Debug containers: added to a running pod one by one, never changed. Upstream's texts. */
import { jsonEqual } from '../../base/json.ts';
import { words } from '../../base/words.ts';
import { asRecord, asRecords, asString, type Fields, getPath, isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { quote } from '../errors/status.ts';
import { MIRROR_POD } from './pod-annotations.ts';
import { type FieldErrors, forbidden, notFound } from './report.ts';

/** Fields that make no sense for a debugging container, in upstream's order. */
const NOT_ALLOWED = words(`
  ports resources resizePolicy restartPolicy restartPolicyRules livenessProbe readinessProbe
  startupProbe lifecycle
`);

/** The rules for ephemeral containers only. The rules of all containers are checked elsewhere. */
export function validateEphemeral(
  container: Fields,
  targets: ReadonlySet<string>,
  path: string,
): FieldErrors {
  const errors: FieldErrors = [];
  const target = asString(container['targetContainerName']);
  if (target !== '' && !targets.has(target)) errors.push(notFound(`${path}.targetContainerName`, target));
  for (const field of NOT_ALLOWED) {
    const value = container[field];
    const empty = isAbsent(value) || (typeof value === 'object' && Object.keys(value).length === 0);
    if (!empty) errors.push(forbidden(`${path}.${field}`, 'cannot be set for an Ephemeral Container'));
  }
  for (const [index, mount] of asRecords(container['volumeMounts']).entries())
    for (const field of ['subPath', 'subPathExpr'])
      if (asString(mount[field]) !== '')
        errors.push(
          forbidden(`${path}.volumeMounts[${index}].${field}`, 'cannot be set for an Ephemeral Container'),
        );
  return errors;
}

/** A write to the subresource: what is there stays as it is. */
export function validateEphemeralUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const path = 'spec.ephemeralContainers';
  if (getPath(current, 'metadata', 'annotations', MIRROR_POD) !== undefined)
    return [forbidden('', 'static pods do not support ephemeral containers')];
  const after = new Map(
    asRecords(asRecord(next['spec'])['ephemeralContainers']).map((item) => [item['name'], item]),
  );
  return asRecords(asRecord(current['spec'])['ephemeralContainers']).flatMap((before) => {
    const now = after.get(before['name']);
    const name = quote(asString(before['name']));
    if (!now) return [forbidden(path, `existing ephemeral containers ${name} may not be removed\n`)];
    if (jsonEqual(now, before)) return [];
    return [forbidden(path, `existing ephemeral containers ${name} may not be changed\n`)];
  });
}

/** They come through their subresource only. */
export function validateNoEphemeral(spec: unknown, path: string, detail: string): FieldErrors {
  const containers = asRecords(asRecord(spec)['ephemeralContainers']);
  return containers.length === 0 ? [] : [forbidden(`${path}.ephemeralContainers`, detail)];
}

/** Events live where the object lives that they are about. */
import { asRecord, asString } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { type FieldErrors, invalid } from './report.ts';

export function validateEvent(object: KubeObject): FieldErrors {
  const about = asString(asRecord(object['involvedObject'])['namespace']);
  const own = asString(asRecord(object.metadata)['namespace']);
  const fits = about === '' ? own === '' || own === 'default' : about === own;
  return fits ? [] : [invalid('involvedObject.namespace', about, 'does not match event.namespace')];
}

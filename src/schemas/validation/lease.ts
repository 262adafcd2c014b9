/** Leases. */
import { asRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { nonNegative, positive } from './numbers.ts';
import type { FieldErrors } from './report.ts';

export function validateLease(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  return [
    ...positive(spec['leaseDurationSeconds'], 'spec.leaseDurationSeconds'),
    ...nonNegative(spec['leaseTransitions'], 'spec.leaseTransitions'),
  ];
}

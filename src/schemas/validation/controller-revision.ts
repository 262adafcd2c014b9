/** ControllerRevisions: what a workload looked like once. */
import { isRecord } from '../../base/json.ts';
import { isAbsent } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { immutable } from './metadata.ts';
import { nonNegative } from './numbers.ts';
import { type FieldErrors, required } from './report.ts';

export function validateControllerRevision({ data, revision }: KubeObject): FieldErrors {
  return [
    ...(isAbsent(data)
      ? [required('data', 'data is mandatory')]
      : isRecord(data)
        ? []
        : [required('data', 'data must be a valid JSON object')]),
    ...nonNegative(revision, 'revision'),
  ];
}

export function validateControllerRevisionUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return immutable(next['data'], current['data'], 'data');
}

/**
 * A CronJob is degraded when its last run has failed, as Argo CD assesses it since 3.2. While one
 * runs, or before the first success, nothing is known. A suspended one is as Git wants it.
 */
import { type Health, type Assessor, degraded, healthy } from './types.ts';
import { listAt, recordAt, timeAt } from './fields.ts';

export const assessCronJob: Assessor = (object): Health => {
  const status = recordAt(object, 'status');
  const succeededMs = timeAt(status, 'lastSuccessfulTime');
  const isIdle = listAt(status, 'active').length === 0 && recordAt(object, 'spec')?.['suspend'] !== true;
  return isIdle && succeededMs > 0 && succeededMs < timeAt(status, 'lastScheduleTime')
    ? degraded('CronJob has not completed its last execution successfully')
    : healthy;
};

/**
 * A CronJob is degraded when its last run has failed, as Argo CD assesses it since 3.2. While one
 * runs, or before the first success, nothing is known.
 */
import { type Health, type Assessor, degraded, healthy } from './types.ts';
import { listAt, recordAt, timeAt } from './fields.ts';

export const assessCronJob: Assessor = (object): Health => {
  const status = recordAt(object, 'status');
  const succeededMs = timeAt(status, 'lastSuccessfulTime');
  if (recordAt(object, 'spec')?.['suspend'] === true)
    return { status: 'Suspended', message: 'CronJob is Suspended' };
  const isIdle = listAt(status, 'active').length === 0;
  return isIdle && succeededMs > 0 && succeededMs < timeAt(status, 'lastScheduleTime')
    ? degraded('CronJob has not completed its last execution successfully')
    : healthy;
};

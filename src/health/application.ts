/** An Application inside another one is as healthy as it says of itself. */
import { type Health, type Assessor, type HealthStatus, progressing } from './types.ts';
import { recordAt, textAt } from './fields.ts';

const KNOWN: ReadonlySet<string> = new Set<HealthStatus>([
  'Healthy',
  'Progressing',
  'Degraded',
  'Suspended',
  'Missing',
  'Unknown',
]);

export const assessNestedApplication: Assessor = (object): Health => {
  const health = recordAt(recordAt(object, 'status'), 'health');
  const status = textAt(health, 'status');
  if (!KNOWN.has(status)) return progressing('Waiting for the application to be synced');
  return { status: status as HealthStatus, message: textAt(health, 'message') };
};

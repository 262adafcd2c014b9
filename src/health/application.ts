/** An Application inside another one has the health of its own status. */
import { recordAt, textAt } from './fields.ts';
import { type Assessor, type Health, healthStatuses, progressing } from './types.ts';

export const assessNestedApplication: Assessor = (object): Health => {
  const health = recordAt(recordAt(object, 'status'), 'health');
  const status = healthStatuses.find((known) => known === textAt(health, 'status'));
  if (!status) return progressing('Waiting for the application to be synced');
  return { status, message: textAt(health, 'message') };
};

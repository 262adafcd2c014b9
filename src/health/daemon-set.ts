/** The health of a DaemonSet, in Argo CD's words. */
import { numberAt, recordAt, textAt } from './fields.ts';
import { type Assessor, type Health, healthy, progressing } from './types.ts';

export const assessDaemonSet: Assessor = (object): Health => {
  const status = recordAt(object, 'status');
  const { generation = 0, name } = object.metadata;
  if (numberAt(status, 'observedGeneration') < generation)
    return progressing(
      'Waiting for rollout to finish: observed daemon set generation less than desired generation',
    );
  const desired = numberAt(status, 'desiredNumberScheduled');
  const updated = numberAt(status, 'updatedNumberScheduled');
  const strategy = recordAt(recordAt(object, 'spec'), 'updateStrategy');
  if (textAt(strategy, 'type') === 'OnDelete') {
    const message = `daemon set ${updated} out of ${desired} new pods have been updated`;
    return { status: 'Healthy', message };
  }
  const rollout = `Waiting for daemon set "${name}" rollout to finish`;
  if (updated < desired)
    return progressing(`${rollout}: ${updated} out of ${desired} new pods have been updated...`);
  const available = numberAt(status, 'numberAvailable');
  if (available < desired)
    return progressing(`${rollout}: ${available} of ${desired} updated pods are available...`);
  return healthy;
};

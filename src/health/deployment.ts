/** A Deployment is healthy once its rollout is complete, as in `kubectl rollout status`. */
import { type Health, type Assessor, degraded, healthy, progressing } from './types.ts';
import { conditionOf, numberAt, recordAt } from './fields.ts';

export const assessDeployment: Assessor = (object): Health => {
  const spec = recordAt(object, 'spec');
  const status = recordAt(object, 'status');
  if (spec?.['paused'] === true) return { status: 'Suspended', message: 'Deployment is paused' };
  if (numberAt(status, 'observedGeneration', 0) < (object.metadata.generation ?? 0))
    return progressing('Waiting for rollout to finish: the newest generation has not been observed yet');
  if (conditionOf(status, 'Progressing')?.['reason'] === 'ProgressDeadlineExceeded')
    return degraded(`Deployment "${object.metadata.name}" exceeded its progress deadline`);
  const replicas = numberAt(spec, 'replicas', 1);
  const updated = numberAt(status, 'updatedReplicas');
  const existing = numberAt(status, 'replicas');
  const available = numberAt(status, 'availableReplicas');
  if (updated < replicas) {
    return progressing(
      `Waiting for rollout to finish: ${updated} out of ${replicas} new replicas have been updated`,
    );
  }
  if (existing > updated) {
    return progressing(
      `Waiting for rollout to finish: ${existing - updated} old replicas are pending termination`,
    );
  }
  if (available < updated) {
    return progressing(
      `Waiting for rollout to finish: ${available} of ${updated} updated replicas are available`,
    );
  }
  return healthy;
};

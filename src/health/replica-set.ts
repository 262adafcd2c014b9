/** A ReplicaSet or ReplicationController is healthy when as many pods as it wants are available. */
import { type Health, type Assessor, degraded, healthy, progressing } from './types.ts';
import { conditionOf, numberAt, recordAt, textAt } from './fields.ts';

export const assessReplicaSet: Assessor = (object): Health => {
  const status = recordAt(object, 'status');
  if (numberAt(status, 'observedGeneration') < (object.metadata.generation ?? 0))
    return progressing('Waiting for rollout to finish: the newest generation has not been observed yet');
  const failure = conditionOf(status, 'ReplicaFailure');
  if (failure?.['status'] === 'True') return degraded(textAt(failure, 'message'));
  const replicas = numberAt(recordAt(object, 'spec'), 'replicas', 1);
  const available = numberAt(status, 'availableReplicas');
  if (available < replicas) {
    return progressing(
      `Waiting for rollout to finish: ${available} out of ${replicas} new replicas are available`,
    );
  }
  return healthy;
};

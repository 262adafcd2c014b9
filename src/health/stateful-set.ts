/** The health of a StatefulSet, in Argo CD's words. */
import { numberAt, recordAt, textAt } from './fields.ts';
import { type Assessor, type Health, progressing } from './types.ts';

const healthyBecause = (message: string): Health => ({ status: 'Healthy', message });

export const assessStatefulSet: Assessor = (object): Health => {
  const spec = recordAt(object, 'spec');
  const status = recordAt(object, 'status');
  if (numberAt(status, 'observedGeneration') < (object.metadata.generation ?? 0))
    return progressing('Waiting for statefulset spec update to be observed...');
  const replicas = numberAt(spec, 'replicas', 1);
  const ready = numberAt(status, 'readyReplicas');
  if (ready < replicas) return progressing(`Waiting for ${replicas - ready} pods to be ready...`);
  const strategy = recordAt(spec, 'updateStrategy');
  const rolling = recordAt(strategy, 'rollingUpdate');
  const updated = numberAt(status, 'updatedReplicas');
  const type = textAt(strategy, 'type');
  if (type === 'RollingUpdate' && rolling) {
    const wanted = replicas - numberAt(rolling, 'partition');
    return updated < wanted
      ? progressing(
          `Waiting for partitioned roll out to finish: ${updated} out of ${wanted} new pods have been updated...`,
        )
      : healthyBecause(`partitioned roll out complete: ${updated} new pods have been updated...`);
  }
  if (type === 'OnDelete') return healthyBecause(`statefulset has ${ready} ready pods`);
  const [current, update] = ['currentRevision', 'updateRevision'].map((field) => textAt(status, field));
  return current === update
    ? healthyBecause(
        `statefulset rolling update complete ${numberAt(status, 'currentReplicas')} pods at revision ${current}...`,
      )
    : progressing(
        `waiting for statefulset rolling update to complete ${updated} pods at revision ${update}...`,
      );
};

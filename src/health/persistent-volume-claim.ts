/** Claims, as Argo CD assesses them: a claim is healthy once it is bound. */
import type { KubeObject } from '../schemas/object.ts';
import { driverOf, PROVISIONER_ANNOTATION } from '../schemas/volumes/drivers.ts';
import { type Assessor, degraded, type Health, healthy, progressing, type Warning } from './types.ts';
import { recordAt, textAt } from './fields.ts';

export const assessPersistentVolumeClaim: Assessor = (object): Health => {
  const spec = recordAt(object, 'spec');
  switch (textAt(recordAt(object, 'status'), 'phase')) {
    case 'Bound':
      return healthy;
    case 'Lost':
      return degraded(`The volume ${JSON.stringify(textAt(spec, 'volumeName'))} of this claim is gone`);
    default:
      // Otherwise an event explains the wait.
      return progressing(
        textAt(spec, 'storageClassName') === '' && textAt(spec, 'volumeName') === ''
          ? 'No PersistentVolume fits this claim, and it has no StorageClass'
          : '',
      );
  }
};

/** Explains why a claim has no volume yet; undefined if it is bound. `warning` is its newest one. */
export function explainClaim(claim: KubeObject, warning: Warning | undefined): string | undefined {
  const { status, message } = assessPersistentVolumeClaim(claim);
  if (status === 'Healthy') return undefined;
  return message || (warning ? `${warning.reason}: ${warning.message}` : waitOf(claim));
}

/** No condition shows it. */
export const AWAITS_POD = 'Waiting for the first pod that uses this claim';

function waitOf({ metadata, spec }: KubeObject): string {
  const volume = textAt(spec, 'volumeName');
  if (volume !== '') return `Waiting for the PersistentVolume ${JSON.stringify(volume)}`;
  const provisioner = metadata.annotations?.[PROVISIONER_ANNOTATION];
  if (provisioner === undefined) return AWAITS_POD;
  const advice = driverOf(provisioner) ? '' : '; Symphony has none of this name: use the class local';
  return `Waiting for the provisioner ${JSON.stringify(provisioner)} to make the volume${advice}`;
}

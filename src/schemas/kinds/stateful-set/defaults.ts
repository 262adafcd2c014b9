/** Defaults of StatefulSets (`SetDefaults_StatefulSet`) and of their claim templates. */
import { type Draft, dropZero, ensurePart, fill, fillZero, part, parts } from '../../defaults/draft.ts';
import { defaultClaimSpec } from '../../defaults/volumes.ts';
import { defaultTemplate } from '../../defaults/workloads.ts';

export function defaultStatefulSet(draft: Draft): void {
  fill(part(draft, 'status'), { availableReplicas: 0 });
  const spec = part(draft, 'spec');
  dropZero(spec, ['minReadySeconds']);
  fillZero(spec, { podManagementPolicy: 'OrderedReady' });
  fill(spec, { replicas: 1, revisionHistoryLimit: 10, serviceName: '' });
  fill(part(spec, 'ordinals'), { start: 0 });
  const policy = ensurePart(spec, 'persistentVolumeClaimRetentionPolicy');
  fillZero(policy, { whenDeleted: 'Retain', whenScaled: 'Retain' });
  defaultStrategy(ensurePart(spec, 'updateStrategy'));
  defaultTemplate(spec);
  for (const claim of parts(spec, 'volumeClaimTemplates')) {
    fillZero(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
    defaultClaimSpec(part(claim, 'spec'));
    fillZero(ensurePart(claim, 'status'), { phase: 'Pending' });
  }
}

/** A strategy that names its type keeps an absent `rollingUpdate`, as upstream. */
function defaultStrategy(strategy: Draft | undefined): void {
  if (!strategy) return;
  if ((strategy['type'] ?? '') === '') {
    strategy['type'] = 'RollingUpdate';
    fill(strategy, { rollingUpdate: {} });
  }
  if (strategy['type'] === 'RollingUpdate') fill(part(strategy, 'rollingUpdate'), { partition: 0 });
}

/** Defaults of DaemonSets (`SetDefaults_DaemonSet`). */
import { type Draft, dropZero, ensurePart, fill, fillZero, part } from '../../defaults/draft.ts';
import { defaultTemplate } from '../../defaults/workloads.ts';

export function defaultDaemonSet(draft: Draft): void {
  dropZero(part(draft, 'status'), [
    'numberAvailable',
    'numberUnavailable',
    'updatedNumberScheduled',
    'observedGeneration',
  ]);
  const spec = part(draft, 'spec');
  dropZero(spec, ['minReadySeconds']);
  fill(spec, { revisionHistoryLimit: 10 });
  const strategy = ensurePart(spec, 'updateStrategy');
  fillZero(strategy, { type: 'RollingUpdate' });
  if (strategy?.['type'] === 'RollingUpdate')
    fill(ensurePart(strategy, 'rollingUpdate'), { maxUnavailable: 1, maxSurge: 0 });
  defaultTemplate(spec);
}

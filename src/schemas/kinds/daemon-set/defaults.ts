/** Defaults of DaemonSets (`SetDefaults_DaemonSet`). */
import { type Draft, dropZero, ensurePart, fill, fillZero, part } from '../../defaults/draft.ts';
import { defaultTemplate } from '../../defaults/workloads.ts';
import { FIRST_GENERATION, generationIn, TEMPLATE_GENERATION } from './template-generation.ts';

export function defaultDaemonSet(draft: Draft): void {
  defaultTemplateGeneration(draft);
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

/** Upstream reads the annotation into a number and writes it again. */
function defaultTemplateGeneration(draft: Draft): void {
  const annotations = ensurePart(ensurePart(draft, 'metadata'), 'annotations');
  if (!annotations) return;
  annotations[TEMPLATE_GENERATION] = generationIn(annotations[TEMPLATE_GENERATION]) ?? FIRST_GENERATION;
}

/** Defaults of batch/v1 Jobs. */
import { isRecord, jsonClone } from '../../../base/json.ts';
import { type Draft, ensurePart, fill, fillZero, part, parts } from '../../defaults/draft.ts';
import { defaultTemplate } from '../../defaults/workloads.ts';

const DEFAULT_BACKOFF_LIMIT = 6;
/** With a limit per index, the number of failures of the whole Job is practically unlimited. */
const NO_BACKOFF_LIMIT = 2_147_483_647;

export function defaultJob(draft: Draft, spec: Draft | undefined): void {
  const metadata = ensurePart(draft, 'metadata');
  const labels = part(part(part(spec, 'template'), 'metadata'), 'labels');
  if (metadata && labels && isEmptyMap(metadata['labels'])) metadata['labels'] = jsonClone(labels);
  defaultJobSpec(spec);
}

const isEmptyMap = (map: unknown): boolean =>
  map === undefined || map === null || (isRecord(map) && Object.keys(map).length === 0);

function defaultJobSpec(spec: Draft | undefined): void {
  if (!spec) return;
  if (spec['parallelism'] === undefined) fill(spec, { completions: 1 });
  const perIndex = spec['backoffLimitPerIndex'] !== undefined;
  const policy = part(spec, 'podFailurePolicy');
  fill(spec, {
    parallelism: 1,
    backoffLimit: perIndex ? NO_BACKOFF_LIMIT : DEFAULT_BACKOFF_LIMIT,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: policy ? 'Failed' : 'TerminatingOrFailed',
  });
  for (const rule of parts(policy, 'rules'))
    for (const pattern of parts(rule, 'onPodConditions')) fillZero(pattern, { status: 'True' });
  defaultTemplate(spec);
}

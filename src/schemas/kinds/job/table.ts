import { getPath } from '../../json-access.ts';
import type { Job } from '../../types.ts';
import { AGE, column, NAME, tableOf } from '../../tables/columns.ts';
import { humanDuration } from '../../tables/duration.ts';
import { templateColumns } from '../../tables/workload-columns.ts';

export const jobTable = tableOf(
  NAME,
  column('Status', statusText, { description: 'Status of the job.' }),
  column('Completions', completionsText),
  column('Duration', durationText, { description: 'Time required to complete the job.' }),
  AGE,
  ...templateColumns,
);

function statusText(job: Job): string {
  const holds = (type: string): boolean =>
    (job.status?.conditions ?? []).some((found) => found.type === type && found.status === 'True');
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  if (holds('Suspended')) return 'Suspended';
  return holds('FailureTarget') ? 'FailureTarget' : 'Running';
}

function completionsText({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (typeof spec.completions === 'number') return `${succeeded}/${spec.completions}`;
  const parallelism = spec.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText(job: Job, nowMs: number): string {
  const startMs = Date.parse(job.status?.startTime ?? '');
  if (Number.isNaN(startMs)) return '';
  const end = getPath(job.status, 'completionTime');
  const endMs = typeof end === 'string' ? Date.parse(end) : nowMs;
  return humanDuration((endMs - startMs) / 1000);
}

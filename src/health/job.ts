/**
 * A Job is healthy once it is complete, and degraded once it has failed. Argo CD also takes a Job
 * for complete that was suspended once and runs again; here it is progressing.
 */
import { type Assessor, degraded, type Health, progressing } from './types.ts';
import { conditionOf, numberAt, recordAt, textAt } from './fields.ts';

export const assessJob: Assessor = (object): Health => {
  const { status } = object;
  const spec = recordAt(object, 'spec');
  const holding = (type: string): Record<string, unknown> | undefined => {
    const condition = conditionOf(status, type);
    return condition?.['status'] === 'True' ? condition : undefined;
  };
  const [failed, complete, suspended] = ['Failed', 'Complete', 'Suspended'].map(holding);
  if (failed) return degraded(textAt(failed, 'message') || textAt(failed, 'reason') || 'Job has failed');
  if (complete) return { status: 'Healthy', message: textAt(complete, 'message') };
  if (suspended) return { status: 'Suspended', message: textAt(suspended, 'message') || 'Job suspended' };
  const failing = holding('FailureTarget');
  if (failing) return progressing(textAt(failing, 'message'));
  const succeeded = numberAt(status, 'succeeded');
  const completions = spec?.['completions'];
  const failures = numberAt(status, 'failed');
  const done = typeof completions === 'number' ? `${succeeded} of ${completions}` : `${succeeded}`;
  const limit = numberAt(spec, 'backoffLimit', 6);
  const tries = failures === 0 ? '' : `, ${failures} failed (backoffLimit ${limit})`;
  return progressing(`Waiting for the Job to complete: ${done} succeeded${tries}`);
};

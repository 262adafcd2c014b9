import type { KubeObject } from '../../object.ts';
import { part } from '../../defaults/draft.ts';
import { defineKind } from '../define-kind.ts';
import { defaultJob } from './defaults.ts';
import { prepareJobForCreate } from './generated-selector.ts';
import { validateJobStatus } from './status-validation.ts';
import { jobTable } from './table.ts';
import { validateJobUpdate } from './update-validation.ts';
import { validateJob } from './validation.ts';
import { getPath } from '../../json-access.ts';

export const jobKind = defineKind({
  group: 'batch',
  kind: 'Job',
  categories: ['all'],
  subresources: ['status'],
  applyOrder: 154,
  countsGeneration: true,
  // A deletion without a policy keeps the pods, as upstream's first batch API did.
  orphansByDefault: true,
  table: jobTable,
  selectable: { 'status.successful': succeededText },
  fillDefaults: (draft) => defaultJob(draft, part(draft, 'spec')),
  initialStatus: () => ({}),
  prepareForCreate: prepareJobForCreate,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatus: validateJobStatus,
});

function succeededText(job: KubeObject): string {
  const succeeded = getPath(job, 'status', 'succeeded');
  return typeof succeeded === 'number' ? `${succeeded}` : '0';
}

import { AGE, column, NAME, tableOf } from '../../tables/columns.ts';
import { labelsText } from '../../tables/selector-text.ts';
import { templateColumns } from '../../tables/workload-columns.ts';
import type { DaemonSet } from '../../types.ts';
import { defineKind } from '../define-kind.ts';
import { defaultDaemonSet } from './defaults.ts';
import { withNextGeneration } from './template-generation.ts';
import { validateDaemonSet, validateDaemonSetStatus, validateDaemonSetUpdate } from './validation.ts';

type Count =
  | 'desiredNumberScheduled'
  | 'currentNumberScheduled'
  | 'numberReady'
  | 'updatedNumberScheduled'
  | 'numberAvailable';

const count = (name: string, field: Count): ReturnType<typeof column> =>
  column(name, ({ status }: DaemonSet) => status?.[field] ?? 0, { type: 'integer' });

export const daemonSetKind = defineKind({
  group: 'apps',
  kind: 'DaemonSet',
  shortNames: ['ds'],
  categories: ['all'],
  subresources: ['status'],
  applyOrder: 142,
  countsGeneration: true,
  table: tableOf(
    NAME,
    count('Desired', 'desiredNumberScheduled'),
    count('Current', 'currentNumberScheduled'),
    count('Ready', 'numberReady'),
    count('Up-to-date', 'updatedNumberScheduled'),
    count('Available', 'numberAvailable'),
    column('Node Selector', ({ spec }: DaemonSet) => labelsText(spec.template.spec?.nodeSelector)),
    AGE,
    ...templateColumns,
  ),
  fillDefaults: defaultDaemonSet,
  initialStatus: () => ({
    currentNumberScheduled: 0,
    desiredNumberScheduled: 0,
    numberMisscheduled: 0,
    numberReady: 0,
  }),
  prepareForUpdate: withNextGeneration,
  validate: validateDaemonSet,
  validateUpdate: validateDaemonSetUpdate,
  validateStatus: validateDaemonSetStatus,
});

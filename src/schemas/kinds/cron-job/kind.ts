import { fill, fillZero, part } from '../../defaults/draft.ts';
import { defaultTemplate } from '../../defaults/workloads.ts';
import { getPath } from '../../json-access.ts';
import { AGE, column, NAME, NONE, tableOf, textOr, wide } from '../../tables/columns.ts';
import { since } from '../../tables/duration.ts';
import { selectorText } from '../../tables/selector-text.ts';
import { containerImages, containerNames } from '../../tables/workload-columns.ts';
import type { CronJob } from '../../types.ts';
import { asLabelSelector } from '../../values/selectors.ts';
import { defineKind } from '../define-kind.ts';
import { validateCronJob } from './validation.ts';

const templateOf = ({ spec }: CronJob): unknown => getPath(spec, 'jobTemplate', 'spec', 'template');

export const cronJobKind = defineKind({
  group: 'batch',
  kind: 'CronJob',
  shortNames: ['cj'],
  categories: ['all'],
  subresources: ['status'],
  applyOrder: 145,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('Schedule', 'spec.schedule'),
    column('Timezone', textOr('spec.timeZone', NONE)),
    column('Suspend', ({ spec }: CronJob) => (spec.suspend === true ? 'True' : 'False'), {
      type: 'boolean',
    }),
    column('Active', ({ status }: CronJob) => status?.active?.length ?? 0, { type: 'integer' }),
    column('Last Schedule', ({ status }: CronJob, nowMs) =>
      status?.lastScheduleTime ? since(status.lastScheduleTime, nowMs) : NONE,
    ),
    AGE,
    wide('Containers', (object: CronJob) => containerNames(templateOf(object))),
    wide('Images', (object: CronJob) => containerImages(templateOf(object))),
    wide('Selector', (object: CronJob) => {
      const selector = getPath(object.spec, 'jobTemplate', 'spec', 'selector');
      return selectorText(asLabelSelector(object, selector));
    }),
  ),
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    fillZero(spec, { concurrencyPolicy: 'Allow' });
    fill(spec, { suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
    defaultTemplate(part(part(spec, 'jobTemplate'), 'spec'));
  },
  initialStatus: () => ({}),
  validate: validateCronJob,
  validateStatus: () => [],
});

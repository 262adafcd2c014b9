import { column, NAME, tableOf } from '../tables/columns.ts';
import { containerImages, containerNames } from '../tables/workload-columns.ts';
import { labelsText } from '../tables/selector-text.ts';
import { asRecord, getPath } from '../json-access.ts';
import { defaultTemplate } from '../defaults/workloads.ts';
import { validateTemplate } from '../validation/workloads.ts';
import { defineKind } from './define-kind.ts';

export const podTemplateKind = defineKind({
  group: '',
  kind: 'PodTemplate',
  applyOrder: 12,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('Containers', ({ template }) => containerNames(template)),
    column('Images', ({ template }) => containerImages(template)),
    column('Pod Labels', ({ template }) => labelsText(getPath(template, 'metadata', 'labels'))),
  ),
  stored: {},
  fillDefaults: defaultTemplate,
  validate: ({ template }) => validateTemplate(asRecord(template), 'template'),
});

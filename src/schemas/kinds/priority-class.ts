import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { asNumber } from '../json-access.ts';
import { ignored } from '../profile/rules.ts';
import { fill } from '../defaults/draft.ts';
import { validatePriorityClass, validatePriorityClassUpdate } from '../validation/classes.ts';
import { defineKind } from './define-kind.ts';

export const priorityClassKind = defineKind({
  group: 'scheduling.k8s.io',
  kind: 'PriorityClass',
  shortNames: ['pc'],
  namespaced: false,
  applyOrder: 8,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('Value', ({ value }) => asNumber(value) ?? 0, { type: 'integer' }),
    column('Global-Default', ({ globalDefault }) => globalDefault === true, { type: 'boolean' }),
    AGE,
    column('PreemptionPolicy', 'preemptionPolicy'),
  ),
  fields: [ignored('preemptionPolicy', 'pods never preempt others yet')],
  fillDefaults: (draft) => fill(draft, { value: 0, preemptionPolicy: 'PreemptLowerPriority' }),
  validate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
});

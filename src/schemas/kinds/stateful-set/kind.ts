import { AGE, column, NAME, tableOf, wide } from '../../tables/columns.ts';
import { containerImages, containerNames } from '../../tables/workload-columns.ts';
import type { StatefulSet } from '../../types.ts';
import { dns1123Label } from '../../validation/names.ts';
import { claimRules } from '../../profile/claim-rules.ts';
import { ignored } from '../../profile/rules.ts';
import { defineKind } from '../define-kind.ts';
import { defaultStatefulSet } from './defaults.ts';
import { validateStatefulSet, validateStatefulSetStatus, validateStatefulSetUpdate } from './validation.ts';

export const statefulSetKind = defineKind({
  group: 'apps',
  kind: 'StatefulSet',
  shortNames: ['sts'],
  categories: ['all'],
  subresources: ['scale', 'status'],
  hasScale: true,
  nameRule: dns1123Label,
  applyOrder: 145,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('Ready', ({ spec, status }: StatefulSet) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
    AGE,
    wide('Containers', ({ spec }: StatefulSet) => containerNames(spec.template)),
    wide('Images', ({ spec }: StatefulSet) => containerImages(spec.template)),
  ),
  fields: [
    ...claimRules('spec.volumeClaimTemplates.*.spec'),
    ignored('spec.volumeClaimTemplates.*.status', 'each claim gets a status of its own'),
  ],
  fillDefaults: defaultStatefulSet,
  initialStatus: () => ({ replicas: 0, availableReplicas: 0 }),
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  validateStatus: validateStatefulSetStatus,
  defaultsStatus: true,
});

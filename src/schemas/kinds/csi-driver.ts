import { AGE, column, NAME, tableOf, UNSET } from '../tables/columns.ts';
import { asList, asRecord, asRecords, asString } from '../json-access.ts';
import { type Draft, fill, part } from '../defaults/draft.ts';
import { validateCsiDriver, validateCsiDriverUpdate } from '../validation/csi.ts';
import { defineKind } from './define-kind.ts';

const flag = (name: string, member: string) =>
  column(name, ({ spec }) => asRecord(spec)[member] === true, { type: 'boolean' });

export const csiDriverKind = defineKind({
  group: 'storage.k8s.io',
  kind: 'CSIDriver',
  namespaced: false,
  applyOrder: 60,
  table: tableOf(
    NAME,
    flag('AttachRequired', 'attachRequired'),
    flag('PodInfoOnMount', 'podInfoOnMount'),
    flag('StorageCapacity', 'storageCapacity'),
    column('TokenRequests', ({ spec }) => audiences(asRecord(spec)['tokenRequests'])),
    flag('RequiresRepublish', 'requiresRepublish'),
    column('Modes', ({ spec }) => asList(asRecord(spec)['volumeLifecycleModes']).map(asString).join(',')),
    AGE,
  ),
  stored: { idle: 'no node runs drivers of CSI' },
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    fill(spec, {
      ...{ attachRequired: true, podInfoOnMount: false, storageCapacity: false },
      ...{ fsGroupPolicy: 'ReadWriteOnceWithFSType', requiresRepublish: false, seLinuxMount: false },
    });
    if (spec) fillModes(spec);
  },
  validate: validateCsiDriver,
  validateUpdate: validateCsiDriverUpdate,
});

function fillModes(spec: Draft): void {
  if (asList(spec['volumeLifecycleModes']).length === 0) spec['volumeLifecycleModes'] = ['Persistent'];
}

function audiences(requests: unknown): string {
  const names = asRecords(requests).map(({ audience }) => asString(audience));
  return names.length === 0 ? UNSET : names.join(',');
}

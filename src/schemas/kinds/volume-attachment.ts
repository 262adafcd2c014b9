import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { getPath } from '../json-access.ts';
import { validateAttachment, validateAttachmentUpdate } from '../validation/csi.ts';
import { defineKind } from './define-kind.ts';

export const volumeAttachmentKind = defineKind({
  group: 'storage.k8s.io',
  kind: 'VolumeAttachment',
  namespaced: false,
  subresources: ['status'],
  applyOrder: 65,
  table: tableOf(
    NAME,
    column('Attacher', 'spec.attacher'),
    column('PV', 'spec.source.persistentVolumeName'),
    column('Node', 'spec.nodeName'),
    column('Attached', (object) => getPath(object, 'status', 'attached') === true, { type: 'boolean' }),
    AGE,
  ),
  stored: { idle: 'no node runs drivers of CSI' },
  initialStatus: () => ({ attached: false }),
  validate: validateAttachment,
  validateUpdate: validateAttachmentUpdate,
});

import { part } from '../defaults/draft.ts';
import { dropZero } from '../defaults/draft.ts';
import { jsonClone } from '../../base/json.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validateNode, validateNodeUpdate } from '../validation/node.ts';
import { defineKind } from './define-kind.ts';

/** A node reports its own status when it registers, so a create keeps it. */
export const nodeKind = defineKind({
  group: '',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  subresources: ['status'],
  applyOrder: 5,
  nameRule: dns1123Subdomain,
  fillDefaults(draft) {
    dropZero(part(draft, 'spec'), ['unschedulable', 'podCIDR', 'providerID']);
    const status = part(draft, 'status');
    if (status && status['capacity'] !== undefined) status['allocatable'] ??= jsonClone(status['capacity']);
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
});

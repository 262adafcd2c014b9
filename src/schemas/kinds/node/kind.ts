import { ignored, refused } from '../../profile/rules.ts';
import { nodeTable } from './table.ts';
import { flagFields } from '../../values/field-selectors.ts';
import { type Draft, dropZero, part } from '../../defaults/draft.ts';
import { isRecord, jsonClone } from '../../../base/json.ts';
import { omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { validateNode, validateNodeStatus, validateNodeUpdate } from './validation.ts';
import { defineKind } from '../define-kind.ts';

/** The older field for one block and the newer field for several must agree; the older one wins. */
function syncBlocks(spec: Draft): void {
  const { podCIDR, podCIDRs } = spec;
  const first: unknown = Array.isArray(podCIDRs) ? podCIDRs[0] : undefined;
  // Validation refuses values that are no texts.
  if (typeof podCIDR === 'string' && podCIDR !== first) spec['podCIDRs'] = [podCIDR];
  else if (podCIDR === undefined && typeof first === 'string') spec['podCIDR'] = first;
}

/** Kubelets are no longer configured through the API. Admission still sees the field. */
const withoutConfigSource = (node: KubeObject): KubeObject =>
  isRecord(node['spec']) ? { ...node, spec: omit(node['spec'], 'configSource') } : node;

/** A node reports its own status when it registers, so a create keeps it. */
export const nodeKind = defineKind({
  group: '',
  kind: 'Node',
  shortNames: ['no'],
  namespaced: false,
  subresources: ['proxy', 'status'],
  applyOrder: 5,
  table: nodeTable,
  selectable: flagFields('spec.unschedulable'),
  fields: [
    refused('spec.configSource', 'configure the agent by its flags'),
    ignored('spec.providerID', 'there is no cloud provider that would look for its machine'),
    ignored('spec.externalID', 'deprecated upstream; nothing reads it'),
  ],
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    dropZero(spec, ['unschedulable', 'podCIDR', 'providerID', 'externalID']);
    if (spec) syncBlocks(spec);
    const status = part(draft, 'status');
    if (status) delete status['config'];
    if (status && status['capacity'] !== undefined) status['allocatable'] ??= jsonClone(status['capacity']);
  },
  prepareForCreate: withoutConfigSource,
  prepareForUpdate: withoutConfigSource,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatus: validateNodeStatus,
  defaultsStatus: true,
});

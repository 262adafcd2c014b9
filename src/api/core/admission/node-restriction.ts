/**
 * What only the body of an agent's request tells (upstream's admission plug-in NodeRestriction): it makes and changes its own
 * node and lease and no other, and what keeps a node out of others' workloads (labels under `node-restriction.kubernetes.io`,
 * taints) is not its to change; nor are the labels of its pods.
 */
import { jsonEqual } from '../../../base/json.ts';
import { asRecord } from '../../../schemas/json-access.ts';
import type { KubeObject } from '../../../schemas/object.ts';
import { nodeNameOf } from '../../authz/node-authorizer.ts';
import { forbidden } from '../refusals.ts';
import type { AdmissionRequest, AdmissionRule } from './types.ts';

const RESTRICTED = 'node-restriction.kubernetes.io';

export const nodeRestriction: AdmissionRule = {
  name: 'NodeRestriction',
  alsoFor: ['status'],
  applies: ({ kind, internal, context }) =>
    !internal &&
    nodeNameOf(context.user) !== undefined &&
    ((kind.group === '' && (kind.kind === 'Node' || kind.kind === 'Pod')) ||
      (kind.group === 'coordination.k8s.io' && kind.kind === 'Lease')),
  admit(request) {
    const node = nodeNameOf(request.context.user) ?? '';
    const why = complaint(node, request);
    return why === undefined
      ? Promise.resolve(request.object)
      : Promise.reject(forbidden(request.kind, request.object.metadata.name ?? '', why));
  },
};

function complaint(node: string, request: AdmissionRequest): string | undefined {
  const { kind, object, current } = request;
  const { name } = object.metadata;
  if (kind.kind === 'Lease')
    return name === node ? undefined : 'can only access node lease with the same name as the requesting node';
  if (kind.kind === 'Pod')
    return current && !jsonEqual(object.metadata.labels ?? {}, current.metadata.labels ?? {})
      ? `node ${JSON.stringify(node)} cannot update labels through pod status`
      : undefined;
  const who = `node ${JSON.stringify(node)}`;
  if (name !== node) return `${who} is not allowed to modify node ${JSON.stringify(name)}`;
  const labels = restrictedChanges(object, current);
  if (labels.length > 0)
    return current
      ? `is not allowed to modify labels: ${labels.join(', ')}`
      : `${who} is not allowed to set the following labels: ${labels.join(', ')}`;
  if (!current) return undefined;
  if (!jsonEqual(taintsOf(object), taintsOf(current))) return `${who} is not allowed to modify taints`;
  return jsonEqual(object.metadata.ownerReferences ?? [], current.metadata.ownerReferences ?? [])
    ? undefined
    : `${who} is not allowed to modify ownerReferences`;
}

const taintsOf = (object: KubeObject): unknown => asRecord(object['spec'])['taints'] ?? [];

/** Labels whose key is in the restricted domain or below it, and that are not as they were. */
function restrictedChanges(object: KubeObject, current: KubeObject | undefined): readonly string[] {
  const next = object.metadata.labels ?? {};
  const before = current?.metadata.labels ?? {};
  const keys = new Set([...Object.keys(next), ...Object.keys(before)]);
  return [...keys].filter((key) => isRestricted(key) && next[key] !== before[key]).sort();
}

function isRestricted(key: string): boolean {
  const domain = key.slice(0, Math.max(key.indexOf('/'), 0));
  return domain === RESTRICTED || domain.endsWith(`.${RESTRICTED}`);
}

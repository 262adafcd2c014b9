/**
 * Upstream's admission plug-in NodeRestriction: why a node's agent may not write or delete an
 * object. Pure. Texts are upstream's. src/api/authn/token-request.ts checks tokens, and
 * certificate-request.ts certificate requests.
 */
import { jsonEqual } from '../../base/json.ts';
import { asRecord, getPath, omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { Pod } from '../../schemas/types.ts';
import { isMirrorPod, MIRROR_POD } from '../../schemas/validation/pod-annotations.ts';
import { namedByPod } from '../../schemas/pods/pod-references.ts';
import { VOLUME_FINALIZER, VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import type { AdmissionRequest, Removal } from './types.ts';

const LEASE_NAMESPACE = 'kube-node-lease';

const RESTRICTED_LABELS = 'node-restriction.kubernetes.io';
/** Labels below kubernetes.io and k8s.io that an agent may set; all others there are reserved. */
const AGENT_LABELS: ReadonlySet<string> = new Set([
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'kubernetes.io/arch',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);
const AGENT_LABEL_DOMAINS: readonly string[] = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const RESERVED_DOMAINS: readonly string[] = ['kubernetes.io', 'k8s.io'];

/** Whether the key is kept from nodes: they could draw workloads to themselves with it. */
function isReservedLabel(key: string): boolean {
  const slash = key.indexOf('/');
  const domain = key.slice(0, Math.max(slash, 0));
  const within = (parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
  if (within(RESTRICTED_LABELS)) return true;
  return RESERVED_DOMAINS.some(within) && !AGENT_LABELS.has(key) && !AGENT_LABEL_DOMAINS.some(within);
}

type Written = Pick<AdmissionRequest, 'kind' | 'operation' | 'subresource' | 'object' | 'current'>;

/** `nodeUid` is that of the node's own object, if there is one. */
export function writeComplaint(
  node: string,
  written: Written,
  nodeUid: string | undefined,
): string | undefined {
  const { kind, subresource, object, current } = written;
  if (node === '') return 'could not determine the node of the user';
  switch (resourceIdOf(kind)) {
    case 'pods':
      return podComplaint(node, written, nodeUid);
    case 'nodes':
      return nodeComplaint(node, object, current);
    case 'leases.coordination.k8s.io':
      return leaseComplaint(node, object);
    case 'csinodes.storage.k8s.io':
      return csiNodeComplaint(node, object);
    case 'persistentvolumeclaims':
      return subresource === 'status' && current
        ? claimStatusComplaint(node, object, current)
        : 'may only update PVC status';
    case 'persistentvolumes':
      return volumeComplaint(node, object, current);
    default:
      return undefined;
  }
}

/** Why it may not delete or evict the object. */
export function removalComplaint(
  node: string,
  { kind, object, evicts }: Pick<Removal, 'kind' | 'object' | 'evicts'>,
): string | undefined {
  const { name } = object.metadata;
  switch (resourceIdOf(kind)) {
    case 'pods':
      return (object as Pod).spec.nodeName === node
        ? undefined
        : evicts === true
          ? `node ${node} can only evict pods with spec.nodeName set to itself`
          : `${shown(node)} can only delete pods with spec.nodeName set to itself`;
    case 'nodes':
      return name === node ? undefined : notItsNode(node, name);
    case 'leases.coordination.k8s.io':
      return leaseComplaint(node, object);
    case 'csinodes.storage.k8s.io':
      return csiNodeComplaint(node, object);
    case 'persistentvolumeclaims':
      return 'may only update PVC status';
    case 'persistentvolumes':
      return ONLY_FINALIZER;
    default:
      return undefined;
  }
}

const ONLY_FINALIZER = `may only remove the finalizer ${VOLUME_FINALIZER} of a deleted volume on itself`;

/** The node says that the data is gone, and nothing else. */
function volumeComplaint(
  node: string,
  object: KubeObject,
  current: KubeObject | undefined,
): string | undefined {
  if (current?.metadata.labels?.[VOLUME_NODE_LABEL] !== node) return ONLY_FINALIZER;
  const { deletionTimestamp, finalizers = [] } = current.metadata;
  const left = finalizers.filter((finalizer) => finalizer !== VOLUME_FINALIZER);
  const metadata = omit(current.metadata, 'finalizers', 'managedFields', 'resourceVersion');
  const allowed = { ...current, metadata: { ...metadata, ...(left.length > 0 ? { finalizers: left } : {}) } };
  const given = { ...object, metadata: omit(object.metadata, 'managedFields', 'resourceVersion') };
  const isEmpty = given.metadata.finalizers?.length === 0;
  const asked = isEmpty ? { ...given, metadata: omit(given.metadata, 'finalizers') } : given;
  return deletionTimestamp !== undefined && jsonEqual(asked, allowed) ? undefined : ONLY_FINALIZER;
}

const shown = (node: string): string => `node ${JSON.stringify(node)}`;
const notItsNode = (node: string, name: string): string =>
  `${shown(node)} is not allowed to modify node ${JSON.stringify(name)}`;

function leaseComplaint(node: string, { metadata }: KubeObject): string | undefined {
  if (metadata.namespace !== LEASE_NAMESPACE)
    return `can only access leases in the ${JSON.stringify(LEASE_NAMESPACE)} system namespace`;
  return metadata.name === node
    ? undefined
    : 'can only access node lease with the same name as the requesting node';
}

const csiNodeComplaint = (node: string, { metadata }: KubeObject): string | undefined =>
  metadata.name === node ? undefined : 'can only access CSINode with the same name as the requesting node';

function podComplaint(
  node: string,
  { operation, subresource, object, current }: Written,
  nodeUid: string | undefined,
): string | undefined {
  if (subresource === 'status' && current) return podStatusComplaint(node, object, current);
  if (subresource !== undefined)
    return `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`;
  if (operation === 'create') return mirrorPodComplaint(node, object as Pod, nodeUid);
  return `unexpected operation "UPDATE", ${shown(node)} can only create and delete mirror pods`;
}

function podStatusComplaint(node: string, object: KubeObject, current: KubeObject): string | undefined {
  if ((current as Pod).spec.nodeName !== node)
    return `${shown(node)} can only update pod status for pods with spec.nodeName set to itself`;
  if (!jsonEqual(object.metadata.labels ?? {}, current.metadata.labels ?? {}))
    return `${shown(node)} cannot update labels through pod status`;
  const claims = (pod: KubeObject, field: string): unknown => getPath(pod, 'status', field) ?? [];
  if (!jsonEqual(claims(object, 'resourceClaimStatuses'), claims(current, 'resourceClaimStatuses')))
    return `${shown(node)} cannot update resource claim statuses`;
  const extended = 'extendedResourceClaimStatus';
  return jsonEqual(claims(object, extended), claims(current, extended))
    ? undefined
    : `${shown(node)} cannot update extended resource claim status`;
}

/** A node makes only mirror pods of the pods on its disk; they name nothing of the cluster. */
function mirrorPodComplaint(node: string, pod: Pod, nodeUid: string | undefined): string | undefined {
  if (!isMirrorPod(pod))
    return `pod does not have ${JSON.stringify(MIRROR_POD)} annotation, ${shown(node)} can only create mirror pods`;
  if (pod.spec.nodeName !== node)
    return `${shown(node)} can only create pods with spec.nodeName set to itself`;
  return mirrorOwnerComplaint(node, pod, nodeUid) ?? mirrorReferenceComplaint(node, pod);
}

function mirrorOwnerComplaint(node: string, pod: Pod, nodeUid: string | undefined): string | undefined {
  const [owner, ...others] = pod.metadata.ownerReferences ?? [];
  if (others.length > 0)
    return `${shown(node)} can only create pods with a single owner reference set to itself`;
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    return `${shown(node)} can only create pods with an owner reference set to itself`;
  if (owner.controller !== true)
    return `${shown(node)} can only create pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion === true)
    return `${shown(node)} must not set blockOwnerDeletion on an owner reference`;
  return owner.uid === nodeUid
    ? undefined
    : `node ${node} UID mismatch: expected ${owner.uid} got ${nodeUid ?? ''}`;
}

function mirrorReferenceComplaint(node: string, pod: Pod): string | undefined {
  const references = [
    ['serviceAccount', 'a service account'],
    ['secret', 'secrets'],
    ['configMap', 'configmaps'],
    ['claim', 'persistentvolumeclaims'],
  ] as const;
  const named = references.find(([type]) => namedByPod(pod, type).size > 0)?.[1];
  const spec = asRecord(pod['spec']);
  const also = Array.isArray(spec['resourceClaims']) && spec['resourceClaims'].length > 0;
  const what = named ?? (also ? 'resourceclaims' : undefined);
  return what === undefined ? undefined : `${shown(node)} can not create pods that reference ${what}`;
}

function nodeComplaint(
  node: string,
  object: KubeObject,
  current: KubeObject | undefined,
): string | undefined {
  if (object.metadata.name !== node) return notItsNode(node, object.metadata.name);
  const source = specOf(object)['configSource'] ?? undefined;
  const labels = reservedChanges(object, current).join(', ');
  if (!current) {
    if (source !== undefined)
      return `${shown(node)} is not allowed to create pods with a non-nil configSource`;
    return labels === '' ? undefined : `${shown(node)} is not allowed to set the following labels: ${labels}`;
  }
  if (source !== undefined && !jsonEqual(source, specOf(current)['configSource']))
    return `${shown(node)} is not allowed to update configSource to a new non-nil configSource`;
  if (!jsonEqual(specOf(object)['taints'] ?? [], specOf(current)['taints'] ?? []))
    return `${shown(node)} is not allowed to modify taints`;
  if (labels !== '') return `is not allowed to modify labels: ${labels}`;
  return jsonEqual(object.metadata.ownerReferences ?? [], current.metadata.ownerReferences ?? [])
    ? undefined
    : `${shown(node)} is not allowed to modify ownerReferences`;
}

const specOf = (object: KubeObject): Readonly<Record<string, unknown>> => asRecord(object['spec']);

/** Reserved labels that are set, changed or taken away. */
function reservedChanges(object: KubeObject, current: KubeObject | undefined): readonly string[] {
  const next = object.metadata.labels ?? {};
  const before = current?.metadata.labels ?? {};
  const keys = new Set([...Object.keys(next), ...Object.keys(before)]);
  return [...keys].filter((key) => isReservedLabel(key) && next[key] !== before[key]).sort();
}

/** A node may only say how large a claim has become. */
function claimStatusComplaint(node: string, object: KubeObject, current: KubeObject): string | undefined {
  const rest = (claim: KubeObject): unknown => ({
    ...claim,
    metadata: omit(claim.metadata, 'managedFields', 'resourceVersion'),
    status: omit(
      asRecord(claim['status']),
      'capacity',
      'conditions',
      'allocatedResources',
      'allocatedResourceStatuses',
    ),
  });
  return jsonEqual(rest(object), rest(current))
    ? undefined
    : `${shown(node)} is not allowed to update fields other than status.quantity and status.conditions`;
}

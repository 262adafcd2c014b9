/**
 * The rights of a node's agent: its own node, lease and pods, the objects that these pods name, and
 * reading what the host's network is made of, as kube-proxy on a Kubernetes host
 * (docs/INVARIANTS.md, "Isolation"). Nothing is allowed by default. A question about an object is
 * answered from what is stored, never from the request. The body of a request is checked at
 * admission (admission/node-restriction.ts).
 */
import { ownMember } from '../../base/json.ts';
import type { Eventually } from '../../base/eventually.ts';
import { asRecord, asRecords } from '../../schemas/json-access.ts';
import { INGRESS_NODE_LABEL } from '../../schemas/networking/ingress-classes.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import type { UserInfo } from '../types.ts';
import { selectedName, selects } from './field-terms.ts';
import { namedByPod, type ReferenceType } from '../../schemas/pods/pod-references.ts';
import { VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import type { Decision, ResourceAttributes } from './types.ts';

export interface NodeLookup {
  pod(namespace: string, name: string): Promise<KubeObject | undefined>;
  /** The pods that are bound to a node. */
  podsOf(node: string): Promise<readonly KubeObject[]>;
  claim(namespace: string, name: string): Promise<KubeObject | undefined>;
  volume(name: string): Promise<KubeObject | undefined>;
  /** Those that our nodes serve. */
  ingresses(namespace: string): Promise<readonly KubeObject[]>;
  /** Whether a Gateway that our nodes serve may show the certificate in a Secret. */
  isGatewaySecret(namespace: string, name: string): Promise<boolean>;
  secret(namespace: string, name: string): Promise<KubeObject | undefined>;
  node(name: string): Promise<KubeObject | undefined>;
  signingRequest(name: string): Promise<KubeObject | undefined>;
  /** Resolves once the answers about pods hold everything that was committed before the call. */
  refresh(): Promise<void>;
}

export interface NodeAuthorizer {
  /** Undefined where the user is no node. */
  authorize(user: UserInfo, attributes: ResourceAttributes): Eventually<Decision | undefined>;
}

export const NODES_GROUP = 'system:nodes';
const NODE_PREFIX = 'system:node:';
const LEASE_NAMESPACE = 'kube-node-lease';

const allow: Decision = { allowed: true };
const deny = (reason?: string): Decision => ({ allowed: false, ...(reason === undefined ? {} : { reason }) });

/** The node that a user is the agent of. */
export function nodeNameOf(user: UserInfo): string | undefined {
  const isNode = user.groups.includes(NODES_GROUP) && user.name.startsWith(NODE_PREFIX);
  return isNode ? user.name.slice(NODE_PREFIX.length) : undefined;
}

const reads = (verb: string): boolean => verb === 'get' || lists(verb);
const lists = (verb: string): boolean => verb === 'list' || verb === 'watch';
const changes = (verb: string): boolean => verb === 'update' || verb === 'patch';

const REFERENCES: Readonly<Record<string, ReferenceType>> = {
  secrets: 'secret',
  configmaps: 'configMap',
  persistentvolumeclaims: 'claim',
  serviceaccounts: 'serviceAccount',
};

/** Resources about which the pods of the node decide. */
const ASKED_OF_PODS: ReadonlySet<string> = new Set(['pods', 'persistentvolumes', ...Object.keys(REFERENCES)]);

export function createNodeAuthorizer(lookup: NodeLookup): NodeAuthorizer {
  return {
    authorize(user, attributes) {
      const node = nodeNameOf(user);
      return node === undefined ? undefined : authorizeNode(lookup, user, node, attributes);
    },
  };
}

async function decide(
  lookup: NodeLookup,
  user: UserInfo,
  node: string,
  attributes: ResourceAttributes,
  isFresh: boolean,
): Promise<Decision> {
  const { group, resource, verb, subresource } = attributes;
  switch (group === '' ? resource : `${resource}.${group}`) {
    case 'nodes':
      return decideNode(node, attributes);
    case 'leases.coordination.k8s.io':
      return decideLease(node, attributes);
    case 'pods':
      return decidePod(lookup, node, attributes, isFresh);
    case 'events':
    case 'events.events.k8s.io':
      return verb === 'create' || changes(verb) ? allow : deny();
    case 'services':
    case 'runtimeclasses.node.k8s.io':
    case 'endpointslices.discovery.k8s.io':
    case 'namespaces':
    case 'networkpolicies.networking.k8s.io':
    case 'addressgroups.symphony.dev':
    case 'ingresses.networking.k8s.io':
    case 'ingressclasses.networking.k8s.io':
    case 'gatewayclasses.gateway.networking.k8s.io':
    case 'gateways.gateway.networking.k8s.io':
    case 'httproutes.gateway.networking.k8s.io':
    case 'grpcroutes.gateway.networking.k8s.io':
    case 'referencegrants.gateway.networking.k8s.io':
      return reads(verb) && subresource === undefined ? allow : deny();
    case 'secrets':
    case 'configmaps':
    case 'persistentvolumeclaims':
      return decideReferenced(lookup, node, attributes);
    case 'persistentvolumes':
      return decideVolume(lookup, node, attributes);
    case 'serviceaccounts':
      return decideServiceAccount(lookup, node, attributes);
    case 'certificatesigningrequests.certificates.k8s.io':
      return decideSigningRequest(lookup, user, attributes);
    case 'clusterstate.symphony.dev':
      return verb === 'get' || verb === 'list' ? allow : deny();
    case 'nodes.symphony.dev':
      return attributes.name === node ? allow : deny('an agent may only speak for its own node');
    default:
      return deny();
  }
}

async function decidePod(
  lookup: NodeLookup,
  node: string,
  attributes: ResourceAttributes,
  isFresh: boolean,
): Promise<Decision> {
  const { verb, namespace, name, subresource } = attributes;
  if (lists(verb) && subresource === undefined)
    return selects(attributes.fieldSelector, 'spec.nodeName', node)
      ? allow
      : deny('can only list/watch pods with spec.nodeName field selector');
  const possible =
    subresource === undefined
      ? verb === 'get' || verb === 'delete'
      : subresource === 'status'
        ? verb === 'get' || changes(verb)
        : subresource === 'eviction' && verb === 'create';
  if (!possible || name === undefined) return deny();
  const pod = (await lookup.pod(namespace ?? '', name)) as Pod | undefined;
  // The request itself will say that the pod is not there.
  const own = pod === undefined ? isFresh : pod.spec.nodeName === node;
  return own ? allow : deny(noRelationship(node));
}

/** Objects that pods of the node name may be read, one at a time. */
async function decideReferenced(
  lookup: NodeLookup,
  node: string,
  attributes: ResourceAttributes,
): Promise<Decision> {
  const { verb, namespace, resource, subresource } = attributes;
  const type = ownMember(REFERENCES, resource);
  const name = attributes.name ?? selectedName(verb, attributes.fieldSelector);
  const readable = type === 'claim' ? verb === 'get' : reads(verb);
  if (type === undefined || subresource !== undefined) return deny();
  if (!readable || name === undefined) return deny('can only read an individual resource of this type');
  const isOwn =
    (await isNamed(lookup, node, type, namespace, name)) ||
    (type === 'secret' && verb === 'get' && (await isServed(lookup, node, namespace ?? '', name)));
  return isOwn ? allow : deny(noRelationship(node));
}

/** A node that serves Ingresses and Gateways reads the certificates that they name, and no other Secret. */
async function isServed(lookup: NodeLookup, node: string, namespace: string, name: string): Promise<boolean> {
  const isNamedByTls = ({ spec }: KubeObject): boolean =>
    asRecords(asRecord(spec)['tls']).some(({ secretName }) => secretName === name);
  const isNamed =
    (await lookup.ingresses(namespace)).some(isNamedByTls) || (await lookup.isGatewaySecret(namespace, name));
  if (!isNamed) return false;
  if ((await lookup.node(node))?.metadata.labels?.[INGRESS_NODE_LABEL] !== 'true') return false;
  return (await lookup.secret(namespace, name))?.['type'] === 'kubernetes.io/tls';
}

/**
 * The volumes that its pods' claims are bound to, and those whose data is on the node. Admission
 * checks that it only takes the finalizer off the latter.
 */
async function decideVolume(
  lookup: NodeLookup,
  node: string,
  { verb, name, subresource, labelSelector }: ResourceAttributes,
): Promise<Decision> {
  // The whole selector, as a term with a set could hold this one as a value.
  const isOwn = labelSelector === `${VOLUME_NODE_LABEL}=${node}`;
  if (lists(verb) && subresource === undefined && isOwn) return allow;
  if (name === undefined || subresource !== undefined || (verb !== 'get' && !changes(verb)))
    return deny('can only get an individual resource of this type');
  const volume = await lookup.volume(name);
  if (volume?.metadata.labels?.[VOLUME_NODE_LABEL] === node) return allow;
  if (verb !== 'get') return deny(noRelationship(node));
  for (const pod of await lookup.podsOf(node))
    for (const claimName of namedByPod(pod, 'claim')) {
      const claim = await lookup.claim(pod.metadata.namespace ?? '', claimName);
      const spec = claim?.['spec'] as { volumeName?: unknown } | undefined;
      if (spec?.volumeName === name) return allow;
    }
  return deny(noRelationship(node));
}

/** Tokens for the accounts of its pods. Admission checks that a token is bound to such a pod. */
async function decideServiceAccount(
  lookup: NodeLookup,
  node: string,
  { verb, namespace, name, subresource }: ResourceAttributes,
): Promise<Decision> {
  if (subresource !== 'token') return deny();
  if (verb !== 'create' || name === undefined)
    return deny('can only create tokens for individual service accounts');
  return (await isNamed(lookup, node, 'serviceAccount', namespace, name))
    ? allow
    : deny(noRelationship(node));
}

async function isNamed(
  lookup: NodeLookup,
  node: string,
  type: ReferenceType,
  namespace: string | undefined,
  name: string,
): Promise<boolean> {
  const pods = await lookup.podsOf(node);
  return pods.some((pod) => pod.metadata.namespace === namespace && namedByPod(pod, type).has(name));
}

async function decideSigningRequest(
  lookup: NodeLookup,
  user: UserInfo,
  attributes: ResourceAttributes,
): Promise<Decision> {
  const { verb, subresource } = attributes;
  if (subresource !== undefined) return deny();
  if (verb === 'create') return allow;
  const name = attributes.name ?? selectedName(verb, attributes.fieldSelector);
  if (!reads(verb) || name === undefined) return deny('can only read its own certificate signing requests');
  const request = await lookup.signingRequest(name);
  const spec = request?.['spec'] as { username?: unknown } | undefined;
  return request === undefined || spec?.username === user.name
    ? allow
    : deny('can only read its own certificate signing requests');
}

async function authorizeNode(
  lookup: NodeLookup,
  user: UserInfo,
  node: string,
  attributes: ResourceAttributes,
): Promise<Decision> {
  const decision = await decide(lookup, user, node, attributes, false);
  if (decision.allowed || !ASKED_OF_PODS.has(attributes.resource)) return decision;
  // A pod may have been bound through another server a moment ago: read again before refusing.
  await lookup.refresh();
  return decide(lookup, user, node, attributes, true);
}

const noRelationship = (node: string): string =>
  `no relationship found between node '${node}' and this object`;

function decideNode(node: string, attributes: ResourceAttributes): Decision {
  const { verb, name, subresource } = attributes;
  if (subresource !== undefined && subresource !== 'status') return deny();
  // The body says which node it makes: admission checks that.
  if (verb === 'create') return subresource === undefined ? allow : deny();
  // Routes to the pods of a host are made from its Node.
  if (lists(verb) && subresource === undefined) return allow;
  if (verb !== 'get' && !changes(verb)) return deny();
  if (name === node) return allow;
  return deny(
    name === undefined
      ? `node '${node}' cannot read all nodes, only its own Node object`
      : `node '${node}' cannot ${verb === 'get' ? 'read' : 'change'} '${name}', only its own Node object`,
  );
}

function decideLease(node: string, { verb, namespace, name, subresource }: ResourceAttributes): Decision {
  if (subresource !== undefined) return deny();
  if (namespace !== LEASE_NAMESPACE)
    return deny(`can only access leases in the "${LEASE_NAMESPACE}" system namespace`);
  if (verb === 'create') return allow;
  const possible = verb === 'get' || verb === 'delete' || changes(verb);
  return possible && name === node
    ? allow
    : deny('can only access node lease with the same name as the requesting node');
}

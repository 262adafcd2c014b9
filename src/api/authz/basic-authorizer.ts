/**
 * Who may do what until RBAC decides: administrators (`system:masters`) everything; a node's agent only what it needs
 * of its own node, lease and pods, and the Secrets and ConfigMaps that its pods name; everybody known may read discovery.
 *
 * Nothing is allowed by default. A node's question about an object is answered from what is stored, never from the
 * request.
 */
import type { KubeObject } from '../../schemas/object.ts';
import type { UserInfo } from '../core/types.ts';
import { namedByPod } from './pod-references.ts';
import type { Authorizer, Decision, ResourceAttributes, Verb } from './types.ts';

export interface PodLookup {
  pod(namespace: string, name: string): Promise<KubeObject | undefined>;
  /** The pods that are bound to a node. */
  podsOf(node: string): Promise<readonly KubeObject[]>;
}

const MASTERS = 'system:masters';
const NODES = 'system:nodes';
const NODE_PREFIX = 'system:node:';

const allow: Decision = { allowed: true };
const deny = (reason?: string): Decision => ({ allowed: false, ...(reason === undefined ? {} : { reason }) });

export function nodeNameOf(user: UserInfo): string | undefined {
  const isNode = user.groups.includes(NODES) && user.name.startsWith(NODE_PREFIX);
  return isNode ? user.name.slice(NODE_PREFIX.length) : undefined;
}

const reads: readonly Verb[] = ['get', 'list', 'watch'];

export function createBasicAuthorizer(lookup: PodLookup): Authorizer {
  async function authorizeNode(node: string, attributes: ResourceAttributes): Promise<Decision> {
    const { group, resource, verb, subresource, namespace, name } = attributes;
    switch (group === '' ? resource : `${resource}.${group}`) {
      case 'nodes':
        if (verb === 'create' && subresource === undefined) return allow;
        return name === node && (verb === 'get' || writes(verb))
          ? allow
          : ownList(attributes, 'metadata.name', node);
      case 'leases.coordination.k8s.io':
        if (namespace !== 'kube-node-lease') return deny();
        return (verb === 'create' || name === node) && verb !== 'deletecollection' ? allow : deny();
      case 'pods':
        return authorizePods(node, attributes);
      case 'events':
        return verb === 'create' || verb === 'patch' || verb === 'update' ? allow : deny();
      case 'services':
        return reads.includes(verb) && subresource === undefined ? allow : deny();
      case 'secrets':
      case 'configmaps':
        return authorizeReferenced(node, attributes);
      case 'clusterstate.symphony.dev':
        return verb === 'get' || verb === 'list' ? allow : deny();
      case 'nodes.symphony.dev':
        return name === node ? allow : deny('an agent may only speak for its own node');
      default:
        return deny();
    }
  }

  /** A list or watch that is confined to the node by its field selector. */
  function ownList({ verb, fieldSelector }: ResourceAttributes, field: string, node: string): Decision {
    if (verb !== 'list' && verb !== 'watch') return deny();
    const terms = (fieldSelector ?? '').split(',');
    const own = terms.includes(`${field}=${node}`) || terms.includes(`${field}==${node}`);
    return own ? allow : deny(`can only list and watch with field selector ${field}=${node}`);
  }

  async function authorizePods(node: string, attributes: ResourceAttributes): Promise<Decision> {
    const { verb, namespace, name, subresource } = attributes;
    if (name === undefined) return ownList(attributes, 'spec.nodeName', node);
    const isStatus = subresource === 'status' && (verb === 'update' || verb === 'patch' || verb === 'get');
    const isOwn = subresource === undefined && (verb === 'get' || verb === 'delete');
    if (!isStatus && !isOwn) return ownList(attributes, 'spec.nodeName', node);
    const pod = await lookup.pod(namespace ?? '', name);
    // A pod that is not there: the request itself will say so.
    return pod === undefined || nodeOf(pod) === node ? allow : deny('the pod is not bound to this node');
  }

  async function authorizeReferenced(node: string, attributes: ResourceAttributes): Promise<Decision> {
    const { verb, namespace, name, resource, fieldSelector } = attributes;
    const wanted = name ?? /^metadata\.name==?([^,]+)$/.exec(fieldSelector ?? '')?.[1];
    if (!reads.includes(verb) || wanted === undefined)
      return deny('can only read an individual resource of this type');
    const pods = await lookup.podsOf(node);
    const type = resource === 'secrets' ? 'secret' : 'configMap';
    const named = pods.some(
      (pod) => pod.metadata.namespace === namespace && namedByPod(pod, type).has(wanted),
    );
    return named ? allow : deny(`no relationship found between node '${node}' and this object`);
  }

  return {
    async authorize(user, attributes) {
      if (user.groups.includes(MASTERS)) return allow;
      const node = nodeNameOf(user);
      return node === undefined ? deny() : authorizeNode(node, attributes);
    },
    async authorizePath(user, verb, path) {
      if (user.groups.includes(MASTERS)) return allow;
      const known = user.groups.includes('system:authenticated');
      const discovery = /^\/(api|apis|openapi)(\/|$)/.test(path) || path === '/' || path === '/version';
      return known && verb === 'get' && discovery ? allow : deny();
    },
  };
}

const writes = (verb: Verb): boolean => verb === 'update' || verb === 'patch' || verb === 'delete';

function nodeOf(pod: KubeObject): unknown {
  return (pod['spec'] as { nodeName?: unknown } | undefined)?.nodeName;
}

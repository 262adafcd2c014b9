/** Whether NetworkPolicies let one connection between two pods pass (networking.k8s.io/v1). Pure. */
import type { KubeObject } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { holds, parseAddress, parseBlock } from '../../schemas/values/ip-address.ts';
import { type Labels, matchesLabelSelector } from '../../schemas/values/selectors.ts';

export interface PolicyPeer {
  readonly podSelector?: unknown;
  readonly namespaceSelector?: unknown;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface PolicyPort {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface PolicyRule {
  readonly from?: readonly PolicyPeer[];
  readonly to?: readonly PolicyPeer[];
  readonly ports?: readonly PolicyPort[];
}

export interface Policy extends KubeObject {
  readonly spec?: {
    readonly podSelector?: unknown;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly PolicyRule[];
    readonly egress?: readonly PolicyRule[];
  };
}

/** A TCP connection between two pods. */
export interface PodConnection {
  readonly from: Pod;
  readonly to: Pod;
  readonly port: number;
}

export interface PolicyView {
  readonly policies: readonly Policy[];
  /** Labels of namespaces, by name. */
  readonly namespaces: ReadonlyMap<string, Labels>;
}

export interface PolicyVerdict {
  readonly allowed: boolean;
  /** The policies that select the pod; those that deny where it is not allowed. */
  readonly policies: readonly string[];
}

export function judgePolicies(
  direction: 'Ingress' | 'Egress',
  connection: PodConnection,
  view: PolicyView,
): PolicyVerdict {
  const isIngress = direction === 'Ingress';
  const [subject, peer] = isIngress ? [connection.to, connection.from] : [connection.from, connection.to];
  // A pod with the network of its node is not told apart from the node.
  if (subject.spec.hostNetwork === true) return { allowed: true, policies: [] };
  const selecting = view.policies.filter((policy) => selects(policy, subject, direction));
  const rules = selecting.flatMap(({ spec }) => (isIngress ? spec?.ingress : spec?.egress) ?? []);
  const allowed =
    selecting.length === 0 ||
    rules.some(({ from, to, ports = [] }) => {
      const peers = (isIngress ? from : to) ?? [];
      return (
        (peers.length === 0 || peers.some((one) => admits(one, peer, subject, view))) &&
        (ports.length === 0 || ports.some((one) => covers(one, connection)))
      );
    });
  return {
    allowed,
    policies: selecting.map(({ metadata: { namespace, name } }) => `${namespace ?? ''}/${name}`),
  };
}

function selects({ metadata, spec = {} }: Policy, pod: Pod, direction: 'Ingress' | 'Egress'): boolean {
  const types = spec.policyTypes ?? (spec.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']);
  return (
    metadata.namespace === pod.metadata.namespace &&
    types.includes(direction) &&
    matchesLabelSelector(spec.podSelector ?? {}, pod.metadata.labels)
  );
}

function admits(
  { podSelector, namespaceSelector, ipBlock }: PolicyPeer,
  peer: Pod,
  subject: Pod,
  { namespaces }: PolicyView,
): boolean {
  if (ipBlock) return isInBlock(ipBlock, peer.status?.podIP ?? '');
  if (peer.spec.hostNetwork === true) return false;
  const { namespace = '', labels } = peer.metadata;
  const isNamespace =
    namespaceSelector === undefined
      ? namespace === subject.metadata.namespace
      : matchesLabelSelector(namespaceSelector, namespaces.get(namespace));
  return isNamespace && (podSelector === undefined || matchesLabelSelector(podSelector, labels));
}

function isInBlock({ cidr, except = [] }: NonNullable<PolicyPeer['ipBlock']>, ip: string): boolean {
  const address = parseAddress(ip);
  const isIn = (block: string): boolean => {
    const parsed = parseBlock(block);
    return address !== undefined && parsed !== undefined && holds(parsed, address);
  };
  return isIn(cidr) && !except.some(isIn);
}

function covers({ protocol = 'TCP', port, endPort }: PolicyPort, connection: PodConnection): boolean {
  if (protocol !== 'TCP') return false;
  if (port === undefined) return true;
  if (typeof port === 'number') return port <= connection.port && connection.port <= (endPort ?? port);
  return connection.to.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .some(
      (one) =>
        one.name === port && one.containerPort === connection.port && (one.protocol ?? 'TCP') === 'TCP',
    );
}

/**
 * Judges NetworkPolicies anew and as plainly as their documentation does: for every pair, go
 * through every policy. It shares no code with the product.
 */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

export interface Peer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface PolicyPort {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface PolicySpec {
  readonly podSelector?: LabelSelector;
  readonly policyTypes?: readonly ('Ingress' | 'Egress')[];
  readonly ingress?: readonly { readonly from?: readonly Peer[]; readonly ports?: readonly PolicyPort[] }[];
  readonly egress?: readonly { readonly to?: readonly Peer[]; readonly ports?: readonly PolicyPort[] }[];
}

export interface Policy {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: PolicySpec;
}

export interface WorldPod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  /** The host on which it runs. */
  readonly host: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

export interface World {
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly pods: readonly WorldPod[];
  readonly policies: readonly Policy[];
}

/** An end of a connection: a pod, or an address of anything else. */
export interface End {
  readonly address: string;
  readonly pod?: WorldPod | undefined;
  /** Set where the end is a host itself. */
  readonly host?: string;
}

export interface Connection {
  readonly from: End;
  readonly to: End;
  readonly protocol: string;
  readonly port: number;
}

export function isAllowed(world: World, connection: Connection): boolean {
  const { from, to } = connection;
  if (from.pod !== undefined && from.pod === to.pod) return true;
  // The node of a pod always reaches it, and is reached by it.
  const isOwnNode =
    (from.host !== undefined && from.host === to.pod?.host) ||
    (to.host !== undefined && to.host === from.pod?.host);
  return isOwnNode || (mayLeave(world, connection) && mayEnter(world, connection));
}

function mayLeave(world: World, connection: Connection): boolean {
  const { pod } = connection.from;
  if (!pod) return true;
  const policies = world.policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.namespace &&
      selects(spec.podSelector ?? {}, pod.labels) &&
      (spec.policyTypes ? spec.policyTypes.includes('Egress') : (spec.egress ?? []).length > 0),
  );
  return (
    policies.length === 0 ||
    policies.some(({ metadata, spec }) =>
      (spec.egress ?? []).some(
        ({ to, ports }) =>
          isPeer(world, metadata.namespace, to, connection.to) &&
          isPort(ports, connection, connection.to.pod),
      ),
    )
  );
}

function mayEnter(world: World, connection: Connection): boolean {
  const { pod } = connection.to;
  if (!pod) return true;
  const policies = world.policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.namespace &&
      selects(spec.podSelector ?? {}, pod.labels) &&
      (spec.policyTypes ? spec.policyTypes.includes('Ingress') : true),
  );
  return (
    policies.length === 0 ||
    policies.some(({ metadata, spec }) =>
      (spec.ingress ?? []).some(
        ({ from, ports }) =>
          isPeer(world, metadata.namespace, from, connection.from) && isPort(ports, connection, pod),
      ),
    )
  );
}

function isPeer(world: World, namespace: string, peers: readonly Peer[] | undefined, end: End): boolean {
  if (!peers || peers.length === 0) return true;
  return peers.some(({ ipBlock, podSelector, namespaceSelector }) => {
    if (ipBlock)
      return (
        isWithin(ipBlock.cidr, end.address) &&
        !(ipBlock.except ?? []).some((one) => isWithin(one, end.address))
      );
    const { pod } = end;
    if (!pod) return false;
    const isNamespace = namespaceSelector
      ? selects(namespaceSelector, world.namespaces[pod.namespace] ?? {})
      : pod.namespace === namespace;
    return isNamespace && selects(podSelector ?? {}, pod.labels);
  });
}

/** A name is a port of the pod that is connected to. */
function isPort(
  ports: readonly PolicyPort[] | undefined,
  { protocol, port: number }: Connection,
  pod: WorldPod | undefined,
): boolean {
  if (!ports || ports.length === 0) return true;
  return ports.some(({ protocol: wanted = 'TCP', port, endPort }) => {
    if (wanted !== protocol) return false;
    if (port === undefined) return true;
    if (typeof port === 'number') return number >= port && number <= (endPort ?? port);
    return (pod?.ports ?? []).some(
      (one) => one.name === port && one.protocol === protocol && one.port === number,
    );
  });
}

export function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  for (const [key, value] of Object.entries(matchLabels)) if (labels[key] !== value) return false;
  for (const { key, operator, values = [] } of matchExpressions) {
    const value = labels[key];
    if (operator === 'Exists' && value === undefined) return false;
    if (operator === 'DoesNotExist' && value !== undefined) return false;
    if (operator === 'In' && (value === undefined || !values.includes(value))) return false;
    if (operator === 'NotIn' && value !== undefined && values.includes(value)) return false;
  }
  return true;
}

function isWithin(cidr: string, address: string): boolean {
  const [network = '', length = ''] = cidr.split('/');
  if (network.includes(':')) return false;
  return bits(network).slice(0, Number(length)) === bits(address).slice(0, Number(length));
}

const bits = (address: string): string =>
  address
    .split('.')
    .map((byte) => Number(byte).toString(2).padStart(8, '0'))
    .join('');

/**
 * The table that enforces NetworkPolicies, without the policies. Pure. It judges what the host
 * forwards, after the addresses of Services were translated and before the source is: rules see the
 * client and the pod. What the host itself sends to its pods, and what they send to it, is not
 * forwarded: probes always pass.
 *
 * Each direction is a base chain, so that `accept` in one of them leaves the other to judge. A pod
 * without a policy is in neither map, and costs two lookups.
 */
import type { TableFrame } from '../nft/table-state.ts';

/** Between the refusals of Services (-110) and the rules of Docker and of firewalls (0). */
const EGRESS_PRIORITY = -20;
const INGRESS_PRIORITY = -10;

/**
 * A connection that was allowed goes on, with its answers and the ICMP errors about it. Datagrams
 * have no connection: each one is judged, so that no flow outlives the pod that had the address.
 */
const ALLOWED_BEFORE = [
  'ct direction reply accept',
  'ct state related accept',
  'meta l4proto { tcp, sctp } ct state established accept',
  'ip saddr . ip daddr @selves accept',
];

export interface PolicyTableOptions {
  /** Names the table; two clusters may share a host. */
  readonly cluster: string;
  /** Pods of all hosts. */
  readonly podCidr: string;
}

/** Between Services (-110) and Docker (-100). */
const PUBLISHED_PRIORITY = -105;
/** Before others that translate the source of packets between pods. */
const SELVES_PRIORITY = 80;
const TO_HOST = 'fib daddr type local meta l4proto { tcp, udp, sctp }';
const TO_POD = 'dnat ip to';

export const policyTable = ({ cluster, podCidr }: PolicyTableOptions): TableFrame => ({
  family: 'ip',
  name: `symphony-${cluster}-policy`,
  sets: {
    published: { kind: 'map', declaration: 'type inet_proto . inet_service : ipv4_addr . inet_service;' },
    'published-at': {
      kind: 'map',
      declaration: 'type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;',
    },
    egress: { kind: 'map', declaration: 'type ipv4_addr : verdict;' },
    ingress: { kind: 'map', declaration: 'type ipv4_addr : verdict;' },
    // A pod may reach itself through a Service or a port of the host.
    selves: { kind: 'set', declaration: 'typeof ip saddr . ip daddr;' },
    // A datagram to all pods of a bridge has the address of none.
    scopes: { kind: 'map', declaration: 'type fib_addrtype : verdict;' },
  },
  chains: {
    // The Engine leads a pod to a published port of its own host through a process of the host, which
    // would hide the pod from the policies of the other one.
    'published-ports': {
      hook: `type nat hook prerouting priority ${PUBLISHED_PRIORITY}`,
      rules: [
        `ip saddr ${podCidr} ${TO_HOST} ${TO_POD} ip daddr . meta l4proto . th dport map @published-at`,
        `ip saddr ${podCidr} ${TO_HOST} ${TO_POD} meta l4proto . th dport map @published`,
      ],
    },
    'own-port': {
      hook: `type nat hook postrouting priority ${SELVES_PRIORITY}`,
      rules: ['ct status dnat ip saddr . ip daddr @selves masquerade'],
    },
    'forward-egress': {
      hook: `type filter hook forward priority ${EGRESS_PRIORITY}`,
      rules: [...ALLOWED_BEFORE, 'ip saddr vmap @egress'],
    },
    'forward-ingress': {
      hook: `type filter hook forward priority ${INGRESS_PRIORITY}`,
      rules: [...ALLOWED_BEFORE, 'ip daddr vmap @ingress', 'fib daddr type vmap @scopes'],
    },
  },
});

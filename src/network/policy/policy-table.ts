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

export const policyTable = (cluster: string): TableFrame => ({
  family: 'ip',
  name: `symphony-${cluster}-policy`,
  sets: {
    egress: { kind: 'map', declaration: 'type ipv4_addr : verdict;' },
    ingress: { kind: 'map', declaration: 'type ipv4_addr : verdict;' },
    // A pod reaches itself through a Service.
    selves: { kind: 'set', declaration: 'typeof ip saddr . ip daddr;' },
    // A datagram to all pods of a bridge has the address of none.
    scopes: { kind: 'map', declaration: 'type fib_addrtype : verdict;' },
  },
  chains: {
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

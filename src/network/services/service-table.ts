/**
 * The table that balances Services, without the Services: its sets, and the chains that lead a
 * packet to them. Pure. A connection's first packet passes it once; conntrack does the rest.
 *
 * The slots of a service port are numbered from 0. A chain `pick-N` draws one of N slots, and the
 * map `slots` says where it leads. An endpoint that comes or goes is a few elements of that map.
 */
import type { TableFrame } from '../nft/table-state.ts';

export interface ServiceTableOptions {
  /** Names the table; two clusters may share a host. */
  readonly cluster: string;
  /** Pods of all hosts. */
  readonly podCidr: string;
  readonly serviceCidr: string;
}

/** As kube-proxy: the packet gets the host's address when it leaves. */
const MASQUERADE_BIT = '0x4000';
export const MARK_MASQUERADE = `meta mark set meta mark or ${MASQUERADE_BIT}`;

/** Before Docker's own rules, which are at -100. */
const BEFORE_DOCKER = -110;
const TRANSPORTS = 'meta l4proto { tcp, udp, sctp }';
const SERVICE_KEY = 'ip daddr . meta l4proto . th dport';
const NODE_PORT_KEY = 'meta l4proto . th dport';
/** The type of a drawn number; any modulus has it. */
const DRAWN = 'numgen random mod 65536';

/** Up to here every number of endpoints has a chain of its own, and the draw is exact. */
const MOST_EXACT_SLOTS = 32;
/** Beyond it an endpoint has at least eight slots, so that shares differ by an eighth at most. */
const LARGE_SLOTS = [512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536];

/** The number of slots for a number of endpoints, which is at least 1. */
export function slotCount(endpoints: number): number {
  if (endpoints <= MOST_EXACT_SLOTS) return endpoints;
  return LARGE_SLOTS.find((slots) => slots >= endpoints * 8) ?? LARGE_SLOTS.at(-1)!;
}

export function serviceTable({ cluster, podCidr, serviceCidr }: ServiceTableOptions): TableFrame {
  const exact = Array.from({ length: MOST_EXACT_SLOTS }, (_, index) => index + 1);
  const picks = [...exact, ...LARGE_SLOTS].flatMap((slots) => {
    const drawn = `numgen random mod ${slots}`;
    return [
      [`pick-${slots}`, [`dnat ip to ${SERVICE_KEY} . ${drawn} map @slots`]],
      [`pick-node-${slots}`, [`dnat ip to ${NODE_PORT_KEY} . ${drawn} map @node-slots`]],
      [`pick-outer-${slots}`, [MARK_MASQUERADE, `goto pick-${slots}`]],
      [`pick-outer-node-${slots}`, [MARK_MASQUERADE, `goto pick-node-${slots}`]],
    ] as const;
  });
  const nat = (hook: string, priority: number): string => `type nat hook ${hook} priority ${priority}`;
  const filter = (hook: string, priority: number): string => `type filter hook ${hook} priority ${priority}`;
  return {
    family: 'ip',
    name: `symphony-${cluster}-services`,
    sets: {
      'cluster-ips': { kind: 'set', declaration: 'type ipv4_addr;' },
      services: { kind: 'map', declaration: `typeof ${SERVICE_KEY} : verdict;` },
      'node-ports': { kind: 'map', declaration: `typeof ${NODE_PORT_KEY} : verdict;` },
      slots: { kind: 'map', declaration: `typeof ${SERVICE_KEY} . ${DRAWN} : ip daddr . th dport;` },
      'node-slots': { kind: 'map', declaration: `typeof ${NODE_PORT_KEY} . ${DRAWN} : ip daddr . th dport;` },
      unserved: { kind: 'map', declaration: `typeof ${SERVICE_KEY} : verdict;` },
      'unserved-node-ports': { kind: 'map', declaration: `typeof ${NODE_PORT_KEY} : verdict;` },
      guarded: { kind: 'map', declaration: `typeof ${SERVICE_KEY} : verdict;` },
      hairpins: { kind: 'set', declaration: 'typeof ip saddr . ip daddr;' },
    },
    chains: {
      ...Object.fromEntries(picks.map(([name, rules]) => [name, { rules }])),
      // The kernel sends few ICMP errors a second to one client, and any number of resets.
      refuse: { rules: ['meta l4proto tcp reject with tcp reset', 'reject'] },
      dispatch: {
        rules: [
          `ip saddr != ${podCidr} ip daddr @cluster-ips ${MARK_MASQUERADE}`,
          `${TRANSPORTS} ${SERVICE_KEY} vmap @services`,
          `ip daddr != 127.0.0.0/8 fib daddr type local ${TRANSPORTS} ${NODE_PORT_KEY} vmap @node-ports`,
        ],
      },
      prerouting: { hook: nat('prerouting', BEFORE_DOCKER), rules: ['jump dispatch'] },
      output: { hook: nat('output', BEFORE_DOCKER), rules: ['jump dispatch'] },
      postrouting: {
        hook: nat('postrouting', 90),
        rules: [
          `meta mark and ${MASQUERADE_BIT} == ${MASQUERADE_BIT} meta mark set meta mark xor ${MASQUERADE_BIT} masquerade fully-random`,
          'ct status dnat ip saddr . ip daddr @hairpins masquerade fully-random',
        ],
      },
      // A packet that still has a service's address here has no endpoint.
      'refuse-unserved': {
        rules: [
          `${TRANSPORTS} ${SERVICE_KEY} vmap @unserved`,
          'ip daddr @cluster-ips goto refuse',
          `ip daddr ${serviceCidr} drop`,
        ],
      },
      guard: {
        hook: filter('prerouting', BEFORE_DOCKER - 5),
        rules: [`ct state new ${TRANSPORTS} ${SERVICE_KEY} vmap @guarded`],
      },
      input: {
        hook: filter('input', BEFORE_DOCKER),
        rules: [
          'ct state new jump refuse-unserved',
          `ct state new ip daddr != 127.0.0.0/8 fib daddr type local ${TRANSPORTS} ${NODE_PORT_KEY} vmap @unserved-node-ports`,
        ],
      },
      forward: { hook: filter('forward', BEFORE_DOCKER), rules: ['ct state new jump refuse-unserved'] },
      // The kernel translates addresses at -100, whatever the priorities of nat chains are.
      'output-filter': {
        hook: filter('output', -90),
        rules: ['ct state new jump refuse-unserved'],
      },
    },
  };
}

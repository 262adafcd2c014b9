/** Slices for the nodes that have none, and what to say about those that cannot have one; pure. */
import type { Node } from '../../schemas/types.ts';
import type { Plan } from '../controller.ts';
import { statusUpdate } from '../ownership.ts';
import { eventsOf, type EventTexts, normal, warning } from '../planned-event.ts';
import { type NetworkTrouble, withNetworkCondition } from './plan-network-condition.ts';
import { planPodCidrs, type PodCidrPlan, type PodNetwork, usableSlices } from './plan-pod-cidrs.ts';

/** Small, as nodes are written all the time and each must be unchanged. */
const COMMIT_SIZE = 50;

const conflictText = (podCidr: string): string =>
  `another node has addresses of ${podCidr}, too; drain and delete this Node: it gets others when it registers again`;

export const IPAM_EVENTS = {
  component: 'cidrAllocator',
  texts: {
    CIDRNotAvailable: normal('CIDRNotAvailable', (name) => `Node ${name} status is now: CIDRNotAvailable`),
    CIDRConflict: warning('CIDRConflict', (_name, podCidr) => conflictText(podCidr)),
  },
} satisfies EventTexts;

const event = eventsOf<typeof IPAM_EVENTS.texts>();

export interface IpamView {
  readonly nodes: readonly Node[];
  readonly network: PodNetwork;
  /** See plan-pod-cidrs.ts. */
  readonly held: readonly string[];
  readonly after: number;
  /** Names of the nodes whose trouble was told. */
  readonly told: ReadonlySet<string>;
}

export interface IpamPlan extends Plan {
  /** For the next view. */
  readonly after: number;
  /** Some nodes have no slice. */
  readonly isShort: boolean;
  readonly newTroubles: readonly (NetworkTrouble & { readonly node: string })[];
}

export function planNodeIpam({ nodes, network, held, after, told }: IpamView, nowMs: number): IpamPlan {
  const plan = planPodCidrs(nodes, network, { held, after });
  const memory = { after: plan.last, isShort: plan.without.length > 0 };
  const writes = plan.assigned.map((object) => ({ verb: 'update' as const, object }));
  // Conditions follow once the slices are seen.
  if (writes.length > 0)
    return { writes, commitSize: COMMIT_SIZE, requeueAfterMs: 0, ...memory, newTroubles: [] };
  const troubles = troublesOf(plan, network);
  const fresh = [...troubles].filter(([{ metadata }]) => !told.has(metadata.name));
  return {
    writes: nodes.flatMap((node) => {
      const next = withNetworkCondition(node, troubles.get(node), nowMs);
      return next ? [statusUpdate(next)] : [];
    }),
    commitSize: COMMIT_SIZE,
    events: fresh.map(([node, { reason }]) =>
      event(reason, node, node.metadata.name, node.spec.podCIDR ?? ''),
    ),
    ...memory,
    newTroubles: fresh.map(([{ metadata }, trouble]) => ({ node: metadata.name, ...trouble })),
  };
}

function troublesOf(plan: PodCidrPlan, network: PodNetwork): ReadonlyMap<Node, NetworkTrouble> {
  const slices = `${usableSlices(network)} slices of /${network.nodePrefix} in ${network.clusterCidr}`;
  const exhausted = `no addresses are left for pods of this node: all ${slices} are taken (--cluster-cidr, --node-cidr-mask-size)`;
  return new Map<Node, NetworkTrouble>([
    ...plan.without.map((node) => [node, { reason: 'CIDRNotAvailable', message: exhausted }] as const),
    ...plan.doubled.map(
      (node) => [node, { reason: 'CIDRConflict', message: conflictText(node.spec.podCIDR ?? '') }] as const,
    ),
  ]);
}

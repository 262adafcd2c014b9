/** Runs {@link planPodCidrs} whenever a node without a slice is there; one at a time, so that slices stay unique. */
import type { Node, Pod } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { indexByNode, NODE_INDEX } from '../indexes.ts';
import { hasNetworkTrouble, type NetworkTrouble, withNetworkCondition } from './plan-network-condition.ts';
import { planPodCidrs, type PodCidrPlan, type PodNetwork, usableSlices } from './plan-pod-cidrs.ts';

const ONLY_KEY = 'all nodes';
/** Nodes are written all the time: a commit of many would hardly ever meet all of them unchanged. */
const MAX_WRITES_PER_COMMIT = 50;

export async function startNodeIpamController(
  context: ControllerContext,
  network: PodNetwork,
): Promise<Loop> {
  const nodes = await context.caches.open<Node>('nodes');
  const pods = await context.caches.open<Pod>('pods');
  indexByNode(pods);
  const logger = context.logger.child({ component: 'controller/node-ipam' });
  const told = new Set<string>();
  /** Slices by the names of nodes that are gone while pods of theirs may still run; '' where it was not seen. */
  const gone = new Map(pods.list().flatMap(({ spec }) => (spec.nodeName ? [[spec.nodeName, '']] : [])));
  for (const node of nodes.list()) gone.delete(node.metadata.name);
  let after = 0;
  let isShort = false;

  function heldByGone(): string[] {
    const held: string[] = [];
    for (const [name, slice] of [...gone]) {
      const left = pods.byIndex(NODE_INDEX, name);
      if (left.length === 0) gone.delete(name);
      // A node of this name that came back has its pods, but maybe another slice.
      else if (!nodes.get(name)) held.push(slice);
      for (const { spec, status } of left) {
        if (spec.hostNetwork !== true && status?.podIP) held.push(`${status.podIP}/32`);
      }
    }
    return held;
  }

  function tell(node: Node, { reason, message }: NetworkTrouble): void {
    const { name } = node.metadata;
    if (told.has(name)) return;
    told.add(name);
    logger.warn({ node: name, reason }, message);
    context.events.record({
      about: node,
      type: reason === 'CIDRNotAvailable' ? 'Normal' : 'Warning',
      reason,
      // Upstream's words, which people search for.
      message: reason === 'CIDRNotAvailable' ? `Node ${name} status is now: CIDRNotAvailable` : message,
      component: 'cidrAllocator',
    });
  }

  async function write(writes: readonly Write[], signal: AbortSignal): Promise<void> {
    for (let index = 0; index < writes.length; index += MAX_WRITES_PER_COMMIT) {
      await applyAndWait(context, writes.slice(index, index + MAX_WRITES_PER_COMMIT), signal);
    }
  }

  const loop = startLoop({
    name: 'node-ipam',
    context,
    concurrency: 1,
    keys: () => [ONLY_KEY],
    async reconcile(_key, signal) {
      // While rebuilding, a node that comes back brings its slice with it: giving it to another would double it.
      if (!context.mayAct()) return;
      const plan = planPodCidrs(nodes.list(), network, { held: heldByGone(), after });
      isShort = plan.without.length > 0;
      await write(
        plan.assigned.map((object) => ({ verb: 'update', object })),
        signal,
      );
      after = plan.last;
      const troubles = troublesOf(plan, network);
      const now = context.clock.now();
      const changed = nodes.list().flatMap((node) => {
        const trouble = troubles.get(node.metadata.name);
        if (trouble) tell(node, trouble);
        return withNetworkCondition(node, trouble, now) ?? [];
      });
      await write(
        changed.map((object) => ({ verb: 'update', object, subresource: 'status' })),
        signal,
      );
    },
  });
  const subscriptions = [
    nodes.subscribe(({ type, key, object }) => {
      if (type === 'DELETED') {
        gone.set(key, object.spec.podCIDR ?? '');
        told.delete(key);
      }
      if (type !== 'MODIFIED' || !object.spec.podCIDR || hasNetworkTrouble(object)) loop.queue.add(ONLY_KEY);
    }),
    pods.subscribe(({ type, object }) => {
      // It may have been the last one that held a slice.
      if (isShort && type === 'DELETED' && gone.has(object.spec.nodeName ?? '')) loop.queue.add(ONLY_KEY);
    }),
  ];
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

function troublesOf(plan: PodCidrPlan, network: PodNetwork): ReadonlyMap<string, NetworkTrouble> {
  const slices = `${usableSlices(network)} slices of /${network.nodePrefix} in ${network.clusterCidr}`;
  const exhausted = `no addresses are left for pods of this node: all ${slices} are taken (--cluster-cidr, --node-cidr-mask-size)`;
  return new Map<string, NetworkTrouble>([
    ...plan.without.map(
      ({ metadata }) => [metadata.name, { reason: 'CIDRNotAvailable', message: exhausted }] as const,
    ),
    ...plan.doubled.map(({ metadata, spec }) => {
      const message = `another node has addresses of ${spec.podCIDR ?? ''}, too; drain and delete this Node: it gets others when it registers again`;
      return [metadata.name, { reason: 'CIDRConflict', message }] as const;
    }),
  ]);
}

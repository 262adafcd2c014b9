/** Writes the Node object: registers it where it is missing, and updates its labels and status. */
import { resources } from '../../client/types.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Node } from '../../schemas/types.ts';
import type { PartOptions } from '../agent-options.ts';
import { type NodeEvent, planNetworkEvent, planNodeEvents, STARTING } from './plan-node-events.ts';
import {
  hasNews,
  nodeAnnotations,
  type NodeFacts,
  nodeLabels,
  planNodeObject,
  planNodeStatus,
} from './plan-node.ts';

export interface NodeWriterOptions extends Omit<PartOptions, 'rng'> {
  /** This node as its watch shows it; undefined where the control plane must be asked. */
  node?(): Node | undefined;
  /** Awaited before the node is registered; a failure is tried again with the next report. */
  beforeRegister?(): Promise<void>;
  event(about: Node, event: NodeEvent): void;
}

/**
 * Reports the facts, and answers the node as it is stored then. Out of contact the node is read:
 * its watch may be dead, too.
 */
export type NodeWriter = (facts: NodeFacts, isInContact: boolean) => Promise<Node>;

/** A status without news is written this often, as kubelet does. */
const STATUS_EVERY_MS = 300_000;
/** A node that changes this often in a row is left to the next report. */
const MAX_CONFLICTS = 10;

export function createNodeWriter(options: NodeWriterOptions): NodeWriter {
  const { client, clock, logger, nodeName } = options;
  let statusAtMs = Number.NEGATIVE_INFINITY;
  let isNew = true;

  async function readNode(facts: NodeFacts): Promise<Node> {
    try {
      return await client.get<Node>(resources.nodes, undefined, nodeName);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      return register(facts);
    }
  }

  async function register(facts: NodeFacts): Promise<Node> {
    await options.beforeRegister?.();
    try {
      const node = await client.create<Node>(resources.nodes, planNodeObject(facts));
      logger.info({ node: nodeName }, 'Registered this node');
      return node;
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      return client.get<Node>(resources.nodes, undefined, nodeName);
    }
  }

  async function write(facts: NodeFacts, shown: Node | undefined): Promise<Node> {
    let node = shown ?? (await readNode(facts));
    const [labels, annotations] = [nodeLabels(facts), nodeAnnotations(facts)];
    const networkEvent = planNetworkEvent(node.metadata.annotations, annotations, isNew);
    if (!holds(node.metadata.labels, labels) || !holds(node.metadata.annotations, annotations))
      node = await client.patch<Node>(resources.nodes, undefined, nodeName, {
        metadata: { labels, annotations },
      });
    const before = node;
    const podCidr = node.spec.podCIDR ?? facts.podCidr;
    const status = planNodeStatus({ ...facts, podCidr }, node.status, clock.now());
    if (hasNews(status, node.status) || clock.now() - statusAtMs >= STATUS_EVERY_MS) {
      node = await client.update<Node>(resources.nodes, { ...node, status }, 'status');
      statusAtMs = clock.now();
    }
    if (isNew) options.event(node, STARTING);
    isNew = false;
    if (networkEvent) options.event(node, networkEvent);
    for (const event of planNodeEvents(before, node)) options.event(node, event);
    return node;
  }

  /** Others write the node, too (podCIDR, taints, cordons). After a conflict it is read again. */
  return async (facts, isInContact) => {
    for (let conflicts = 0; ; conflicts += 1) {
      const shown = isInContact && conflicts === 0 ? options.node?.() : undefined;
      try {
        return await write(facts, shown);
      } catch (error) {
        const isOld =
          isStatusError(error, 'Conflict') || (shown !== undefined && isStatusError(error, 'NotFound'));
        if (!isOld || conflicts >= MAX_CONFLICTS) throw error;
      }
    }
  };
}

const holds = (
  found: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean => Object.entries(wanted).every(([name, value]) => found?.[name] === value);

/** What the nodes say about the Gateways that they serve. Pure. */
import {
  readServedGateways,
  SERVED_GATEWAYS,
  type ServedGateways,
} from '../../schemas/gateway/served-gateways.ts';
import type { Gateway } from '../../schemas/gateway/types.ts';
import { INGRESS_NODE_LABEL } from '../../schemas/networking/ingress-classes.ts';
import type { Node } from '../../schemas/types.ts';
import { ingressAddresses } from '../ingress-address/plan-ingress-address.ts';
import { isNodeReady } from '../node-lifecycle/plan-node-health.ts';

/** The state of a Gateway at the nodes. */
export interface Serving {
  /** Some node has loaded the Gateway as it is now. */
  readonly isServed: boolean;
  readonly addresses: readonly string[];
  /** Ports that no node serves, with the reason. */
  readonly refused: ReadonlyMap<number, string>;
  readonly hasNodes: boolean;
}

export interface ServingNode {
  readonly node: Node;
  readonly says: ServedGateways;
}

/** Nodes with the role. While none is ready, all count: a moment without news changes nothing. */
export function servingNodes(nodes: readonly Node[]): readonly ServingNode[] {
  const serving = nodes.filter(({ metadata }) => metadata.labels?.[INGRESS_NODE_LABEL] === 'true');
  const ready = serving.filter(isNodeReady);
  return (ready.length > 0 ? ready : serving).map((node) => ({
    node,
    says: readServedGateways(node.metadata.annotations?.[SERVED_GATEWAYS]),
  }));
}

/** `given`: the addresses that stand for those of the nodes. */
export function planServing(
  { metadata, spec }: Gateway,
  nodes: readonly ServingNode[],
  given: readonly string[],
): Serving {
  const isAt = ({ says }: ServingNode): boolean =>
    (says.served[metadata.uid ?? ''] ?? -1) >= (metadata.generation ?? 0);
  const at = nodes.filter(isAt);
  const refused = new Map<number, string>();
  for (const { port } of spec.listeners) {
    const reasons = at.flatMap(({ node, says }) => {
      const why = says.refused[String(port)];
      return why === undefined ? [] : [`node ${node.metadata.name}: ${why}`];
    });
    if (at.length > 0 && reasons.length === at.length)
      refused.set(port, reasons.slice(0, MAX_REASONS).join('; '));
  }
  return {
    isServed: at.length > 0,
    addresses:
      at.length === 0
        ? []
        : ingressAddresses(
            at.map(({ node }) => node),
            given,
          ),
    refused,
    hasNodes: nodes.length > 0,
  };
}

/** All nodes mostly have the same. */
const MAX_REASONS = 3;

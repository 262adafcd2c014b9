/**
 * Which node answers for which load balancer. Pure. A node keeps what it has while it can; others
 * go to the node with the fewest, and among equals to the one that the names lead to.
 */
import { cidrContains } from '../../base/cidr.ts';
import { ANNOUNCE_NETWORKS, ANNOUNCED_BY } from '../../schemas/load-balancers.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Node, Service } from '../../schemas/types.ts';
import { isNodeReady } from '../node-lifecycle/plan-node-health.ts';
import { isDeleting } from '../ownership.ts';
import { digest } from './assign-addresses.ts';

/** Kubernetes' label of nodes that load balancers leave out. */
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';

export interface Announced {
  readonly service: Service;
  readonly address: string;
  /** Nodes that may answer: where traffic stays local, those with a ready endpoint. */
  readonly onlyOn: ReadonlySet<string> | undefined;
}

export interface Announcers {
  /** The name of the node by the Service's key. Missing where there is none. */
  readonly nodes: ReadonlyMap<string, string>;
  /** Services whose node cannot answer, or that have none. */
  readonly troubled: ReadonlySet<string>;
}

export function chooseAnnouncers(all: readonly Announced[], nodes: readonly Node[]): Announcers {
  const chosen = new Map<string, string>();
  const load = new Map<string, number>();
  const troubled = new Set<string>();
  const usable = nodes.filter(mayAnnounce);
  const known = new Set(nodes.map(({ metadata }) => metadata.name));
  const choose = (key: string, node: string): void => {
    chosen.set(key, node);
    load.set(node, (load.get(node) ?? 0) + 1);
  };
  const moving: { readonly key: string; readonly candidates: readonly string[] }[] = [];
  for (const one of all) {
    const key = keyOf(one.service);
    const current = one.service.metadata.annotations?.[ANNOUNCED_BY];
    const candidates = candidatesFor(one, usable);
    if (current !== undefined && candidates.includes(current)) choose(key, current);
    else if (candidates.length > 0) moving.push({ key, candidates });
    else {
      troubled.add(key);
      // Nobody can do better, and its host may be well: the kernel there still answers.
      if (current !== undefined && known.has(current)) choose(key, current);
    }
  }
  for (const { key, candidates } of moving) {
    const rank = (node: string): string => digest(`${key} ${node}`);
    const [best] = [...candidates].sort(
      (a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0) || (rank(a) < rank(b) ? -1 : 1),
    );
    if (best !== undefined) choose(key, best);
  }
  return { nodes: chosen, troubled };
}

/** Nodes in the address' network; where there are none, somebody routes the address to the others. */
function candidatesFor({ address, onlyOn }: Announced, usable: readonly Node[]): readonly string[] {
  const near = usable.filter((node) =>
    networksOf(node).some((network) => cidrContains(network, `${address}/32`)),
  );
  const names = (near.length > 0 ? near : usable).map(({ metadata }) => metadata.name);
  return onlyOn ? names.filter((name) => onlyOn.has(name)) : names;
}

export const networksOf = ({ metadata }: Node): readonly string[] =>
  (metadata.annotations?.[ANNOUNCE_NETWORKS] ?? '').split(',').filter((network) => network !== '');

/** A node without a network of ours says no networks. */
export const mayAnnounce = (node: Node): boolean =>
  isNodeReady(node) &&
  !isDeleting(node) &&
  node.metadata.labels?.[EXCLUDED] === undefined &&
  networksOf(node).length > 0;

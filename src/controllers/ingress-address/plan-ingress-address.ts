/**
 * The addresses at which an Ingress is served, for its status: those of the ready nodes that serve
 * Ingresses. Pure.
 */
import { jsonEqual } from '../../base/json.ts';
import { INGRESS_NODE_LABEL } from '../../schemas/networking/ingress-classes.ts';
import type { Ingress, Node } from '../../schemas/types.ts';
import { parseAddress } from '../../schemas/values/ip-address.ts';
import { type Plan, planOf } from '../controller.ts';
import { isNodeReady } from '../node-lifecycle/plan-node-health.ts';
import { statusUpdate } from '../ownership.ts';

export interface IngressAddressView {
  readonly ingress: Ingress;
  readonly addresses: readonly string[];
}

/** Clients try one after the other; a status of thousands would only be large. */
const MAX_ADDRESSES = 32;

/** While no node is ready, all that serve count: a moment without news moves nobody elsewhere. */
export function ingressAddresses(nodes: readonly Node[], given: readonly string[]): readonly string[] {
  if (given.length > 0) return given;
  const serving = nodes.filter(({ metadata }) => metadata.labels?.[INGRESS_NODE_LABEL] === 'true');
  const ready = serving.filter(isNodeReady);
  const addresses = (ready.length > 0 ? ready : serving).flatMap(({ status }) =>
    (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
  );
  return [...new Set(addresses)].sort().slice(0, MAX_ADDRESSES);
}

export function planIngressAddress({ ingress, addresses }: IngressAddressView): Plan | undefined {
  const wanted = addresses.map((address) =>
    parseAddress(address) ? { ip: address } : { hostname: address },
  );
  if (jsonEqual(ingress.status?.loadBalancer?.ingress ?? [], wanted)) return undefined;
  const loadBalancer = wanted.length === 0 ? {} : { ingress: wanted };
  return planOf([statusUpdate({ ...ingress, status: { ...ingress.status, loadBalancer } })]);
}

/** Runs {@link planIngressAddress} for the Ingresses of our classes. */
import { ingressSelector } from '../../schemas/networking/ingress-classes.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Ingress, IngressClass, Node } from '../../schemas/types.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { type IngressAddressView, ingressAddresses, planIngressAddress } from './plan-ingress-address.ts';

/** `given`: what stands in the status instead of the nodes' addresses. */
export const ingressAddress = (given: readonly string[] = []): Controller => ({
  name: 'ingress-address',
  async open({ caches }, scope): Promise<Reconciler<IngressAddressView>> {
    const ingresses = await caches.open<Ingress>('ingresses.networking.k8s.io');
    const classes = await caches.open<IngressClass>('ingressclasses.networking.k8s.io');
    const nodes = await caches.open<Node>('nodes');
    const all = (): readonly string[] => ingresses.list().map(keyOf);
    const served = (): string => ingressAddresses(nodes.list(), given).join(' ');
    let last = served();
    scope.on(ingresses, itself);
    scope.on(classes, all);
    scope.on(nodes, () => {
      // Nodes change with every heartbeat.
      const now = served();
      if (now === last) return [];
      last = now;
      return all();
    });
    return {
      pausesForRebuild: true,
      keys: all,
      observe(key) {
        const ingress = ingresses.get(key);
        if (!ingress || !ingressSelector(classes.list())(ingress)) return undefined;
        return { ingress, addresses: ingressAddresses(nodes.list(), given) };
      },
      plan: planIngressAddress,
    };
  },
});

/** The hops of a whole cluster. Pure. */
import type { Hop } from './hop.ts';
import { agentHop, hostHops, linkHops, nodeReadyHop, shareHost } from './node-hops.ts';
import type { ClusterView } from './plan-hops.ts';
import { balancedHop, dnsHops, type NamedService, serviceHops } from './service-hops.ts';

/** Pairs of nodes beyond this number say nothing new, and take long. */
const MAX_PAIRED_NODES = 30;

/** Every node, every pair of hosts, and the API's own Service from each node. */
export function planClusterHops(view: ClusterView, api: NamedService | undefined): readonly Hop[] {
  const { nodes } = view;
  const address = api?.service.spec.clusterIP;
  const port = api?.service.spec.ports?.[0]?.port;
  const paired = nodes.slice(0, MAX_PAIRED_NODES);
  return [
    ...nodes.flatMap((node) => [nodeReadyHop(node), agentHop(node), ...hostHops(node)]),
    ...paired.flatMap((from) =>
      paired.filter((to) => !shareHost(from, to)).flatMap((to) => linkHops(from, to)),
    ),
    ...(api ? serviceHops(api)[0] : []),
    ...nodes.flatMap(({ metadata: { name } }) => [
      ...(address !== undefined && port !== undefined
        ? [balancedHop(name, `${address}:${port}`, 'default/kubernetes')]
        : []),
      ...dnsHops(view.dns, name, undefined, 'default/kubernetes'),
    ]),
  ];
}

/** The hops from a pod to a Service, and through it to one of its pods. Pure. */
import type { Pod } from '../../schemas/types.ts';
import type { Hop } from './hop.ts';
import {
  type ClusterView,
  connectionHop,
  isReached,
  type NamedPod,
  nameOf,
  nodesHops,
  podHop,
  policyHops,
} from './plan-hops.ts';
import { probeHop, wholeWay } from './probe-hop.ts';
import { balancedHop, dnsHops, firstTcpPort, type NamedService, serviceHops } from './service-hops.ts';

export function planServiceHops(view: ClusterView, from: NamedPod, named: NamedService): readonly Hop[] {
  const start = podHop(from);
  const [service, backend] = serviceHops(named);
  const { pod } = from;
  if (!isReached(pod)) return [start, ...service];
  const name = nameOf(named.service);
  const dns = dnsHops(view.dns, pod.spec.nodeName ?? '', nameOf(pod), name).map(wholeWay);
  if (!backend) return [start, ...service, ...dns];
  const connection = { from: pod, to: backend.pod, port: backend.port };
  const way = [...nodesHops(view, pod, backend.pod), ...policyHops(view, connection)];
  const balanced = balancedHops(pod, named);
  // A headless Service is its pods.
  const end = balanced.length > 0 ? balanced : [connectionHop(connection, false)];
  return [start, ...service, ...way, ...dns, ...end];
}

/** The kernel leads the Service's address to endpoints, and one of them answers. */
function balancedHops(from: Pod, { service }: NamedService): readonly Hop[] {
  const { clusterIP = '' } = service.spec;
  const port = firstTcpPort(service)?.port;
  if (clusterIP === '' || clusterIP === 'None' || port === undefined) return [];
  const to = `${clusterIP}:${port}`;
  const node = from.spec.nodeName ?? '';
  const connection = probeHop(
    'connection',
    `pod ${nameOf(from)} -> service ${nameOf(service)}`,
    { type: 'probe', node, from: nameOf(from), to },
    { isAnyAnswer: false, mend: "check that the Service's pods listen on its targetPort" },
  );
  return [balancedHop(node, to, nameOf(service)), wholeWay(connection)];
}

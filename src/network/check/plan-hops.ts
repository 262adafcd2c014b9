/** The hops between two pods. Pure. */
import type { Node, Pod, Service } from '../../schemas/types.ts';
import { fail, type Hop, pass, settled, skip } from './hop.ts';
import { probeHop, wholeWay } from './probe-hop.ts';
import { judgePolicies, type PodConnection, type PolicyView } from './judge-policies.ts';
import { agentHop, hostHops, linkHops, nodeReadyHop } from './node-hops.ts';

/** The objects that checks are planned from. */
export interface ClusterView extends PolicyView {
  readonly nodes: readonly Node[];
  /** The Service of the cluster's DNS; undefined where there is none. */
  readonly dns: Service | undefined;
}

/** A pod as it was asked for, and as it is. */
export interface NamedPod {
  readonly name: string;
  readonly pod: Pod | undefined;
}

/** No server listens at port 9 (discard): a refusal shows that the pod was reached. */
const NO_SERVER = 9;

/** A pod that the way begins or ends at; undefined where it cannot. */
export const isReached = (pod: Pod | undefined): pod is Pod =>
  pod?.status?.phase === 'Running' && pod.status.podIP !== undefined;

export function planPodHops(view: ClusterView, from: NamedPod, to: NamedPod): readonly Hop[] {
  const ends = [podHop(from), podHop(to)];
  if (!isReached(from.pod) || !isReached(to.pod)) return ends;
  return [...ends, ...wayHops(view, from.pod, to.pod)];
}

function wayHops(view: ClusterView, from: Pod, to: Pod): readonly Hop[] {
  const declared = to.spec.containers.flatMap(({ ports = [] }) => ports);
  const port = declared.find(({ protocol = 'TCP' }) => protocol === 'TCP')?.containerPort ?? NO_SERVER;
  const connection = { from, to, port };
  return [
    ...nodesHops(view, from, to),
    ...policyHops(view, connection),
    connectionHop(connection, port === NO_SERVER),
  ];
}

export function nodesHops({ nodes }: ClusterView, from: Pod, to: Pod): readonly Hop[] {
  const nodeOf = ({ spec }: Pod): Node | undefined =>
    nodes.find(({ metadata }) => metadata.name === spec.nodeName);
  const [here, there] = [nodeOf(from), nodeOf(to)];
  if (!here || !there) return [];
  const both = here === there ? [here] : [here, there];
  return [
    ...both.flatMap((node) => [nodeReadyHop(node), agentHop(node), ...hostHops(node)]),
    ...(here === there ? [] : [...linkHops(here, there), ...linkHops(there, here)]),
  ];
}

export function podHop({ name, pod }: NamedPod): Hop {
  const subject = `pod ${name}`;
  const describe = `kubectl describe pod -n ${name.replace('/', ' ')}`;
  if (!pod) return settled('pod', subject, fail('there is no such pod', 'kubectl get pods -A'));
  const { phase = 'Pending', podIP } = pod.status ?? {};
  if (phase !== 'Running') return settled('pod', subject, fail(`is ${phase}`, describe));
  if (podIP === undefined) return settled('pod', subject, fail('has no address', describe));
  return settled('pod', subject, pass(`runs on node ${pod.spec.nodeName ?? ''} with address ${podIP}`));
}

export const nameOf = ({ metadata: { namespace = '', name } }: Pod | Service): string =>
  `${namespace}/${name}`;

export function policyHops(view: ClusterView, connection: PodConnection): readonly Hop[] {
  const subject = `pod ${nameOf(connection.from)} -> pod ${nameOf(connection.to)}:${connection.port}`;
  return (['Egress', 'Ingress'] as const).map((direction) => {
    const { allowed, policies } = judgePolicies(direction, connection, view);
    const name = `${direction.toLowerCase()}-policy`;
    const listed = policies.join(', ');
    if (policies.length === 0) return settled(name, subject, pass('no NetworkPolicy selects the pod'));
    if (allowed) return settled(name, subject, pass(`allowed by ${listed}`));
    return settled(
      name,
      subject,
      fail(`denied: no rule of ${listed} allows it`, `add a rule for it to one of: ${listed}`),
    );
  });
}

/** `isAnyAnswer`: a refusal shows that the pod is reached, where nobody said that it listens. */
export function connectionHop({ from, to, port }: PodConnection, isAnyAnswer: boolean): Hop {
  const subject = `pod ${nameOf(from)} -> pod ${nameOf(to)}:${port}`;
  if (to.spec.hostNetwork === true)
    return settled('connection', subject, skip('the pod has the network of its node'));
  const probed = { node: from.spec.nodeName ?? '', from: nameOf(from) };
  const hop = probeHop(
    'connection',
    subject,
    { type: 'probe', ...probed, to: `${to.status?.podIP ?? ''}:${port}` },
    {
      isAnyAnswer,
      mend: isAnyAnswer
        ? 'every hop before is right: run tcpdump on both hosts'
        : `check that the pod listens on port ${port}, at all of its addresses`,
    },
  );
  return wholeWay(hop);
}

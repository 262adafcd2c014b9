/** The hops of a check: between two pods, a pod and a Service, or across the whole cluster. Pure. */
import type { EndpointSlice, Node, Pod, Service } from '../../schemas/types.ts';
import { type AskOf, fail, type Hop, pass, type Probed, settled, skip, type Verdict } from './hop.ts';
import { judgePolicies, type PodConnection, type PolicyView } from './judge-policies.ts';
import { agentHop, hostHops, linkHops, nodeReadyHop, shareHost } from './node-hops.ts';

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

export interface NamedService {
  readonly namespace: string;
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  /** The pods of its namespace. */
  readonly pods: readonly Pod[];
}

/** No server listens at port 9 (discard): a refusal shows that the pod was reached. */
const NO_SERVER = 9;
const DNS_PORT = 53;

/** A pod that the way begins or ends at; undefined where it cannot. */
const isReached = (pod: Pod | undefined): pod is Pod =>
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

function nodesHops({ nodes }: ClusterView, from: Pod, to: Pod): readonly Hop[] {
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

function podHop({ name, pod }: NamedPod): Hop {
  const subject = `pod ${name}`;
  const describe = `kubectl describe pod -n ${name.replace('/', ' ')}`;
  if (!pod) return settled('pod', subject, fail('there is no such pod', 'kubectl get pods -A'));
  const { phase = 'Pending', podIP } = pod.status ?? {};
  if (phase !== 'Running') return settled('pod', subject, fail(`is ${phase}`, describe));
  if (podIP === undefined) return settled('pod', subject, fail('has no address', describe));
  return settled('pod', subject, pass(`runs on node ${pod.spec.nodeName ?? ''} with address ${podIP}`));
}

const nameOf = ({ metadata: { namespace = '', name } }: Pod | Service): string => `${namespace}/${name}`;

function policyHops(view: ClusterView, connection: PodConnection): readonly Hop[] {
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

function connectionHop({ from, to, port }: PodConnection, isAnyAnswer: boolean): Hop {
  const subject = `pod ${nameOf(from)} -> pod ${nameOf(to)}:${port}`;
  if (to.spec.hostNetwork === true)
    return settled('connection', subject, skip('the pod has the network of its node'));
  const probed = { node: from.spec.nodeName ?? '', from: nameOf(from) };
  return probeHop(
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
}

interface ProbeJudgement {
  /** A refusal counts: it shows that the packet arrived. */
  readonly isAnyAnswer: boolean;
  readonly mend: string;
}

function probeHop(name: string, subject: string, ask: AskOf<'probe'>, judgement: ProbeJudgement): Hop {
  return {
    name,
    subject,
    asks: [ask],
    isWhole: true,
    assess(answers) {
      const answer = answers.probe(ask);
      return answer.ok ? judgeProbe(answer.value, judgement) : skip(`not asked: ${answer.why}`);
    },
  };
}

function judgeProbe({ ok, detail }: Probed, { isAnyAnswer, mend }: ProbeJudgement): Verdict {
  if (ok) return pass(detail);
  if (isAnyAnswer && detail.includes('connection refused')) return pass('reached; nothing listens there');
  return fail(detail, mend);
}

export function planServiceHops(view: ClusterView, from: NamedPod, named: NamedService): readonly Hop[] {
  const start = podHop(from);
  const [service, backend] = serviceHops(named);
  if (!isReached(from.pod)) return [start, ...service];
  const node = from.pod.spec.nodeName ?? '';
  const way = backend
    ? [
        ...nodesHops(view, from.pod, backend.pod),
        ...policyHops(view, { ...backend, from: from.pod, to: backend.pod }),
      ]
    : [];
  const { spec } = named.service;
  const port = spec.ports?.find(({ protocol = 'TCP' }) => protocol === 'TCP')?.port;
  const address = spec.clusterIP;
  const hasAddress = address !== undefined && address !== 'None' && address !== '' && port !== undefined;
  return [
    start,
    ...service,
    ...way,
    ...(hasAddress && backend ? [balancedHop(node, `${address}:${port}`, nameOf(named.service))] : []),
    ...dnsHops(view, node, nameOf(from.pod), nameOf(named.service)),
    ...(hasAddress && backend
      ? [
          probeHop(
            'connection',
            `pod ${nameOf(from.pod)} -> service ${nameOf(named.service)}`,
            { type: 'probe', node, from: nameOf(from.pod), to: `${address}:${port}` },
            { isAnyAnswer: false, mend: "check that the Service's pods listen on its targetPort" },
          ),
        ]
      : []),
  ];
}

/** The Service's own hops, and a pod behind it. */
export function serviceHops({
  service,
  slices,
  pods,
}: NamedService): readonly [readonly Hop[], { readonly pod: Pod; readonly port: number } | undefined] {
  const subject = `service ${nameOf(service)}`;
  if (service.spec.type === 'ExternalName')
    return [
      [settled('service', subject, skip(`is a name for ${service.spec.externalName ?? ''}`))],
      undefined,
    ];
  const ports = service.spec.ports ?? [];
  const found = settled('service', subject, pass(`has ${ports.length} ports`));
  if (ports.length === 0)
    return [
      [settled('service', subject, fail('has no ports', `kubectl edit service: spec.ports`))],
      undefined,
    ];
  const ready = slices.flatMap((slice) =>
    (slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .map((endpoint) => ({ endpoint, slice })),
  );
  if (ready.length === 0) {
    const selector = Object.entries(service.spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
    const mend =
      selector.length === 0
        ? 'it has no selector: make EndpointSlices for it by hand'
        : `kubectl get pods -n ${service.metadata.namespace ?? ''} -l ${selector.join(',')}: none of them is ready`;
    return [[found, settled('endpoints', subject, fail('there is no ready endpoint', mend))], undefined];
  }
  const backends = ready.flatMap(({ endpoint, slice }) => {
    const pod = pods.find(({ status }) => status?.podIP === endpoint.addresses[0]);
    const port = slice.ports?.find(({ protocol = 'TCP' }) => protocol === 'TCP')?.port;
    return pod && port !== undefined ? [{ pod, port }] : [];
  });
  return [[found, settled('endpoints', subject, pass(`${ready.length} are ready`))], backends[0]];
}

/** The kernel of the node knows the Service. */
function balancedHop(node: string, service: string, name: string): Hop {
  const ask = { type: 'facts', node, service } as const;
  return {
    name: 'balancing',
    subject: `node ${node}: service ${name}`,
    asks: [ask],
    assess(answers) {
      const answer = answers.facts(ask);
      if (!answer.ok) return skip('not known: the agent of the node does not answer');
      const { service: fact, tables } = answer.value;
      if (fact === 'balanced') return pass(`the kernel leads ${service} to endpoints`);
      const table = 'the agent writes it again within 10 seconds; its log says why not';
      if (!tables.some((one) => one.endsWith('-services')))
        return fail('the table of Services is missing in nftables', table);
      if (fact === 'refused')
        return fail(
          `the kernel refuses ${service}: no endpoint may serve this node`,
          'see its traffic policies',
        );
      return fail(`the kernel does not know ${service}`, table);
    },
  };
}

/** A name is answered as the pod would have it answered. Without a DNS Service there is no hop. */
function dnsHops(view: ClusterView, node: string, from: string | undefined, service: string): readonly Hop[] {
  const address = view.dns?.spec.clusterIP;
  if (address === undefined) return [];
  const [namespace = '', name = ''] = service.split('/');
  const asked = `${name}.${namespace}.svc`;
  const place = from === undefined ? `node ${node}` : `pod ${from}`;
  const ask = {
    type: 'probe',
    node,
    ...(from === undefined ? {} : { from }),
    to: `${address}:${DNS_PORT}`,
    dns: asked,
  } as const;
  return [
    probeHop('dns', `${place}: ${asked}`, ask, {
      isAnyAnswer: false,
      mend: 'restart the agent of that node: it starts the DNS server anew, or its log says why not',
    }),
  ];
}

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
      ...dnsHops(view, name, undefined, 'default/kubernetes'),
    ]),
  ];
}

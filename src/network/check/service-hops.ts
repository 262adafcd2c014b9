/** The hops of a Service: its objects, the kernel of a node, and its name. Pure. */
import type { EndpointSlice, Pod, Service } from '../../schemas/types.ts';
import { fail, type Hop, pass, settled, skip } from './hop.ts';
import { probeHop } from './probe-hop.ts';

export interface NamedService {
  readonly namespace: string;
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  /** The pods of its namespace. */
  readonly pods: readonly Pod[];
}

const DNS_PORT = 53;

const isTcp = ({ protocol = 'TCP' }: { readonly protocol?: string }): boolean => protocol === 'TCP';
/** Checks connect, and only TCP says whether somebody answers. */
export const firstTcpPort = ({ spec }: Service) => spec.ports?.find(isTcp);

const nameOf = ({ metadata: { namespace = '', name } }: Service): string => `${namespace}/${name}`;

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
  const portName = firstTcpPort(service)?.name ?? '';
  const backends = ready.flatMap(({ endpoint, slice }) => {
    const pod = pods.find(({ status }) => status?.podIP === endpoint.addresses[0]);
    const port = slice.ports?.find((one) => isTcp(one) && (one.name ?? '') === portName)?.port;
    return pod && port !== undefined ? [{ pod, port }] : [];
  });
  return [[found, settled('endpoints', subject, pass(`${ready.length} are ready`))], backends[0]];
}

/** The kernel of the node knows the Service. */
export function balancedHop(node: string, service: string, name: string): Hop {
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
export function dnsHops(
  dns: Service | undefined,
  node: string,
  from: string | undefined,
  service: string,
): readonly Hop[] {
  const address = dns?.spec.clusterIP;
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

/** Options of a cluster: its store, its engines, its networks, and the limits of its pods. */
import { POD_SECURITY_LEVELS } from '../../schemas/pod-security/types.ts';
import { networkModes, runtimeKinds } from '../config.ts';
import { ENGINES, type GivenSpec, oneOf } from '../option-spec.ts';
import {
  parseAddressPool,
  parseCidr,
  parseDuration,
  parseInteger,
  parseIpv4,
  parseName,
  parseScheme,
  parseSysctlPattern,
  parseUrl,
} from '../values.ts';

export const clusterOptions: readonly GivenSpec[] = [
  {
    field: 'redisUrl',
    group: 'State',
    flag: 'redis-url',
    placeholder: 'URL',
    description: 'Redis >= 7; without it an own redis-server is started',
    parse: (value) =>
      parseScheme(value, [
        'redis',
        'rediss',
        'unix',
        'redis+unix',
        'redis+sentinel',
        'redis+cluster',
        'rediss+sentinel',
        'rediss+cluster',
      ]),
  },
  {
    field: 'dockerHosts',
    flag: 'docker-host',
    placeholder: 'URL',
    description:
      'Docker Engine to use, otherwise that of DOCKER_HOST or the local one; may be repeated for up, whose nodes are spread over them',
    commands: ENGINES,
    list: true,
    parse: (value) => parseUrl(value, ['unix', 'tcp', 'http']),
  },
  {
    field: 'runtime',
    flag: 'runtime',
    placeholder: 'KIND',
    description: 'hollow: nodes that only pretend to run containers, for trying out scale',
    commands: ENGINES,
    fallback: 'docker',
    choices: runtimeKinds,
  },
  {
    field: 'hollowRunForMs',
    flag: 'hollow-run-for',
    placeholder: 'DURATION',
    description: 'how long pods that do not restart always run on hollow nodes, before they succeed',
    commands: ['up', 'agent'],
    fallback: '10s',
    parse: parseDuration,
  },
  {
    field: 'defaultPodSecurity',
    group: 'Security',
    flag: 'default-pod-security',
    placeholder: 'LEVEL',
    description: 'Pod Security level of namespaces without the label pod-security.kubernetes.io/enforce',
    fallback: 'baseline',
    choices: POD_SECURITY_LEVELS,
  },
  {
    field: 'eventTtlMs',
    group: 'State',
    flag: 'event-ttl',
    placeholder: 'DURATION',
    description: 'how long events are kept after they were last written; 0s: for ever',
    fallback: '1h',
    parse: (value) => {
      const ms = parseDuration(value);
      if (ms !== 0 && ms < 60_000) throw new Error('must be at least 1m, or 0s to keep them for ever');
      return ms;
    },
  },
  {
    field: 'nodeGracePeriodMs',
    group: 'Nodes',
    flag: 'node-grace-period',
    placeholder: 'DURATION',
    description: 'silence of an agent after which its node counts as lost',
    fallback: '4s',
    parse: (value) => {
      const ms = parseDuration(value);
      if (ms < 500 || ms > 3_600_000) throw new Error('must be from 500ms to 1h');
      return ms;
    },
  },
  {
    field: 'defaultNotReadyTolerationSeconds',
    group: 'Nodes',
    flag: 'default-not-ready-toleration-seconds',
    placeholder: 'SECONDS',
    description: 'how long pods stay on a node that is not ready, unless they say so themselves',
    fallback: '10',
    parse: (value) => parseInteger(value, 0, 31_536_000),
  },
  {
    field: 'defaultUnreachableTolerationSeconds',
    group: 'Nodes',
    flag: 'default-unreachable-toleration-seconds',
    placeholder: 'SECONDS',
    description: 'how long pods stay on a node that is lost, unless they say so themselves',
    fallback: '10',
    parse: (value) => parseInteger(value, 0, 31_536_000),
  },
  {
    field: 'maxPodSecurity',
    group: 'Security',
    flag: 'max-pod-security',
    placeholder: 'LEVEL',
    description:
      'loosest Pod Security level that pods on these nodes may have, whatever their namespace allows',
    commands: ['up', 'agent'],
    fallback: 'privileged',
    choices: POD_SECURITY_LEVELS,
  },
  {
    field: 'allowedUnsafeSysctls',
    group: 'Security',
    flag: 'allowed-unsafe-sysctls',
    placeholder: 'PATTERN',
    description:
      'kernel settings beyond the safe ones that pods may have on these nodes, such as net.core.somaxconn or kernel.msg*; may be repeated',
    commands: ['up', 'agent'],
    list: true,
    parse: parseSysctlPattern,
  },
  {
    field: 'clusterCidr',
    group: 'Network',
    flag: 'cluster-cidr',
    placeholder: 'CIDR',
    description:
      'addresses of pods, the same for the control plane and all agents; up takes free ones where these are taken',
    commands: ['up', 'control-plane', 'agent', 'down'],
    fallback: '10.244.0.0/16',
    parse: (value) => parseCidr(value, 29),
  },
  {
    field: 'nodeCidrMaskSize',
    group: 'Network',
    flag: 'node-cidr-mask-size',
    placeholder: 'BITS',
    description: "prefix length of a node's share of --cluster-cidr; nodes keep the share that they have",
    fallback: '24',
    parse: (value) => parseInteger(value, 9, 30),
  },
  {
    field: 'serviceCidr',
    group: 'Network',
    flag: 'service-cidr',
    placeholder: 'CIDR',
    description:
      'addresses of Services, the same for the control plane and all agents; up takes free ones where these are taken',
    commands: ['up', 'control-plane', 'agent'],
    fallback: '10.96.0.0/16',
    parse: (value) => parseCidr(value, 28),
  },
  {
    field: 'loadBalancerPool',
    group: 'Network',
    flag: 'load-balancer-pool',
    placeholder: 'CIDR|FROM-TO',
    description:
      'addresses for Services of type LoadBalancer, which nodes of the same network announce; may be repeated or separated by commas',
    list: true,
    parse: parseAddressPool,
  },
  {
    field: 'allowedExternalIps',
    group: 'Network',
    flag: 'allowed-external-ips',
    placeholder: 'CIDR',
    description:
      'addresses that Services may take by spec.externalIPs; none without it, since whoever makes a Service could take the traffic of others; may be repeated',
    list: true,
    parse: (value) => parseCidr(value, 32),
  },
  {
    field: 'network',
    group: 'Network',
    flag: 'network',
    placeholder: 'MODE',
    description:
      'how packets get to the pods of other hosts: routes, VXLAN, or either as it fits (auto); with none, pods have only ports of their host',
    commands: ['up', 'agent'],
    fallback: 'auto',
    choices: networkModes,
    parse: parseNetworkMode,
  },
  {
    field: 'clusterDomain',
    group: 'Network',
    flag: 'cluster-domain',
    placeholder: 'DOMAIN',
    description: 'end of the names of Services, the same for the control plane and all agents',
    commands: ['up', 'control-plane', 'agent'],
    fallback: 'cluster.local',
    parse: parseName,
  },
  {
    field: 'nodeName',
    flag: 'node-name',
    placeholder: 'NAME',
    description: "the node's name, otherwise the host's; of up: what its nodes' names begin with (node)",
    commands: ['up', 'agent'],
    parse: parseName,
  },
  {
    field: 'nodeIp',
    group: 'Network',
    flag: 'node-ip',
    placeholder: 'IP',
    description: 'the address at which other nodes reach this one, otherwise that of the first interface',
    commands: ['up', 'agent'],
    parse: parseIpv4,
  },
];

/** A mode that people know from elsewhere is refused by its name. */
function parseNetworkMode(value: string): string {
  if (value === 'wireguard')
    throw new Error('wireguard is not supported; vxlan reaches hosts of other networks, without encryption');
  return oneOf(networkModes)(value);
}

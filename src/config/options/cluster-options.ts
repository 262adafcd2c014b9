/** What a cluster is made of: its store, its engines, its networks, what pods may do. */
import { runtimeKinds, podSecurityLevels } from '../config.ts';
import { ENGINES, oneOf, SERVERS, type OptionSpec } from '../option-spec.ts';
import {
  parseCidr,
  parseDuration,
  parseInteger,
  parseIpv4,
  parseName,
  parseSysctlPattern,
  parseUrl,
} from '../values.ts';

export const clusterOptions: readonly OptionSpec[] = [
  {
    field: 'redisUrl',
    flag: 'redis-url',
    placeholder: 'URL',
    description: 'Redis >= 7; without it an own redis-server is started',
    commands: SERVERS,
    parse: (value) =>
      parseUrl(value, [
        'redis',
        'rediss',
        'unix',
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
    description: 'Docker Engine to use; may be repeated, nodes are spread over them',
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
    parse: oneOf(runtimeKinds),
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
    flag: 'default-pod-security',
    placeholder: 'LEVEL',
    description: 'Pod Security level of namespaces without the label pod-security.kubernetes.io/enforce',
    commands: SERVERS,
    fallback: 'baseline',
    choices: podSecurityLevels,
    parse: oneOf(podSecurityLevels),
  },
  {
    field: 'eventTtlMs',
    flag: 'event-ttl',
    placeholder: 'DURATION',
    description: 'how long events are kept after they were last written; 0s: for ever',
    commands: SERVERS,
    fallback: '1h',
    parse: (value) => {
      const ms = parseDuration(value);
      if (ms !== 0 && ms < 60_000) throw new Error('must be at least 1m, or 0s to keep them for ever');
      return ms;
    },
  },
  {
    field: 'maxPodSecurity',
    flag: 'max-pod-security',
    placeholder: 'LEVEL',
    description:
      'loosest Pod Security level that pods on these nodes may have, whatever their namespace allows',
    commands: ['up', 'agent'],
    fallback: 'privileged',
    choices: podSecurityLevels,
    parse: oneOf(podSecurityLevels),
  },
  {
    field: 'allowedUnsafeSysctls',
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
    flag: 'node-cidr-mask-size',
    placeholder: 'BITS',
    description: "prefix length of a node's share of --cluster-cidr; nodes keep the share that they have",
    commands: SERVERS,
    fallback: '24',
    parse: (value) => parseInteger(value, 9, 30),
  },
  {
    field: 'serviceCidr',
    flag: 'service-cidr',
    placeholder: 'CIDR',
    description: 'addresses of Services; up takes free ones where these are taken',
    commands: SERVERS,
    fallback: '10.96.0.0/16',
    parse: (value) => parseCidr(value, 28),
  },
  {
    field: 'nodeName',
    flag: 'node-name',
    placeholder: 'NAME',
    description: "the node's name (up: the prefix of its nodes' names)",
    commands: ['up', 'agent'],
    parse: parseName,
  },
  {
    field: 'nodeIp',
    flag: 'node-ip',
    placeholder: 'IP',
    description: 'the address at which other nodes reach this one',
    commands: ['up', 'agent'],
    parse: parseIpv4,
  },
];

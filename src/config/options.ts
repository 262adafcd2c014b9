/**
 * Every option of `symphony`, once: flags, environment variables (`--poll-interval` is SYMPHONY_POLL_INTERVAL), keys of
 * the configuration file (`pollInterval`) and help all come from this table.
 */
import {
  type HostPort,
  parseCidr,
  parseDuration,
  parseHostPort,
  parseInteger,
  parseIpv4,
  parseName,
  parseSysctlPattern,
  parseUrl,
} from './values.ts';

export const commitStatusKinds = ['github', 'gitlab', 'gitea', 'bitbucket', 'notes', 'none'] as const;
export const runtimeKinds = ['docker', 'hollow'] as const;
/** As in schemas/pod-security/types.ts. */
export const podSecurityLevels = ['privileged', 'baseline', 'restricted'] as const;
type PodSecurityLevel = (typeof podSecurityLevels)[number];
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
/** The commands that read the configuration. */
export type ConfiguredCommand = 'up' | 'control-plane' | 'agent' | 'down' | 'client';

/** The whole configuration; validated and frozen. An option that a command does not take has its default there. */
export interface Config {
  readonly repo: string | undefined;
  readonly revision: string;
  readonly path: string;
  readonly applicationName: string;
  readonly nodes: number;
  readonly pollIntervalMs: number;
  readonly stabilityWindowMs: number;
  readonly dataDir: string;
  /** Undefined: the data directory. */
  readonly identityDir: string | undefined;
  readonly listen: HostPort;
  readonly advertiseAddress: HostPort | undefined;
  readonly tlsSans: readonly string[];
  readonly webhookListen: HostPort | undefined;
  readonly webhookSecretFile: string | undefined;
  readonly commitStatus: (typeof commitStatusKinds)[number];
  readonly forgeUrl: string | undefined;
  readonly forgeRepo: string | undefined;
  readonly forgeTokenFile: string | undefined;
  readonly redisUrl: string | undefined;
  /** Empty: the engine that DOCKER_HOST or the default socket names. */
  readonly dockerHosts: readonly string[];
  readonly runtime: (typeof runtimeKinds)[number];
  readonly defaultPodSecurity: PodSecurityLevel;
  readonly maxPodSecurity: PodSecurityLevel;
  readonly allowedUnsafeSysctls: readonly string[];
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly nodeName: string | undefined;
  readonly nodeIp: string | undefined;
  readonly server: string | undefined;
  readonly tokenFile: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly logLevel: (typeof logLevels)[number];
  /** Undefined: a file of the data directory. */
  readonly auditLog: string | undefined;
  readonly rateLimit: number;
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
  readonly maxConnectionsPerAddress: number;
}

export interface OptionSpec<Key extends keyof Config = keyof Config> {
  /** Field of {@link Config}. */
  readonly field: Key;
  /** The flag without its dashes. */
  readonly flag: string;
  /** What stands for the value in the help. */
  readonly placeholder: string;
  readonly description: string;
  readonly commands: readonly ConfiguredCommand[];
  /** As text, parsed like any other; absent: undefined (or empty, for a list). */
  readonly fallback?: string;
  /** May be given several times; commas separate values in the environment. */
  readonly list?: true;
  /** A relative path in the configuration file is relative to that file. */
  readonly isPath?: true;
  readonly choices?: readonly string[];
  parse(text: string): unknown;
}

const text = (value: string): string => {
  if (value === '') throw new Error('must not be empty');
  return value;
};
const oneOf =
  (choices: readonly string[]) =>
  (value: string): string => {
    if (!choices.includes(value)) throw new Error(`must be one of ${choices.join(', ')}`);
    return value;
  };
const SERVERS: readonly ConfiguredCommand[] = ['up', 'control-plane'];
const ENGINES: readonly ConfiguredCommand[] = ['up', 'agent', 'down'];
const EVERY: readonly ConfiguredCommand[] = ['up', 'control-plane', 'agent', 'down', 'client'];

export const options: readonly OptionSpec[] = [
  {
    field: 'repo',
    flag: 'repo',
    placeholder: 'URL|PATH',
    description: 'Git repository to keep the cluster equal to',
    commands: SERVERS,
    parse: text,
  },
  {
    field: 'revision',
    flag: 'revision',
    placeholder: 'REF',
    description: 'branch, tag or commit',
    commands: SERVERS,
    fallback: 'HEAD',
    parse: text,
  },
  {
    field: 'path',
    flag: 'path',
    placeholder: 'DIR',
    description: 'directory of manifests within the repository',
    commands: SERVERS,
    fallback: '.',
    parse: text,
  },
  {
    field: 'applicationName',
    flag: 'application-name',
    placeholder: 'NAME',
    description: 'name of the Application made for --repo',
    commands: SERVERS,
    fallback: 'root',
    parse: parseName,
  },
  {
    field: 'nodes',
    flag: 'nodes',
    placeholder: 'N',
    description: 'nodes to run on this machine',
    commands: ['up', 'down'],
    fallback: '1',
    parse: (value) => parseInteger(value, 1, 5000),
  },
  {
    field: 'pollIntervalMs',
    flag: 'poll-interval',
    placeholder: 'DURATION',
    description: 'how often the repository is asked for changes',
    commands: SERVERS,
    fallback: '30s',
    parse: (value) => {
      const ms = parseDuration(value);
      if (ms < 100) throw new Error('must be at least 100ms');
      return ms;
    },
  },
  {
    field: 'stabilityWindowMs',
    flag: 'stability-window',
    placeholder: 'DURATION',
    description: 'how long everything must be healthy before a commit counts as successful',
    commands: SERVERS,
    fallback: '10s',
    parse: parseDuration,
  },
  {
    field: 'dataDir',
    flag: 'data-dir',
    placeholder: 'DIR',
    description: 'where this machine keeps its state',
    commands: EVERY,
    fallback: './.symphony',
    isPath: true,
    parse: text,
  },
  {
    field: 'identityDir',
    flag: 'identity-dir',
    placeholder: 'DIR',
    description:
      'what all API servers of a cluster share: tls/, encryption.key, tokens.json [default: --data-dir]',
    commands: SERVERS,
    isPath: true,
    parse: text,
  },
  {
    field: 'advertiseAddress',
    flag: 'advertise-address',
    placeholder: 'HOST:PORT',
    description: 'where other API servers and pods reach this one, where it is not --listen',
    commands: SERVERS,
    parse: parseHostPort,
  },
  {
    field: 'tlsSans',
    flag: 'tls-san',
    placeholder: 'NAME',
    description:
      "name or address that the API's certificate carries, such as a load balancer's; may be repeated",
    commands: SERVERS,
    list: true,
    parse: text,
  },
  {
    field: 'listen',
    flag: 'listen',
    placeholder: 'HOST:PORT',
    description: 'address of the API (HTTPS)',
    commands: SERVERS,
    fallback: '127.0.0.1:6443',
    parse: parseHostPort,
  },
  {
    field: 'webhookListen',
    flag: 'webhook-listen',
    placeholder: 'HOST:PORT',
    description: 'address that serves only the webhooks, plain HTTP, for a reverse proxy',
    commands: SERVERS,
    parse: parseHostPort,
  },
  {
    field: 'webhookSecretFile',
    flag: 'webhook-secret-file',
    placeholder: 'FILE',
    description: 'file with the secret that webhooks are signed with',
    commands: SERVERS,
    isPath: true,
    parse: text,
  },
  {
    field: 'commitStatus',
    flag: 'commit-status',
    placeholder: 'KIND',
    description: 'where the result of a commit is reported',
    commands: SERVERS,
    fallback: 'none',
    choices: commitStatusKinds,
    parse: oneOf(commitStatusKinds),
  },
  {
    field: 'forgeUrl',
    flag: 'forge-url',
    placeholder: 'URL',
    description: "the forge's API, where it is not the public one",
    commands: SERVERS,
    parse: (value) => parseUrl(value, ['https', 'http']),
  },
  {
    field: 'forgeRepo',
    flag: 'forge-repo',
    placeholder: 'OWNER/NAME',
    description: 'the repository as the forge names it',
    commands: SERVERS,
    parse: (value) => {
      if (!/^[^/\s]+(?:\/[^/\s]+)+$/.test(value)) throw new Error('must be OWNER/NAME');
      return value;
    },
  },
  {
    field: 'forgeTokenFile',
    flag: 'forge-token-file',
    placeholder: 'FILE',
    description: 'file with the token for commit statuses',
    commands: SERVERS,
    isPath: true,
    parse: text,
  },
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
    parse: (value) => parseUrl(value, ['unix', 'tcp', 'http', 'https', 'ssh']),
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
    description: 'addresses of pods',
    commands: ['up', 'control-plane', 'agent', 'down'],
    fallback: '10.244.0.0/16',
    parse: (value) => parseCidr(value, 23),
  },
  {
    field: 'serviceCidr',
    flag: 'service-cidr',
    placeholder: 'CIDR',
    description: 'addresses of Services',
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
  {
    field: 'server',
    flag: 'server',
    placeholder: 'URL',
    description: "the control plane's API",
    commands: ['agent', 'client'],
    parse: (value) => parseUrl(value, ['https']),
  },
  {
    field: 'tokenFile',
    flag: 'token-file',
    placeholder: 'FILE',
    description: 'file with the token to join or log in with',
    commands: ['agent', 'client'],
    isPath: true,
    parse: text,
  },
  {
    field: 'kubeconfig',
    flag: 'kubeconfig',
    placeholder: 'FILE',
    description: 'kubeconfig to use; DATA-DIR/kubeconfig otherwise',
    commands: ['client'],
    isPath: true,
    parse: text,
  },
  {
    field: 'logLevel',
    flag: 'log-level',
    placeholder: 'LEVEL',
    description: 'least severe message to log',
    commands: EVERY,
    fallback: 'info',
    choices: logLevels,
    parse: oneOf(logLevels),
  },
  {
    field: 'auditLog',
    flag: 'audit-log',
    placeholder: 'PATH|-|none',
    description: 'where each request to the API is written down; DATA-DIR/audit.log otherwise',
    commands: SERVERS,
    parse: text,
  },
  {
    field: 'rateLimit',
    flag: 'rate-limit',
    placeholder: 'N',
    description: 'requests per second of one client of the API; 0 for no limit',
    commands: SERVERS,
    fallback: '400',
    parse: (value) => parseInteger(value, 0, 1_000_000),
  },
  {
    field: 'maxRequestsInflight',
    flag: 'max-requests-inflight',
    placeholder: 'N',
    description: 'reading requests that the API works on at the same time; 0 for no limit',
    commands: SERVERS,
    fallback: '400',
    parse: (value) => parseInteger(value, 0, 1_000_000),
  },
  {
    field: 'maxMutatingRequestsInflight',
    flag: 'max-mutating-requests-inflight',
    placeholder: 'N',
    description: 'writing requests that the API works on at the same time; 0 for no limit',
    commands: SERVERS,
    fallback: '200',
    parse: (value) => parseInteger(value, 0, 1_000_000),
  },
  {
    field: 'maxConnectionsPerAddress',
    flag: 'max-connections-per-address',
    placeholder: 'N',
    description: 'connections to the API from one address other than this machine; 0 for no limit',
    commands: SERVERS,
    fallback: '10000',
    parse: (value) => parseInteger(value, 0, 1_000_000),
  },
];

/** `--poll-interval` → `SYMPHONY_POLL_INTERVAL`. */
export function environmentName(option: Pick<OptionSpec, 'flag'>): string {
  return `SYMPHONY_${option.flag.replaceAll('-', '_').toUpperCase()}`;
}

/** `--poll-interval` → `pollInterval`: the option's key in a configuration file, and commander's name of the flag. */
export function fileKey(option: Pick<OptionSpec, 'flag'>): string {
  return option.flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

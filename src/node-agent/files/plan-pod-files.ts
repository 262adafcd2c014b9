/** Texts of a pod's /etc/hosts and /etc/resolv.conf, pure. All containers of the pod share both. */
import { append } from '../../base/append.ts';
import type { Pod } from '../../schemas/types.ts';
import { podFqdn, podHostname } from '../container-spec/identity.ts';

export interface ResolverConfig {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface DnsInput {
  readonly pod: Pod;
  readonly clusterDomain: string;
  /** Address of the cluster's DNS; absent while it has none, and the node's own is used. */
  readonly clusterDns?: string | undefined;
  /** The node's own configuration (see parseResolvConf). */
  readonly node: ResolverConfig;
}

/** Limits of the resolver that Kubernetes validates against. */
const NAMESERVER_LIMIT = 3;
const SEARCH_LIMIT = 32;
const SEARCH_LIMIT_CHARS = 2048;

/** By this mark programs know that the hosts file is the agent's and not the image's. */
const MANAGED = '# Kubernetes-managed hosts file';
const LOCAL_HOSTS = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/** `nodeHosts`: the node's own file, which a pod on the host's network starts from. */
export function renderHosts(input: {
  readonly pod: Pod;
  readonly podIp?: string | undefined;
  readonly clusterDomain: string;
  readonly nodeHosts: string;
}): string {
  const { pod } = input;
  const hostname = podHostname(pod);
  const fqdn = podFqdn(pod, input.clusterDomain);
  const own = input.podIp === undefined ? [] : [[input.podIp, ...(fqdn ? [fqdn] : []), hostname].join('\t')];
  const head =
    pod.spec.hostNetwork === true
      ? [`${MANAGED} (host network).`, input.nodeHosts.trimEnd()]
      : [`${MANAGED}.`, ...LOCAL_HOSTS, ...own];
  const aliases = (pod.spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => [ip, ...hostnames].join('\t'));
  const tail = aliases.length > 0 ? ['', '# hostAliases of the pod', ...aliases] : [];
  return `${[...head, ...tail].join('\n')}\n`;
}

export function parseResolvConf(text: string): ResolverConfig {
  const nameservers: string[] = [];
  let searches: readonly string[] = [];
  const options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword = '', ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && words[0]) nameservers.push(words[0]);
    // The last one counts (man 5 resolv.conf), and `domain` is an old word for a search of one.
    else if (keyword === 'search' || keyword === 'domain') searches = words;
    else if (keyword === 'options') append(options, words);
  }
  return { nameservers, searches, options };
}

/** dnsPolicy, then the pod's dnsConfig on top (kubernetes.io, "DNS for Services and Pods"). */
export function planResolverConfig({ pod, clusterDomain, clusterDns, node }: DnsInput): ResolverConfig {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst';
  const usesCluster =
    policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && pod.spec.hostNetwork !== true);
  const namespace = pod.metadata.namespace ?? 'default';
  const base: ResolverConfig =
    policy === 'None'
      ? { nameservers: [], searches: [], options: [] }
      : usesCluster && clusterDns !== undefined
        ? {
            nameservers: [clusterDns],
            searches: [
              `${namespace}.svc.${clusterDomain}`,
              `svc.${clusterDomain}`,
              clusterDomain,
              ...node.searches,
            ],
            options: ['ndots:5'],
          }
        : node;
  const own = pod.spec.dnsConfig ?? {};
  return {
    nameservers: [...new Set([...base.nameservers, ...(own.nameservers ?? [])])].slice(0, NAMESERVER_LIMIT),
    searches: fitting([...new Set([...base.searches, ...(own.searches ?? [])])]),
    options: mergeOptions(
      base.options,
      (own.options ?? []).map(({ name = '', value }) => (value ? `${name}:${value}` : name)),
    ),
  };
}

function fitting(searches: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let chars = 0;
  for (const search of searches.slice(0, SEARCH_LIMIT)) {
    chars += search.length + 1;
    if (chars > SEARCH_LIMIT_CHARS) break;
    kept.push(search);
  }
  return kept;
}

/** The pod's option replaces one of the same name. */
function mergeOptions(base: readonly string[], own: readonly string[]): readonly string[] {
  const nameOf = (option: string): string => option.split(':')[0] ?? option;
  const merged = new Map(base.map((option) => [nameOf(option), option]));
  for (const option of own) merged.set(nameOf(option), option);
  return [...merged.values()];
}

export function renderResolvConf({ nameservers, searches, options }: ResolverConfig): string {
  return [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}

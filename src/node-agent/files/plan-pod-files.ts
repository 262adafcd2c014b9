/** Texts of a pod's /etc/hosts and /etc/resolv.conf, pure. All containers of the pod share both. */
import type { ResolverConfig } from '../../base/resolv-conf.ts';
import type { Pod } from '../../schemas/types.ts';
import { podFqdn, podHostname } from '../container-spec/identity.ts';

export interface DnsInput {
  readonly pod: Pod;
  readonly clusterDomain: string;
  /** Address of the cluster's DNS; absent while it has none, and the node's own is used. */
  readonly clusterDns?: string | undefined;
  /** The node's own configuration. */
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

/** An Event of the pod, in kubelet's words. */
export interface DnsWarning {
  readonly reason: 'DNSConfigForming' | 'MissingClusterDNS';
  readonly message: string;
}

export interface PodResolver extends ResolverConfig {
  /** Parts that did not fit, and a cluster without DNS. */
  readonly warnings: readonly DnsWarning[];
}

/** dnsPolicy, then the pod's dnsConfig on top (kubernetes.io, "DNS for Services and Pods"). */
export function planResolverConfig(input: DnsInput): PodResolver {
  const base = baseConfig(input);
  const own = input.pod.spec.dnsConfig ?? {};
  const nameservers = unique([...base.nameservers, ...(own.nameservers ?? [])]);
  const searches = unique([...base.searches, ...(own.searches ?? [])]);
  const applied = { nameservers: nameservers.slice(0, NAMESERVER_LIMIT), searches: fitting(searches) };
  return {
    ...applied,
    options: mergeOptions(
      base.options,
      (own.options ?? []).map(({ name = '', value }) => (value ? `${name}:${value}` : name)),
    ),
    warnings: [
      ...(usesCluster(input.pod) && input.clusterDns === undefined ? [missingClusterDns(input.pod)] : []),
      ...(applied.nameservers.length < nameservers.length
        ? [
            forming(
              `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${applied.nameservers.join(' ')}`,
            ),
          ]
        : []),
      ...(applied.searches.length < searches.length
        ? [
            forming(
              `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${applied.searches.join(' ')}`,
            ),
          ]
        : []),
    ],
  };
}

const forming = (message: string): DnsWarning => ({ reason: 'DNSConfigForming', message });

function missingClusterDns({ metadata: { name, namespace = '', uid = '' } }: Pod): DnsWarning {
  const message = `pod: "${name}_${namespace}(${uid})". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.`;
  return { reason: 'MissingClusterDNS', message };
}

function usesCluster({ spec: { dnsPolicy = 'ClusterFirst', hostNetwork } }: Pod): boolean {
  return dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && hostNetwork !== true);
}

const EMPTY: ResolverConfig = { nameservers: [], searches: [], options: [] };

function baseConfig({ pod, clusterDomain, clusterDns, node }: DnsInput): ResolverConfig {
  if (pod.spec.dnsPolicy === 'None') return EMPTY;
  if (!usesCluster(pod) || clusterDns === undefined) return node;
  const namespace = pod.metadata.namespace ?? 'default';
  const own = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return {
    nameservers: [clusterDns],
    searches: [...own, ...node.searches],
    options: ['ndots:5'],
  };
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

/** As many as the resolver takes, in the length of one line. */
function fitting(searches: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let chars = -1;
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

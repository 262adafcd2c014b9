/**
 * Kernel settings that a pod may have for itself. The kernel keeps some of them per IPC or network
 * namespace; of those, the safe ones cannot hurt other pods. Names come with dots or with slashes
 * and mean the same. Source: kubernetes.io, "Using sysctls in a Kubernetes Cluster".
 */

/** Safe settings, by the minor of Kubernetes that took them in. */
export const safeSysctls: ReadonlyMap<string, number> = new Map([
  ['kernel.shm_rmid_forced', 0],
  ['net.ipv4.ip_local_port_range', 0],
  ['net.ipv4.tcp_syncookies', 0],
  ['net.ipv4.ping_group_range', 0],
  ['net.ipv4.ip_unprivileged_port_start', 0],
  ['net.ipv4.ip_local_reserved_ports', 27],
  ['net.ipv4.tcp_keepalive_time', 29],
  ['net.ipv4.tcp_fin_timeout', 29],
  ['net.ipv4.tcp_keepalive_intvl', 29],
  ['net.ipv4.tcp_keepalive_probes', 29],
  ['net.ipv4.tcp_rmem', 32],
  ['net.ipv4.tcp_wmem', 32],
]);

export const SYSCTL_NAME_PATTERN = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
export const MAX_SYSCTL_NAME_LENGTH = 253;
const NAME = new RegExp(SYSCTL_NAME_PATTERN);

export function isSysctlName(name: string): boolean {
  return name.length <= MAX_SYSCTL_NAME_LENGTH && NAME.test(name);
}

/** With dots between the parts. After leading slashes a dot belongs to a part. */
export function dottedSysctl(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator !== '/') return name;
  return name.replace(/[./]/g, (character) => (character === '/' ? '.' : '/'));
}

/** The namespace that keeps the setting (its dotted name); undefined for the whole host. */
export function sysctlNamespace(name: string): 'IPC' | 'Net' | undefined {
  if (name === 'kernel.sem' || /^(?:kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(name)) return 'IPC';
  return name.startsWith('net.') ? 'Net' : undefined;
}

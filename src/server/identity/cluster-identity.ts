/**
 * The identity of a cluster, from its authority, which every agent has and which survives the
 * store.
 */
import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';

/** Twelve hex digits: the value of the label `symphony.dev/cluster`. */
export function clusterIdOf(caPem: string): string {
  return createHash('sha256').update(caPem.trim()).digest('hex').slice(0, 12);
}

/** In an agent's directory: which cluster's containers it runs, for `symphony down`. */
export const CLUSTER_FILE = 'cluster';

export function networkNameOf(cluster: string): string {
  return `symphony-${cluster}`;
}

/** The first address of the pods' network belongs to the engine's bridge. */
export function gatewayOf(cidr: string): string {
  const octets = (cidr.split('/')[0] ?? '').split('.').map(Number);
  return [...octets.slice(0, 3), (octets[3] ?? 0) + 1].join('.');
}

/** The address of this machine for others: the first of no loopback and no container bridge. */
export function defaultNodeIp(): string {
  const addresses = Object.entries(networkInterfaces())
    .filter(([name]) => !/^(docker|br-|veth|virbr|cni|lo)/.test(name))
    .flatMap(([, list]) => list ?? [])
    .filter((address) => address.family === 'IPv4' && !address.internal);
  return addresses[0]?.address ?? '127.0.0.1';
}

/** The texts of a pod's files, made from the node's own files (plan-pod-files.ts). */
import { readFile } from 'node:fs/promises';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { Pod } from '../../schemas/types.ts';
import { parseResolvConf, planResolverConfig, renderHosts, renderResolvConf } from './plan-pod-files.ts';

export interface PodFileTexts {
  readonly hosts: string;
  readonly resolvConf: string;
}

export interface ClusterNames {
  readonly clusterDomain: string;
  /** Address of the cluster's DNS, once it has one. */
  readonly clusterDns?: string;
}

export function createPodFileTexts({
  clusterDomain,
  clusterDns,
}: ClusterNames): (pod: Pod, podIp: string | undefined) => Promise<PodFileTexts> {
  /** Many pods are brought up to date at once, and all need the same two files. */
  const shared = createSharedReads();
  const nodeFile = (path: string): Promise<string> =>
    shared.read(path, () => readFile(path, 'utf8').catch(() => ''));
  return async (pod, podIp) => {
    const [nodeHosts, nodeResolv] = await Promise.all([nodeFile('/etc/hosts'), nodeFile('/etc/resolv.conf')]);
    const node = parseResolvConf(nodeResolv);
    return {
      hosts: renderHosts({ pod, podIp, clusterDomain, nodeHosts }),
      resolvConf: renderResolvConf(planResolverConfig({ pod, clusterDomain, clusterDns, node })),
    };
  };
}

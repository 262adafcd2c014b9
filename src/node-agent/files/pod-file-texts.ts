/** The texts of a pod's files, made from the node's own files (plan-pod-files.ts). */
import { readFile } from 'node:fs/promises';
import { readHostResolver } from '../../base/resolv-conf.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import type { Pod } from '../../schemas/types.ts';
import { type DnsWarning, planResolverConfig, renderHosts, renderResolvConf } from './plan-pod-files.ts';

export interface PodFileTexts {
  readonly hosts: string;
  readonly resolvConf: string;
}

export interface RenderedPodFiles {
  readonly texts: PodFileTexts;
  readonly warnings: readonly DnsWarning[];
}

export interface ClusterNames {
  readonly clusterDomain: string;
  /** Address of the cluster's DNS; undefined while pods of this node cannot reach it. */
  readonly clusterDns?: () => string | undefined;
}

export function createPodFileTexts({
  clusterDomain,
  clusterDns,
}: ClusterNames): (pod: Pod, podIp: string | undefined) => Promise<RenderedPodFiles> {
  /** Many pods are brought up to date at once, and all need the same files. */
  const shared = createSharedReads();
  const nodeFile = (path: string): Promise<string> =>
    shared.read(path, () => readFile(path, 'utf8').catch(() => ''));
  return async (pod, podIp) => {
    const [nodeHosts, node] = await Promise.all([nodeFile('/etc/hosts'), readHostResolver(nodeFile)]);
    const plan = planResolverConfig({ pod, clusterDomain, clusterDns: clusterDns?.(), node });
    return {
      texts: {
        hosts: renderHosts({ pod, podIp, clusterDomain, nodeHosts }),
        resolvConf: renderResolvConf(plan),
      },
      warnings: plan.warnings,
    };
  };
}

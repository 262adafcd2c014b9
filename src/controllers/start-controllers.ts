/** Starts every controller of the control plane; disposing stops them all. */
import {
  type CertificatesOptions,
  startCertificatesController,
} from './certificates/certificates-controller.ts';
import type { ControllerContext } from './controller.ts';
import { startCustomResourcesController } from './custom-resources/custom-resources-controller.ts';
import { startClusterRoleAggregation } from './cluster-role-aggregation/cluster-role-aggregation-controller.ts';
import { startDeploymentController } from './deployment/deployment-controller.ts';
import { startExpiryController } from './expiry/expiry-controller.ts';
import { startGarbageCollector } from './garbage-collector/garbage-collector.ts';
import { startNamespaceController } from './namespace/namespace-controller.ts';
import { startNodeIpamController } from './node-ipam/node-ipam-controller.ts';
import { DEFAULT_POD_NETWORK, type PodNetwork } from './node-ipam/plan-pod-cidrs.ts';
import {
  DEFAULT_NODE_HEALTH,
  type NodeHealthOptions,
  startNodeLifecycleController,
} from './node-lifecycle/node-lifecycle-controller.ts';
import { startTaintEvictionController } from './node-lifecycle/taint-eviction-controller.ts';
import { startPodGc } from './pod-gc/pod-gc-controller.ts';
import { startDisruptionController } from './disruption/disruption-controller.ts';
import { startResourceQuotaController } from './resource-quota/resource-quota-controller.ts';
import { startReplicaSetController, startReplicationController } from './replicaset/replicaset-controller.ts';
import { startBootstrapTokenCleaner } from './serviceaccount/bootstrap-token-cleaner.ts';
import { startServiceAccountController } from './serviceaccount/serviceaccount-controller.ts';
import {
  type SignSecretToken,
  startTokenSecretController,
} from './serviceaccount/token-secret-controller.ts';
import { startVolumeProtection } from './volume-protection/volume-protection-controller.ts';

export interface ControllersOptions {
  readonly podNetwork?: PodNetwork;
  readonly nodeHealth?: NodeHealthOptions;
  /** PEM; published to every namespace as ConfigMap `kube-root-ca.crt`. */
  readonly caBundle?: string;
  /** Signs what belongs into the Secrets of service accounts; without it nobody fills them. */
  readonly signSecretToken?: SignSecretToken;
  /** Signs certificate requests; without it nobody decides them. */
  readonly certificates?: CertificatesOptions;
  /** How long Events are kept, instead of their kind's time; 0: for ever. */
  readonly eventTtlMs?: number;
}

export async function startControllers(
  context: ControllerContext,
  options: ControllersOptions = {},
): Promise<AsyncDisposable> {
  const nodeHealth = options.nodeHealth ?? DEFAULT_NODE_HEALTH;
  const sign = options.signSecretToken;
  const { certificates } = options;
  const starts: readonly (() => Promise<AsyncDisposable>)[] = [
    () => startNamespaceController(context),
    () => startClusterRoleAggregation(context),
    () => startCustomResourcesController(context),
    () => startServiceAccountController(context, options.caBundle),
    () => startBootstrapTokenCleaner(context),
    ...(sign ? [() => startTokenSecretController(context, { caBundle: options.caBundle, sign })] : []),
    ...(certificates ? [() => startCertificatesController(context, certificates)] : []),
    () => startNodeIpamController(context, options.podNetwork ?? DEFAULT_POD_NETWORK),
    () => startReplicaSetController(context),
    () => startReplicationController(context),
    () => startDeploymentController(context),
    () => startGarbageCollector(context),
    () => startNodeLifecycleController(context, nodeHealth),
    () => startTaintEvictionController(context, nodeHealth),
    () => startPodGc(context),
    () => startResourceQuotaController(context),
    () => startDisruptionController(context),
    () => startVolumeProtection(context),
    () => startExpiryController(context, options),
  ];
  const started: AsyncDisposable[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((controller) => controller[Symbol.asyncDispose]()));
  };
  try {
    for (const start of starts) started.push(await start());
  } catch (error) {
    await stop();
    throw error;
  }
  return { [Symbol.asyncDispose]: stop };
}

/** The table of all controllers. Adding one is its folder and one line here. */
import { openScope } from '../base/scope.ts';
import { addressGroupController } from './address-group/address-group-controller.ts';
import { type CertificatesOptions, certificatesController } from './certificates/certificates-controller.ts';
import { clusterRoleAggregation } from './cluster-role-aggregation/cluster-role-aggregation-controller.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { cronJobController } from './cron-job/cron-job-controller.ts';
import { customResourcesController } from './custom-resources/custom-resources-controller.ts';
import { daemonSetController } from './daemon-set/daemon-set-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { ephemeralVolume } from './ephemeral-volume/ephemeral-volume-controller.ts';
import { endpointsController } from './endpoints/endpoints-controller.ts';
import { endpointSliceController } from './endpoint-slice/endpoint-slice-controller.ts';
import { mirroringController } from './endpoint-slice-mirroring/endpoint-slice-mirroring-controller.ts';
import { expiryController } from './expiry/expiry-controller.ts';
import { gatewayController } from './gateway/gateway-controller.ts';
import { garbageCollector } from './garbage-collector/garbage-collector-controller.ts';
import { ingressAddress } from './ingress-address/ingress-address-controller.ts';
import { jobController } from './job/job-controller.ts';
import { orphanPodsController } from './job/orphan-pods-controller.ts';
import {
  horizontalPodAutoscaler,
  type HorizontalPodAutoscalerOptions,
} from './horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts';
import { loadBalancerController } from './load-balancer/load-balancer-controller.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { nodeIpam } from './node-ipam/node-ipam-controller.ts';
import type { PodNetwork } from './node-ipam/plan-pod-cidrs.ts';
import {
  DEFAULT_NODE_HEALTH,
  type NodeHealthOptions,
  nodeLifecycle,
} from './node-lifecycle/node-lifecycle-controller.ts';
import { leaseRenewal } from './node-lifecycle/lease-renewal-controller.ts';
import { taintEviction } from './node-lifecycle/taint-eviction-controller.ts';
import { persistentVolumeBinder } from './persistent-volume-binder/persistent-volume-binder-controller.ts';
import { podGc } from './pod-gc/pod-gc-controller.ts';
import { replicaSetController, replicationController } from './replica-set/replica-set-controller.ts';
import { resourceQuotaController } from './resource-quota/resource-quota-controller.ts';
import { restartOnChange } from './restart-on-change/restart-on-change-controller.ts';
import { runController } from './run-controller.ts';
import { bootstrapTokenCleaner } from './service-account/bootstrap-token-controller.ts';
import { serviceAccountController } from './service-account/service-account-controller.ts';
import { type SignSecretToken, tokenSecretController } from './service-account/token-secret-controller.ts';
import { statefulSetController } from './stateful-set/stateful-set-controller.ts';
import { unreportedNodesController } from './unreported-nodes/unreported-nodes-controller.ts';
import { ttlAfterFinished } from './ttl-after-finished/ttl-after-finished-controller.ts';
import { volumeProvisioner } from './volume-provisioner/volume-provisioner-controller.ts';
import { volumeProtection } from './volume-protection/volume-protection-controller.ts';

export interface ControllersOptions {
  readonly podNetwork?: PodNetwork;
  /** Networks and ranges of addresses for load balancers. */
  readonly loadBalancerPool?: readonly string[];
  readonly nodeHealth?: NodeHealthOptions;
  /** PEM; published to every namespace as ConfigMap `kube-root-ca.crt`. */
  readonly caBundle?: string;
  /** Signs what belongs into the Secrets of service accounts; without it they stay empty. */
  readonly signSecretToken?: SignSecretToken;
  /** Signs certificate requests; without it they stay pending. */
  readonly certificates?: CertificatesOptions;
  /** How long Events are kept, instead of their kind's time; 0: for ever. */
  readonly eventTtlMs?: number;
  readonly autoscaling?: HorizontalPodAutoscalerOptions;
  /** In the status of Ingresses, instead of the addresses of the nodes that serve them. */
  readonly ingressAddresses?: readonly string[];
}

export const controllersFor = ({
  podNetwork,
  loadBalancerPool,
  nodeHealth = DEFAULT_NODE_HEALTH,
  caBundle,
  signSecretToken: sign,
  certificates,
  eventTtlMs,
  autoscaling,
  ingressAddresses,
}: ControllersOptions): readonly Controller[] => [
  namespaceController,
  clusterRoleAggregation,
  customResourcesController,
  serviceAccountController(caBundle),
  bootstrapTokenCleaner,
  ...(sign ? [tokenSecretController({ caBundle, sign })] : []),
  ...(certificates ? [certificatesController(certificates)] : []),
  nodeIpam(podNetwork),
  replicaSetController,
  replicationController,
  deploymentController,
  daemonSetController,
  statefulSetController,
  unreportedNodesController,
  cronJobController,
  jobController,
  orphanPodsController,
  ttlAfterFinished,
  restartOnChange,
  horizontalPodAutoscaler(autoscaling),
  garbageCollector,
  ...nodeControllers(nodeHealth),
  podGc,
  resourceQuotaController,
  disruptionController,
  persistentVolumeBinder,
  volumeProvisioner,
  ephemeralVolume,
  endpointsController,
  endpointSliceController,
  mirroringController,
  addressGroupController,
  gatewayController(ingressAddresses),
  ingressAddress(ingressAddresses),
  loadBalancerController(loadBalancerPool),
  volumeProtection,
  expiryController(eventTtlMs),
];

/** They share what was renewed here: for the judgement of nodes it is no sign of life. */
function nodeControllers(options: NodeHealthOptions): readonly Controller[] {
  const { heartbeats } = options;
  const renewals = new Map<string, string>();
  return [
    nodeLifecycle({ ...options, renewals }),
    ...(heartbeats ? [leaseRenewal({ heartbeats, renewals })] : []),
    taintEviction(options),
  ];
}

/** Starts them in order. They end together: each may have to wait for the answer to a commit. */
export function startControllers(
  context: ControllerContext,
  controllers: readonly Controller[],
): Promise<AsyncDisposable> {
  return openScope(async (scope) => {
    const running: AsyncDisposable[] = [];
    scope.defer(() => Promise.all(running.map((controller) => controller[Symbol.asyncDispose]())));
    for (const controller of controllers) running.push(await runController(controller, context));
    return {};
  });
}

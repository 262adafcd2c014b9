/**
 * Typed views of the kinds that the code handles. Field types are upstream's (kubernetes-models,
 * types only); a stored object has been validated and defaulted, so `spec` is always there.
 */
import type { IDaemonSetSpec } from 'kubernetes-models/apps/v1/DaemonSetSpec';
import type { IDaemonSetStatus } from 'kubernetes-models/apps/v1/DaemonSetStatus';
import type { IDeploymentSpec } from 'kubernetes-models/apps/v1/DeploymentSpec';
import type { IDeploymentStatus } from 'kubernetes-models/apps/v1/DeploymentStatus';
import type { IHPAScalingRules } from 'kubernetes-models/autoscaling/v2/HPAScalingRules';
import type { IHorizontalPodAutoscalerSpec } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscalerSpec';
import type { IHorizontalPodAutoscalerStatus } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscalerStatus';
import type { IMetricSpec } from 'kubernetes-models/autoscaling/v2/MetricSpec';
import type { IReplicaSetSpec } from 'kubernetes-models/apps/v1/ReplicaSetSpec';
import type { IReplicaSetStatus } from 'kubernetes-models/apps/v1/ReplicaSetStatus';
import type { IReplicationControllerSpec } from 'kubernetes-models/v1/ReplicationControllerSpec';
import type { IReplicationControllerStatus } from 'kubernetes-models/v1/ReplicationControllerStatus';
import type { IStatefulSetSpec } from 'kubernetes-models/apps/v1/StatefulSetSpec';
import type { IStatefulSetStatus } from 'kubernetes-models/apps/v1/StatefulSetStatus';
import type { ICronJobSpec } from 'kubernetes-models/batch/v1/CronJobSpec';
import type { ICronJobStatus } from 'kubernetes-models/batch/v1/CronJobStatus';
import type { IJobCondition } from 'kubernetes-models/batch/v1/JobCondition';
import type { IJobSpec } from 'kubernetes-models/batch/v1/JobSpec';
import type { IJobStatus } from 'kubernetes-models/batch/v1/JobStatus';
import type { ILeaseSpec } from 'kubernetes-models/coordination.k8s.io/v1/LeaseSpec';
import type { IIngressClassSpec } from 'kubernetes-models/networking.k8s.io/v1/IngressClassSpec';
import type { IIngressSpec } from 'kubernetes-models/networking.k8s.io/v1/IngressSpec';
import type { IIngressStatus } from 'kubernetes-models/networking.k8s.io/v1/IngressStatus';
import type { IEndpoint } from 'kubernetes-models/discovery.k8s.io/v1/Endpoint';
import type { INetworkPolicySpec } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicySpec';
import type { IEndpointPort as ISlicePort } from 'kubernetes-models/discovery.k8s.io/v1/EndpointPort';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IContainerState } from 'kubernetes-models/v1/ContainerState';
import type { IContainerStatus } from 'kubernetes-models/v1/ContainerStatus';
import type { INamespaceSpec } from 'kubernetes-models/v1/NamespaceSpec';
import type { INamespaceStatus } from 'kubernetes-models/v1/NamespaceStatus';
import type { INodeSpec } from 'kubernetes-models/v1/NodeSpec';
import type { INodeStatus } from 'kubernetes-models/v1/NodeStatus';
import type { IObjectReference } from 'kubernetes-models/v1/ObjectReference';
import type { IPersistentVolumeClaimSpec } from 'kubernetes-models/v1/PersistentVolumeClaimSpec';
import type { IPersistentVolumeClaimStatus } from 'kubernetes-models/v1/PersistentVolumeClaimStatus';
import type { IPersistentVolumeSpec } from 'kubernetes-models/v1/PersistentVolumeSpec';
import type { IPersistentVolumeStatus } from 'kubernetes-models/v1/PersistentVolumeStatus';
import type { IPodCondition } from 'kubernetes-models/v1/PodCondition';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import type { IPodStatus } from 'kubernetes-models/v1/PodStatus';
import type { IPodTemplateSpec } from 'kubernetes-models/v1/PodTemplateSpec';
import type { IProbe } from 'kubernetes-models/v1/Probe';
import type { IServicePort } from 'kubernetes-models/v1/ServicePort';
import type { IServiceSpec } from 'kubernetes-models/v1/ServiceSpec';
import type { IServiceStatus } from 'kubernetes-models/v1/ServiceStatus';
import type { ITaint } from 'kubernetes-models/v1/Taint';
import type { IToleration } from 'kubernetes-models/v1/Toleration';
import type { IVolume } from 'kubernetes-models/v1/Volume';
import type { KubeObject } from './object.ts';

export type PodSpec = IPodSpec;
export type PodStatus = IPodStatus;
export type PodCondition = IPodCondition;
export type PodTemplate = IPodTemplateSpec;
export type Container = IContainer;
export type ContainerStatus = IContainerStatus;
export type ContainerState = IContainerState;
export type Probe = IProbe;
export type Volume = IVolume;
export type Taint = ITaint;
export type Toleration = IToleration;
export type ObjectReference = IObjectReference;

export interface Pod extends KubeObject {
  spec: PodSpec;
  status?: PodStatus;
}
export interface ReplicaSet extends KubeObject {
  spec: IReplicaSetSpec;
  status?: IReplicaSetStatus;
}
export interface ReplicationController extends KubeObject {
  spec: IReplicationControllerSpec;
  status?: IReplicationControllerStatus;
}
export interface Deployment extends KubeObject {
  spec: IDeploymentSpec;
  status?: IDeploymentStatus;
}
export interface StatefulSet extends KubeObject {
  spec: IStatefulSetSpec;
  status?: IStatefulSetStatus;
}
export interface DaemonSet extends KubeObject {
  spec: IDaemonSetSpec;
  status?: IDaemonSetStatus;
}
/** A recorded state of a workload: a patch of its spec. */
export interface ControllerRevision extends KubeObject {
  revision: number;
  data?: unknown;
}
export type JobCondition = IJobCondition;
export interface Job extends KubeObject {
  spec: IJobSpec;
  status?: IJobStatus;
}
export interface CronJob extends KubeObject {
  spec: ICronJobSpec;
  status?: ICronJobStatus;
}
export type MetricSpec = IMetricSpec;
export type ScalingRules = IHPAScalingRules;
/** `autoscaling/v2`. */
export interface HorizontalPodAutoscaler extends KubeObject {
  spec: IHorizontalPodAutoscalerSpec;
  status?: IHorizontalPodAutoscalerStatus;
}
export interface Node extends KubeObject {
  spec: INodeSpec;
  status?: INodeStatus;
}
export interface Namespace extends KubeObject {
  spec?: INamespaceSpec;
  status?: INamespaceStatus;
}
export interface RuntimeClass extends KubeObject {
  readonly handler: string;
}

export interface PersistentVolume extends KubeObject {
  spec: IPersistentVolumeSpec;
  status?: IPersistentVolumeStatus;
}
export interface PersistentVolumeClaim extends KubeObject {
  spec: IPersistentVolumeClaimSpec;
  status?: IPersistentVolumeClaimStatus;
}
export interface StorageClass extends KubeObject {
  provisioner: string;
  parameters?: Record<string, string>;
  reclaimPolicy?: string;
  mountOptions?: string[];
  allowVolumeExpansion?: boolean;
  volumeBindingMode?: string;
  allowedTopologies?: {
    matchLabelExpressions?: { key: string; values: string[] }[];
  }[];
}

export interface Lease extends KubeObject {
  spec: ILeaseSpec;
}
export interface Service extends KubeObject {
  spec: IServiceSpec;
  status?: IServiceStatus;
}
export interface NetworkPolicy extends KubeObject {
  spec: INetworkPolicySpec;
}
export interface Ingress extends KubeObject {
  spec: IIngressSpec;
  status?: IIngressStatus;
}
export interface IngressClass extends KubeObject {
  spec?: IIngressClassSpec;
}
export type ServicePort = IServicePort;

export interface EndpointAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef?: ObjectReference;
}
export interface EndpointPort {
  name?: string;
  port: number;
  protocol?: NonNullable<ServicePort['protocol']>;
  appProtocol?: string;
}
export interface EndpointSubset {
  addresses?: EndpointAddress[];
  notReadyAddresses?: EndpointAddress[];
  ports?: EndpointPort[];
}
export interface Endpoints extends KubeObject {
  subsets?: EndpointSubset[];
}

export type Endpoint = IEndpoint;
export type SlicePort = ISlicePort;
/** The API says null where a slice has no endpoints or no ports. */
export interface EndpointSlice extends KubeObject {
  addressType: string;
  endpoints?: Endpoint[] | null;
  ports?: SlicePort[] | null;
}
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
}
/** `data` values are base64. */
export interface Secret extends KubeObject {
  data?: Record<string, string>;
  type?: string;
  immutable?: boolean;
}
/** core/v1 Event. */
export interface Event extends KubeObject {
  involvedObject: ObjectReference;
  reason?: string;
  message?: string;
  type?: string;
  source?: { component?: string; host?: string };
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  count?: number;
  reportingComponent?: string;
  reportingInstance?: string;
}

/** How Argo CD's `spec.source.kustomize` changes a kustomization before it is built. */
export interface KustomizeSettings {
  namePrefix?: string;
  nameSuffix?: string;
  namespace?: string;
  /** `old=new:tag`. */
  images?: string[];
  replicas?: { name: string; count: number | string }[];
  commonLabels?: Record<string, string>;
  forceCommonLabels?: boolean;
  labelWithoutSelector?: boolean;
  labelIncludeTemplates?: boolean;
  commonAnnotations?: Record<string, string>;
  forceCommonAnnotations?: boolean;
  components?: string[];
  ignoreMissingComponents?: boolean;
  patches?: {
    path?: string;
    patch?: string;
    target?: Record<string, string>;
    options?: Record<string, boolean>;
  }[];
}
/** Where an application's manifests are (Argo CD's `spec.source`, the part that is implemented). */
export interface ApplicationSource {
  repoURL: string;
  path?: string;
  targetRevision?: string;
  directory?: { recurse?: boolean; include?: string; exclude?: string };
  kustomize?: KustomizeSettings;
}
/** Argo CD's Application, the part that is implemented. */
export interface Application extends KubeObject {
  spec: {
    project?: string;
    source?: ApplicationSource;
    destination: { namespace?: string; server?: string; name?: string };
    syncPolicy?: {
      automated?: { prune?: boolean; selfHeal?: boolean; allowEmpty?: boolean };
      syncOptions?: string[];
      retry?: { limit?: number; backoff?: { duration?: string; factor?: number; maxDuration?: string } };
    };
    ignoreDifferences?: {
      group?: string;
      kind: string;
      name?: string;
      namespace?: string;
      jsonPointers?: string[];
    }[];
  };
  status?: Record<string, unknown>;
}

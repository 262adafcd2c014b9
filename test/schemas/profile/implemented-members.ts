/**
 * Where each member of the implemented kinds is implemented: by definition, the file below `src/`
 * that acts on the members named there. `DATA` means that nothing acts on them in Kubernetes
 * either: the API keeps them for clients. A member that the system does not act on belongs into
 * src/schemas/profile/rules.ts instead, and so into docs/FIELDS.md.
 */
export const DATA = 'data for clients';

type Files = Readonly<Record<string, string>>;

const SPEC = 'node-agent/container-spec/plan-container-spec.ts';
const SANDBOX = 'node-agent/container-spec/plan-sandbox-spec.ts';
const SECURITY = 'node-agent/container-spec/plan-security.ts';
const ENVIRONMENT = 'node-agent/container-spec/plan-environment.ts';
const VOLUMES = 'node-agent/volumes/plan-volumes.ts';
const CLAIM_VOLUME = 'node-agent/volumes/plan-claim-volume.ts';
const VOLUME_FILES = 'node-agent/volumes/volume-files.ts';
const EPHEMERAL = 'controllers/ephemeral-volume/plan-ephemeral-claims.ts';
const POD_CLAIMS = 'schemas/volumes/pod-claims.ts';
const BINDING = 'schemas/volumes/binding.ts';
const CLASSES = 'schemas/volumes/classes.ts';
const PROVISIONING = 'controllers/volume-provisioner/plan-provisioning.ts';
const POD_FILES = 'node-agent/files/plan-pod-files.ts';
const PROBES = 'node-agent/probes/handlers.ts';
const AUTOSCALER = 'controllers/horizontal-pod-autoscaler/scale-target.ts';
const PROPOSALS = 'controllers/horizontal-pod-autoscaler/plan-proposals.ts';
const AUTOSCALER_PLAN = 'controllers/horizontal-pod-autoscaler/plan-autoscaler.ts';
const LIMITS_PLAN = 'controllers/horizontal-pod-autoscaler/plan-limits.ts';
const METRIC_PLAN = 'controllers/horizontal-pod-autoscaler/plan-metric.ts';
const RESOURCE_METRIC = 'controllers/horizontal-pod-autoscaler/plan-resource-metric.ts';
const META = 'schemas/strategy/prepare-create.ts';
const MIRROR = 'controllers/endpoint-slice-mirroring/plan-mirror.ts';
const POD_ENDPOINT = 'controllers/endpoint-slice/pod-endpoint.ts';
const TRAFFIC_HINTS = 'controllers/endpoint-slice/traffic-hints.ts';
const ADDRESS_GROUPS = 'schemas/address-groups.ts';
const POLICIES = 'network/policy/plan-policies.ts';
const POLICY_RULES = 'network/policy/plan-rules.ts';
const DEFINITION = 'schemas/custom/definition.ts';

const AFFINITY = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERENCE = 'preferredDuringSchedulingIgnoredDuringExecution';

export const implementedMembers: Readonly<Record<string, Files>> = {
  'dev.symphony.v1alpha1.AddressGroup': { [ADDRESS_GROUPS]: 'addresses' },
  'dev.symphony.v1alpha1.AddressGroupSpec': {
    [ADDRESS_GROUPS]: 'namespace namespaceSelector podSelector',
  },
  'dev.symphony.v1alpha1.GroupAddress': { [ADDRESS_GROUPS]: 'ip ports' },
  'dev.symphony.v1alpha1.GroupPort': { [ADDRESS_GROUPS]: 'name port protocol' },
  'api.core.v1.EndpointAddress': { [MIRROR]: 'hostname ip nodeName targetRef' },
  'api.core.v1.EndpointPort': { [MIRROR]: 'appProtocol name port protocol' },
  'api.core.v1.EndpointSubset': { [MIRROR]: 'addresses notReadyAddresses ports' },
  'api.core.v1.Endpoints': { [MIRROR]: 'subsets' },
  'api.discovery.v1.Endpoint': {
    [POD_ENDPOINT]: 'addresses conditions hostname nodeName targetRef zone',
    [TRAFFIC_HINTS]: 'hints',
    'schemas/kinds/endpoint-slice.ts': 'deprecatedTopology',
  },
  'api.discovery.v1.EndpointConditions': { [POD_ENDPOINT]: 'ready serving terminating' },
  'api.discovery.v1.EndpointHints': { [TRAFFIC_HINTS]: 'forNodes forZones' },
  'api.discovery.v1.EndpointPort': { [POD_ENDPOINT]: 'appProtocol name port protocol' },
  'api.networking.v1.IPBlock': { 'network/policy/ranges.ts': 'cidr except' },
  'api.networking.v1.NetworkPolicyEgressRule': { [POLICY_RULES]: 'ports to' },
  'api.networking.v1.NetworkPolicyIngressRule': { [POLICY_RULES]: 'from ports' },
  'api.networking.v1.NetworkPolicyPeer': {
    [POLICY_RULES]: 'ipBlock',
    [ADDRESS_GROUPS]: 'namespaceSelector podSelector',
  },
  'api.networking.v1.NetworkPolicyPort': { [POLICY_RULES]: 'endPort port protocol' },
  'api.networking.v1.NetworkPolicySpec': {
    [POLICIES]: 'podSelector',
    [POLICY_RULES]: 'egress ingress policyTypes',
  },
  'api.discovery.v1.EndpointSlice': {
    'controllers/endpoint-slice/plan-slices.ts': 'addressType endpoints ports',
  },
  'api.discovery.v1.ForNode': { [TRAFFIC_HINTS]: 'name' },
  'api.discovery.v1.ForZone': { [TRAFFIC_HINTS]: 'name' },
  'argoproj.v1alpha1.Application': { 'sync/plan/operation.ts': 'operation' },
  'argoproj.v1alpha1.ApplicationDestination': { 'sync/observe/confinement.ts': 'namespace' },
  'argoproj.v1alpha1.ApplicationSource': {
    'sync/render/select-files.ts': 'directory',
    'sync/cache/application-cache.ts': 'path repoURL targetRevision',
  },
  'argoproj.v1alpha1.ApplicationSourceDirectory': {
    'sync/render/select-files.ts': 'exclude include recurse',
  },
  'argoproj.v1alpha1.ApplicationSpec': {
    'sync/cache/application-cache.ts': 'destination source',
    'sync/observe/observe-objects.ts': 'ignoreDifferences',
    'sync/plan/plan-retry.ts': 'syncPolicy',
  },
  'argoproj.v1alpha1.ResourceIgnoreDifferences': {
    'diff/ignore-differences.ts': 'group jsonPointers kind name namespace',
  },
  'argoproj.v1alpha1.SyncPolicy': {
    'sync/plan/plan-retry.ts': 'retry',
    'sync/observe/observe-objects.ts': 'syncOptions',
    'sync/plan/plan-application-status.ts': 'automated',
  },
  'argoproj.v1alpha1.SyncPolicy.automated': { 'sync/plan/plan-sync.ts': 'allowEmpty prune selfHeal' },
  'argoproj.v1alpha1.SyncPolicy.retry': { 'sync/plan/plan-retry.ts': 'backoff limit' },
  'argoproj.v1alpha1.SyncPolicy.retry.backoff': { 'sync/plan/plan-retry.ts': 'duration factor maxDuration' },

  'api.apps.v1.DeploymentSpec': {
    'controllers/deployment/plan-new-replica-set.ts': 'minReadySeconds replicas selector template',
    'controllers/deployment/plan-deployment.ts': 'paused',
    'controllers/deployment/rollout-math.ts': 'strategy',
    'controllers/deployment/deployment-status.ts': 'progressDeadlineSeconds',
    'controllers/deployment/plan-cleanup.ts': 'revisionHistoryLimit',
  },
  'api.apps.v1.DeploymentStrategy': {
    'controllers/deployment/plan-deployment.ts': 'type',
    'controllers/deployment/rollout-math.ts': 'rollingUpdate',
  },
  'api.apps.v1.RollingUpdateDeployment': {
    'controllers/deployment/rollout-math.ts': 'maxSurge maxUnavailable',
  },
  'api.apps.v1.ControllerRevision': {
    'controllers/revision-history/plan-revision-history.ts': 'data revision',
  },
  'api.apps.v1.DaemonSetSpec': {
    'controllers/daemon-set/plan-daemon-set.ts': 'minReadySeconds selector',
    'controllers/daemon-set/daemon-pods.ts': 'template',
    'controllers/daemon-set/plan-revisions.ts': 'revisionHistoryLimit',
    'controllers/daemon-set/rolling-limits.ts': 'updateStrategy',
  },
  'api.apps.v1.DaemonSetUpdateStrategy': { 'controllers/daemon-set/rolling-limits.ts': 'rollingUpdate type' },
  'api.apps.v1.RollingUpdateDaemonSet': {
    'controllers/daemon-set/rolling-limits.ts': 'maxSurge maxUnavailable',
  },
  'api.apps.v1.StatefulSetSpec': {
    'controllers/stateful-set/identity.ts': 'ordinals replicas serviceName volumeClaimTemplates',
    'controllers/stateful-set/plan-stateful-set.ts':
      'minReadySeconds podManagementPolicy revisionHistoryLimit selector template',
    'controllers/stateful-set/plan-removals.ts': 'updateStrategy',
    'controllers/stateful-set/claim-retention.ts': 'persistentVolumeClaimRetentionPolicy',
  },
  'api.core.v1.PersistentVolumeClaim': {
    'controllers/stateful-set/identity.ts': 'metadata spec',
    'schemas/kinds/stateful-set/defaults.ts': 'apiVersion kind',
  },
  'api.apps.v1.StatefulSetOrdinals': { 'controllers/stateful-set/identity.ts': 'start' },
  'api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy': {
    'controllers/stateful-set/claim-retention.ts': 'whenDeleted whenScaled',
  },
  'api.apps.v1.StatefulSetUpdateStrategy': {
    'controllers/stateful-set/plan-removals.ts': 'rollingUpdate type',
  },
  'api.apps.v1.RollingUpdateStatefulSetStrategy': {
    'controllers/stateful-set/plan-removals.ts': 'maxUnavailable partition',
  },
  'api.apps.v1.ReplicaSetSpec': {
    'controllers/replica-set/plan-replica-set.ts': 'minReadySeconds replicas selector template',
  },
  'api.core.v1.ReplicationControllerSpec': {
    'controllers/replica-set/plan-replica-set.ts': 'minReadySeconds replicas selector template',
  },
  'api.batch.v1.CronJobSpec': {
    'controllers/cron-job/plan-cron-job.ts':
      'concurrencyPolicy failedJobsHistoryLimit schedule successfulJobsHistoryLimit suspend timeZone',
    'controllers/cron-job/due-times.ts': 'startingDeadlineSeconds',
    'controllers/cron-job/jobs.ts': 'jobTemplate',
  },
  'api.batch.v1.JobTemplateSpec': { 'controllers/cron-job/jobs.ts': 'metadata spec' },
  'api.batch.v1.JobSpec': {
    'controllers/job/plan-target.ts': 'activeDeadlineSeconds backoffLimit maxFailedIndexes',
    'controllers/job/job-facts.ts':
      'backoffLimitPerIndex completionMode managedBy podFailurePolicy podReplacementPolicy suspend',
    'controllers/job/plan-job-pods.ts': 'completions parallelism',
    'controllers/job/plan-job.ts': 'manualSelector selector',
    'controllers/job/match-policies.ts': 'successPolicy',
    'controllers/job/job-pod.ts': 'template',
    'controllers/ttl-after-finished/plan-ttl.ts': 'ttlSecondsAfterFinished',
  },
  'api.batch.v1.PodFailurePolicy': { 'controllers/job/match-policies.ts': 'rules' },
  'api.batch.v1.PodFailurePolicyRule': {
    'controllers/job/match-policies.ts': 'action onExitCodes onPodConditions',
  },
  'api.batch.v1.PodFailurePolicyOnExitCodesRequirement': {
    'controllers/job/match-policies.ts': 'containerName operator values',
  },
  'api.batch.v1.PodFailurePolicyOnPodConditionsPattern': {
    'controllers/job/match-policies.ts': 'status type',
  },
  'api.batch.v1.SuccessPolicy': { 'controllers/job/match-policies.ts': 'rules' },
  'api.batch.v1.SuccessPolicyRule': {
    'controllers/job/match-policies.ts': 'succeededCount succeededIndexes',
  },
  'api.core.v1.PodTemplateSpec': { 'controllers/replica-set/plan-replica-set.ts': 'metadata spec' },
  'api.autoscaling.v1.CrossVersionObjectReference': { [AUTOSCALER]: 'apiVersion kind name' },
  'api.autoscaling.v1.HorizontalPodAutoscalerSpec': {
    'schemas/kinds/horizontal-pod-autoscaler/convert-v1.ts': 'targetCPUUtilizationPercentage',
    [AUTOSCALER]: 'scaleTargetRef',
    [AUTOSCALER_PLAN]: 'maxReplicas minReplicas',
  },
  'api.autoscaling.v2.ContainerResourceMetricSource': { [RESOURCE_METRIC]: 'container name target' },
  'api.autoscaling.v2.CrossVersionObjectReference': { [AUTOSCALER]: 'apiVersion kind name' },
  'api.autoscaling.v2.ExternalMetricSource': { [METRIC_PLAN]: 'metric target' },
  'api.autoscaling.v2.HPAScalingPolicy': { [LIMITS_PLAN]: 'periodSeconds type value' },
  'api.autoscaling.v2.HPAScalingRules': {
    [LIMITS_PLAN]: 'policies selectPolicy stabilizationWindowSeconds',
    [PROPOSALS]: 'tolerance',
  },
  'api.autoscaling.v2.HorizontalPodAutoscalerBehavior': { [LIMITS_PLAN]: 'scaleDown scaleUp' },
  'api.autoscaling.v2.HorizontalPodAutoscalerSpec': {
    [AUTOSCALER]: 'scaleTargetRef',
    [AUTOSCALER_PLAN]: 'behavior maxReplicas minReplicas',
    [PROPOSALS]: 'metrics',
  },
  'api.autoscaling.v2.MetricIdentifier': { [METRIC_PLAN]: 'name selector' },
  'api.autoscaling.v2.MetricSpec': {
    [METRIC_PLAN]: 'containerResource external object pods resource type',
  },
  'api.autoscaling.v2.MetricTarget': {
    [METRIC_PLAN]: 'averageValue type value',
    [RESOURCE_METRIC]: 'averageUtilization',
  },
  'api.autoscaling.v2.ObjectMetricSource': { [METRIC_PLAN]: 'describedObject metric target' },
  'api.autoscaling.v2.PodsMetricSource': { [METRIC_PLAN]: 'metric target' },
  'api.autoscaling.v2.ResourceMetricSource': { [RESOURCE_METRIC]: 'name target' },
  'api.policy.v1.PodDisruptionBudgetSpec': {
    'controllers/disruption/plan-disruption.ts': 'maxUnavailable minAvailable selector',
    'resources/subresources/plan-eviction.ts': 'unhealthyPodEvictionPolicy',
  },

  'api.core.v1.PodSpec': {
    'node-agent/pod/plan-running.ts': 'activeDeadlineSeconds terminationGracePeriodSeconds',
    'scheduler/pod-info.ts': 'affinity overhead topologySpreadConstraints',
    'scheduler/filters/taint-toleration.ts': 'tolerations',
    'schemas/pods/node-selector.ts': 'nodeSelector',
    'scheduler/plan-placement.ts': 'nodeName priority schedulingGates',
    'resources/admission/plan-service-account.ts':
      'automountServiceAccountToken imagePullSecrets serviceAccountName',
    'schemas/defaults/pod-spec.ts': 'serviceAccount',
    'resources/admission/plan-priority.ts': 'priorityClassName',
    'resources/admission/plan-runtime-class.ts': 'runtimeClassName',
    'node-agent/pod/pod-view.ts': 'containers initContainers',
    'node-agent/pod/plan-restart.ts': 'restartPolicy',
    'node-agent/pod/plan-pod-status.ts': 'readinessGates',
    [POD_FILES]: 'dnsConfig dnsPolicy hostAliases',
    [SANDBOX]: 'hostIPC hostNetwork hostPID setHostnameAsFQDN shareProcessNamespace',
    [SECURITY]: 'securityContext',
    [VOLUMES]: 'volumes',
    'node-agent/container-spec/identity.ts': 'hostname subdomain',
    'node-agent/container-spec/service-variables.ts': 'enableServiceLinks',
    'schemas/pod-security/restricted.ts': 'os',
  },
  'api.core.v1.PodDNSConfig': { [POD_FILES]: 'nameservers options searches' },
  'api.core.v1.PodDNSConfigOption': { [POD_FILES]: 'name value' },
  'api.core.v1.HostAlias': { [POD_FILES]: 'hostnames ip' },
  'api.core.v1.PodReadinessGate': { 'node-agent/pod/plan-pod-status.ts': 'conditionType' },
  'api.core.v1.PodSchedulingGate': { 'scheduler/plan-placement.ts': 'name' },
  'api.core.v1.PodSecurityContext': {
    [SECURITY]: 'appArmorProfile fsGroup runAsGroup runAsNonRoot runAsUser seccompProfile supplementalGroups',
    [SANDBOX]: 'sysctls',
    [CLAIM_VOLUME]: 'fsGroupChangePolicy',
  },
  'api.core.v1.Sysctl': { [SANDBOX]: 'name value' },
  'api.core.v1.SecurityContext': {
    [SECURITY]:
      'allowPrivilegeEscalation appArmorProfile capabilities privileged readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser seccompProfile',
  },
  'api.core.v1.Capabilities': { [SECURITY]: 'add drop' },
  'api.core.v1.AppArmorProfile': { [SECURITY]: 'localhostProfile type' },
  'api.core.v1.SeccompProfile': { [SECURITY]: 'localhostProfile type' },

  'api.core.v1.Container': {
    [ENVIRONMENT]: 'env envFrom',
    'schemas/pods/pod-resources.ts': 'resources',
    [SANDBOX]: 'ports',
    [SPEC]: 'args command name stdin stdinOnce terminationMessagePath tty workingDir',
    [SECURITY]: 'securityContext',
    'node-agent/images/image-source.ts': 'image imagePullPolicy',
    'node-agent/pod/plan-stop.ts': 'lifecycle',
    'node-agent/probes/container-prober.ts': 'livenessProbe readinessProbe startupProbe',
    'node-agent/pod/plan-restart.ts': 'restartPolicy',
    'node-agent/pod/last-words.ts': 'terminationMessagePolicy',
    'node-agent/container-spec/plan-mounts.ts': 'volumeMounts',
  },
  'api.core.v1.ContainerPort': {
    [SANDBOX]: 'containerPort hostIP hostPort protocol',
    'api/proxy/plan-proxy-target.ts': 'name',
  },
  'api.core.v1.ResourceRequirements': {
    'node-agent/container-spec/field-ref.ts': 'limits',
    'schemas/pods/pod-resources.ts': 'requests',
  },
  'api.core.v1.VolumeMount': {
    'node-agent/container-spec/plan-mounts.ts':
      'mountPath mountPropagation name readOnly subPath subPathExpr',
  },
  'api.core.v1.EnvVar': { [ENVIRONMENT]: 'name value valueFrom' },
  'api.core.v1.EnvVarSource': { [ENVIRONMENT]: 'configMapKeyRef fieldRef resourceFieldRef secretKeyRef' },
  'api.core.v1.EnvFromSource': { [ENVIRONMENT]: 'configMapRef prefix secretRef' },
  'api.core.v1.ConfigMapEnvSource': { [ENVIRONMENT]: 'name optional' },
  'api.core.v1.SecretEnvSource': { [ENVIRONMENT]: 'name optional' },
  'api.core.v1.ConfigMapKeySelector': { [ENVIRONMENT]: 'key name optional' },
  'api.core.v1.SecretKeySelector': { [ENVIRONMENT]: 'key name optional' },
  'api.core.v1.ObjectFieldSelector': {
    'node-agent/container-spec/plan-environment.ts': 'fieldPath',
    'schemas/validation/environment.ts': 'apiVersion',
  },
  'api.core.v1.ResourceFieldSelector': {
    'node-agent/container-spec/field-ref.ts': 'containerName divisor resource',
  },
  'api.core.v1.Lifecycle': {
    'node-agent/pod/plan-stop.ts': 'preStop',
    'node-agent/pod/container-starts.ts': 'postStart',
  },
  'api.core.v1.LifecycleHandler': { [PROBES]: 'exec httpGet sleep tcpSocket' },
  'api.core.v1.Probe': {
    [PROBES]: 'exec grpc httpGet tcpSocket',
    'node-agent/probes/plan-probe.ts':
      'failureThreshold initialDelaySeconds periodSeconds successThreshold terminationGracePeriodSeconds timeoutSeconds',
  },
  'api.core.v1.ExecAction': { [PROBES]: 'command' },
  'api.core.v1.GRPCAction': { [PROBES]: 'port service' },
  'api.core.v1.HTTPGetAction': { [PROBES]: 'host httpHeaders path port scheme' },
  'api.core.v1.HTTPHeader': { [PROBES]: 'name value' },
  'api.core.v1.TCPSocketAction': { [PROBES]: 'host port' },
  'api.core.v1.SleepAction': { [PROBES]: 'seconds' },

  'api.core.v1.Volume': {
    [VOLUMES]: 'configMap downwardAPI emptyDir name projected secret',
    [CLAIM_VOLUME]: 'hostPath nfs',
    [POD_CLAIMS]: 'ephemeral persistentVolumeClaim',
  },
  'api.core.v1.EphemeralVolumeSource': { [EPHEMERAL]: 'volumeClaimTemplate' },
  'api.core.v1.PersistentVolumeClaimTemplate': { [EPHEMERAL]: 'metadata spec' },
  'api.core.v1.PersistentVolumeClaimVolumeSource': {
    [POD_CLAIMS]: 'claimName',
    [CLAIM_VOLUME]: 'readOnly',
  },
  'api.core.v1.PersistentVolumeClaimSpec': {
    [BINDING]: 'accessModes resources selector',
    [CLASSES]: 'storageClassName',
    'controllers/persistent-volume-binder/plan-claim.ts': 'volumeName',
  },
  'api.core.v1.VolumeResourceRequirements': { [BINDING]: 'requests', [DATA]: 'limits' },
  'api.core.v1.PersistentVolumeSpec': {
    [BINDING]: 'accessModes capacity claimRef',
    [CLASSES]: 'storageClassName',
    'scheduler/pod-volumes.ts': 'nodeAffinity',
    'controllers/persistent-volume-binder/plan-volume.ts': 'hostPath',
    [PROVISIONING]: 'local mountOptions nfs',
  },
  'api.core.v1.LocalVolumeSource': { [PROVISIONING]: 'path' },
  'api.core.v1.NFSVolumeSource': {
    [CLAIM_VOLUME]: 'path readOnly server',
  },
  'api.core.v1.VolumeNodeAffinity': { 'scheduler/pod-volumes.ts': 'required' },
  'api.storage.v1.StorageClass': {
    'resources/admission/storage-resize.ts': 'allowVolumeExpansion',
    [CLASSES]: 'allowedTopologies volumeBindingMode',
    [PROVISIONING]: 'mountOptions provisioner reclaimPolicy',
    'controllers/volume-provisioner/plan-nfs-source.ts': 'parameters',
  },
  'api.core.v1.TopologySelectorTerm': { [CLASSES]: 'matchLabelExpressions' },
  'api.core.v1.TopologySelectorLabelRequirement': { [CLASSES]: 'key values' },
  'api.core.v1.ConfigMapVolumeSource': { [VOLUME_FILES]: 'defaultMode items name optional' },
  'api.core.v1.SecretVolumeSource': { [VOLUME_FILES]: 'defaultMode items optional secretName' },
  'api.core.v1.DownwardAPIVolumeSource': { [VOLUME_FILES]: 'defaultMode items' },
  'api.core.v1.DownwardAPIVolumeFile': { [VOLUME_FILES]: 'fieldRef mode path resourceFieldRef' },
  'api.core.v1.EmptyDirVolumeSource': { [VOLUMES]: 'medium' },
  'api.core.v1.HostPathVolumeSource': { [CLAIM_VOLUME]: 'path type' },
  'api.core.v1.ProjectedVolumeSource': { [VOLUME_FILES]: 'defaultMode', [VOLUMES]: 'sources' },
  'api.core.v1.VolumeProjection': { [VOLUMES]: 'configMap downwardAPI secret serviceAccountToken' },
  'api.core.v1.ConfigMapProjection': { [VOLUME_FILES]: 'items name optional' },
  'api.core.v1.SecretProjection': { [VOLUME_FILES]: 'items name optional' },
  'api.core.v1.DownwardAPIProjection': { [VOLUME_FILES]: 'items' },
  'api.core.v1.ServiceAccountTokenProjection': {
    [VOLUMES]: 'path',
    'node-agent/identity/service-account-tokens.ts': 'audience expirationSeconds',
  },
  'api.core.v1.KeyToPath': { [VOLUME_FILES]: 'key mode path' },

  'api.core.v1.Affinity': {
    'schemas/pods/node-selector.ts': 'nodeAffinity',
    'scheduler/pod-info.ts': 'podAffinity podAntiAffinity',
  },
  'api.core.v1.NodeAffinity': {
    'schemas/pods/node-selector.ts': AFFINITY,
    'scheduler/scorers/node-affinity.ts': PREFERENCE,
  },
  'api.core.v1.PreferredSchedulingTerm': { 'scheduler/scorers/node-affinity.ts': 'preference weight' },
  'api.core.v1.NodeSelector': { 'schemas/pods/node-selector.ts': 'nodeSelectorTerms' },
  'api.core.v1.NodeSelectorTerm': { 'schemas/pods/node-selector.ts': 'matchExpressions matchFields' },
  'api.core.v1.NodeSelectorRequirement': { 'schemas/pods/node-selector.ts': 'key operator values' },
  'api.core.v1.PodAffinity': { 'scheduler/pod-info.ts': `${AFFINITY} ${PREFERENCE}` },
  'api.core.v1.PodAntiAffinity': { 'scheduler/pod-info.ts': `${AFFINITY} ${PREFERENCE}` },
  'api.core.v1.WeightedPodAffinityTerm': { 'scheduler/pod-info.ts': 'podAffinityTerm weight' },
  'api.core.v1.PodAffinityTerm': {
    'scheduler/pod-info.ts': 'labelSelector namespaceSelector namespaces topologyKey',
    'schemas/kinds/pod/match-label-keys.ts': 'matchLabelKeys mismatchLabelKeys',
  },
  'api.core.v1.TopologySpreadConstraint': {
    'scheduler/spread.ts':
      'labelSelector maxSkew minDomains nodeAffinityPolicy nodeTaintsPolicy topologyKey whenUnsatisfiable',
    'schemas/kinds/pod/match-label-keys.ts': 'matchLabelKeys',
  },
  'api.core.v1.Toleration': {
    'schemas/pods/tolerations.ts': 'effect key operator value',
    'controllers/node-lifecycle/plan-taint-eviction.ts': 'tolerationSeconds',
  },
  'api.core.v1.Taint': {
    'schemas/pods/tolerations.ts': 'effect key value',
    'controllers/node-lifecycle/plan-node-health.ts': 'timeAdded',
  },
  'api.core.v1.NodeSpec': {
    'controllers/node-ipam/plan-pod-cidrs.ts': 'podCIDR podCIDRs',
    'controllers/node-lifecycle/plan-node-health.ts': 'taints unschedulable',
  },

  'api.core.v1.ServiceSpec': {
    'resources/services/service-addresses.ts':
      'allocateLoadBalancerNodePorts clusterIP clusterIPs externalTrafficPolicy healthCheckNodePort ports type',
    'schemas/defaults/service-families.ts': 'ipFamilies ipFamilyPolicy',
    'controllers/endpoints/endpoint-facts.ts': 'selector',
    'network/services/entrances.ts': 'externalIPs',
    'network/services/plan-service-part.ts':
      'internalTrafficPolicy loadBalancerSourceRanges sessionAffinity sessionAffinityConfig',
    'controllers/endpoint-slice/traffic-hints.ts': 'trafficDistribution',
    'controllers/endpoint-slice/pod-endpoint.ts': 'publishNotReadyAddresses',
    'controllers/load-balancer/assign-addresses.ts': 'loadBalancerIP',
    'controllers/load-balancer/plan-load-balancers.ts': 'loadBalancerClass',
  },
  'api.core.v1.SessionAffinityConfig': { 'network/services/plan-service-part.ts': 'clientIP' },
  'api.core.v1.ClientIPConfig': { 'network/services/plan-service-part.ts': 'timeoutSeconds' },
  'api.core.v1.ServicePort': {
    'resources/services/service-addresses.ts': 'nodePort',
    'network/services/entrances.ts': 'protocol',
    'controllers/endpoints/endpoint-facts.ts': 'targetPort',
    'api/proxy/plan-proxy-target.ts': 'name port',
  },

  'api.networking.v1.IngressSpec': {
    'network/ingress/plan-proxy.ts': 'defaultBackend rules tls',
    'schemas/networking/ingress-classes.ts': 'ingressClassName',
  },
  'api.networking.v1.IngressBackend': { 'network/ingress/plan-backend.ts': 'resource service' },
  'api.core.v1.TypedLocalObjectReference': {
    'network/ingress/plan-backend.ts': 'kind name',
    'schemas/validation/ingress.ts': 'apiGroup',
  },
  'api.networking.v1.IngressServiceBackend': { 'network/ingress/plan-backend.ts': 'name port' },
  'api.networking.v1.ServiceBackendPort': { 'network/ingress/plan-backend.ts': 'name number' },
  'api.networking.v1.IngressRule': { 'network/ingress/plan-proxy.ts': 'host http' },
  'api.networking.v1.HTTPIngressRuleValue': { 'network/ingress/plan-proxy.ts': 'paths' },
  'api.networking.v1.HTTPIngressPath': { 'network/ingress/plan-proxy.ts': 'backend path pathType' },
  'api.networking.v1.IngressTLS': { 'network/ingress/plan-certificates.ts': 'hosts secretName' },
  'api.networking.v1.IngressClassSpec': {
    'schemas/networking/ingress-classes.ts': 'controller',
    // They are for controllers of others; ours has none.
    'schemas/kinds/ingress-class.ts': 'parameters',
  },
  'api.networking.v1.ServiceCIDRSpec': { 'resources/services/service-cidrs.ts': 'cidrs' },
  'api.networking.v1.IngressClassParametersReference': {
    'schemas/validation/ingress.ts': 'apiGroup kind name namespace scope',
  },

  'api.core.v1.NamespaceSpec': { 'controllers/namespace/plan-namespace.ts': 'finalizers' },
  'api.core.v1.ConfigMap': {
    [VOLUME_FILES]: 'data binaryData',
    'schemas/validation/config-data.ts': 'immutable',
  },
  'api.core.v1.Secret': {
    [VOLUME_FILES]: 'data',
    'schemas/kinds/secret.ts': 'stringData',
    'schemas/validation/config-data.ts': 'immutable type',
  },
  'api.core.v1.ServiceAccount': {
    'resources/admission/plan-service-account.ts': 'automountServiceAccountToken imagePullSecrets secrets',
  },
  'api.core.v1.LocalObjectReference': { 'schemas/pods/pod-references.ts': 'name' },
  'api.core.v1.ObjectReference': {
    [DATA]: 'apiVersion fieldPath kind name namespace resourceVersion uid',
  },
  'api.core.v1.ResourceQuotaSpec': {
    'resources/admission/plan-quota.ts': 'hard',
    'schemas/quota/scopes.ts': 'scopeSelector scopes',
  },
  'api.core.v1.ScopeSelector': { 'schemas/quota/scopes.ts': 'matchExpressions' },
  'api.core.v1.ScopedResourceSelectorRequirement': { 'schemas/quota/scopes.ts': 'operator scopeName values' },
  'api.core.v1.LimitRangeSpec': { 'resources/admission/plan-limit-range.ts': 'limits' },
  'api.core.v1.LimitRangeItem': {
    'resources/admission/plan-limit-range.ts': 'default defaultRequest max maxLimitRequestRatio min type',
  },
  'api.node.v1.RuntimeClass': {
    'node-agent/pods/pod-sources.ts': 'handler',
    'resources/admission/plan-runtime-class.ts': 'overhead scheduling',
  },
  'api.node.v1.Overhead': { 'resources/admission/plan-runtime-class.ts': 'podFixed' },
  'api.node.v1.Scheduling': { 'resources/admission/plan-runtime-class.ts': 'nodeSelector tolerations' },
  'api.scheduling.v1.PriorityClass': {
    [DATA]: 'description',
    'resources/admission/priority.ts': 'globalDefault',
    'resources/admission/plan-priority.ts': 'value',
  },

  'api.coordination.v1.LeaseSpec': {
    'controllers/node-lifecycle/plan-node-health.ts': 'renewTime',
    [DATA]: 'acquireTime holderIdentity leaseDurationSeconds leaseTransitions preferredHolder strategy',
  },
  'api.core.v1.Event': {
    [DATA]:
      'action count eventTime firstTimestamp involvedObject lastTimestamp message reason related reportingComponent reportingInstance series source type',
  },
  'api.core.v1.EventSeries': { [DATA]: 'count lastObservedTime' },
  'api.core.v1.EventSource': { [DATA]: 'component host' },
  'api.events.v1.Event': {
    [DATA]:
      'action deprecatedCount deprecatedFirstTimestamp deprecatedLastTimestamp deprecatedSource eventTime note reason regarding related reportingController reportingInstance series type',
  },
  'api.events.v1.EventSeries': { [DATA]: 'count lastObservedTime' },

  'api.certificates.v1.CertificateSigningRequestSpec': {
    'controllers/certificates/plan-signing.ts': 'expirationSeconds request signerName usages',
    'controllers/certificates/plan-approval.ts': 'groups username',
    'resources/admission/certificate-request.ts': 'extra uid',
  },

  'api.rbac.v1.ClusterRole': {
    'controllers/cluster-role-aggregation/plan-aggregation.ts': 'aggregationRule rules',
  },
  'api.rbac.v1.AggregationRule': {
    'controllers/cluster-role-aggregation/plan-aggregation.ts': 'clusterRoleSelectors',
  },
  'api.rbac.v1.Role': { 'resources/authz/rbac-policy.ts': 'rules' },
  'api.rbac.v1.ClusterRoleBinding': {
    'resources/authz/rbac-policy.ts': 'roleRef subjects',
  },
  'api.rbac.v1.RoleBinding': { 'resources/authz/rbac-policy.ts': 'roleRef subjects' },
  'api.rbac.v1.PolicyRule': {
    'resources/authz/rules.ts': 'apiGroups nonResourceURLs resourceNames resources verbs',
  },
  'api.rbac.v1.RoleRef': {
    'resources/authz/rbac-policy.ts': 'kind name',
    'schemas/validation/rbac.ts': 'apiGroup',
  },
  'api.rbac.v1.Subject': {
    'resources/authz/subjects.ts': 'kind name namespace',
    'schemas/validation/rbac.ts': 'apiGroup',
  },

  'apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec': {
    [DEFINITION]: 'group names scope versions',
    'schemas/custom/validate-definition.ts': 'conversion preserveUnknownFields',
  },
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionNames': {
    [DEFINITION]: 'categories kind listKind plural shortNames singular',
  },
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion': {
    [DEFINITION]:
      'additionalPrinterColumns deprecated deprecationWarning name schema selectableFields served storage subresources',
  },
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceColumnDefinition': {
    [DEFINITION]: 'description format jsonPath name priority type',
  },
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresources': {
    [DEFINITION]: 'scale status',
  },
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresourceScale': {
    [DEFINITION]: 'labelSelectorPath specReplicasPath statusReplicasPath',
  },
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.SelectableField': { [DEFINITION]: 'jsonPath' },
  'apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceValidation': {
    [DEFINITION]: 'openAPIV3Schema',
  },

  'apimachinery.pkg.apis.meta.v1.LabelSelector': {
    'schemas/values/selectors.ts': 'matchExpressions matchLabels',
  },
  'apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement': {
    'schemas/values/selectors.ts': 'key operator values',
  },
  'apimachinery.pkg.apis.meta.v1.ObjectMeta': {
    [META]: 'creationTimestamp generateName generation name namespace uid',
    'schemas/strategy/plan-delete.ts': 'deletionGracePeriodSeconds deletionTimestamp finalizers',
    'schemas/values/selectors.ts': 'labels',
    'diff/annotations.ts': 'annotations',
    'resources/managed-fields/managers.ts': 'managedFields',
    'controllers/garbage-collector/plan-collection.ts': 'ownerReferences',
    'resources/writing/plan-write.ts': 'resourceVersion',
    [DATA]: 'selfLink',
  },
  'apimachinery.pkg.apis.meta.v1.OwnerReference': {
    'controllers/garbage-collector/plan-collection.ts': 'blockOwnerDeletion uid',
    'controllers/garbage-collector/garbage-collector-controller.ts': 'apiVersion kind name',
    'schemas/object.ts': 'controller',
  },
  'apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry': {
    'resources/managed-fields/owner-record.ts':
      'apiVersion fieldsType fieldsV1 manager operation subresource time',
  },
};

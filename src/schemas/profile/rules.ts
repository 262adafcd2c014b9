/**
 * The implemented profile as data: which well-formed fields Symphony does not implement. A field that no rule names is
 * implemented. docs/FIELDS.md is this table for readers, and a test compares the two.
 *
 * `refused`: it would change what runs. In a repository it is an error that says what to do; the API keeps pods and
 * templates with it, as Kubernetes does, and their pods are not started. `ignored`: accepted, stored and shown,
 * without effect, because nothing depends on it here; keep that list short and give each entry its reason.
 */
import { IN_PRIVILEGED_NAMESPACE } from '../pod-security/namespace-policy.ts';

export interface FieldRule {
  /** Dotted path; `*` stands for every list item or map key. */
  readonly path: string;
  readonly verdict: 'refused' | 'ignored';
  /** What to do instead (refused), or why nothing depends on it (ignored). */
  readonly advice: string;
  /** Values that are no request for the feature, besides null and empty lists and objects. */
  readonly except?: readonly (string | number | boolean)[];
  /** For rules about the key that `*` matched: only keys that begin so. */
  readonly keyPrefix?: string;
}

const refused = (path: string, advice: string, except?: FieldRule['except']): FieldRule => ({
  path,
  verdict: 'refused',
  advice,
  ...(except ? { except } : {}),
});
const ignored = (path: string, advice: string): FieldRule => ({ path, verdict: 'ignored', advice });

const CONTAINER_LISTS = ['containers', 'initContainers'];
const VOLUME_ADVICE = `use emptyDir, configMap, secret, downwardAPI or projected; for other storage, mount it on the host and use hostPath ${IN_PRIVILEGED_NAMESPACE}`;
const OTHER_VOLUMES = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'csi',
  'ephemeral',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'image',
  'iscsi',
  'nfs',
  'persistentVolumeClaim',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
];

const containerRules = (list: string): FieldRule[] => {
  const at = `${list}.*`;
  const resourceNames = (where: string): FieldRule => ({
    path: `${at}.resources.${where}.*`,
    verdict: 'refused',
    advice: 'huge pages are not given to containers; remove them',
    keyPrefix: 'hugepages-',
  });
  return [
    resourceNames('limits'),
    resourceNames('requests'),
    refused(`${at}.resources.claims`, 'dynamic resource allocation is not implemented; remove it'),
    refused(
      `${at}.volumeDevices`,
      'raw block volumes are not implemented; mount a file system with volumeMounts',
    ),
    refused(`${at}.volumeMounts.*.recursiveReadOnly`, 'use readOnly: true', ['Disabled']),
    refused(`${at}.env.*.valueFrom.fileKeyRef`, 'use configMapKeyRef or secretKeyRef'),
    refused(`${at}.restartPolicyRules`, 'use restartPolicy'),
    refused(`${at}.securityContext.procMount`, 'only the default /proc is implemented; remove it', [
      'Default',
    ]),
    refused(`${at}.securityContext.windowsOptions`, 'nodes run Linux; remove it'),
    ignored(
      `${at}.securityContext.seLinuxOptions`,
      'Docker hosts here run without SELinux; a label has no meaning',
    ),
    ignored(
      `${at}.lifecycle.stopSignal`,
      'behind a feature that is off in Kubernetes 1.36, too, which leaves it out of what is stored',
    ),
    ignored(`${at}.resizePolicy`, 'resources change by a new pod, never in place'),
  ];
};

/** Relative to a pod's spec; they hold for every kind with a pod template. */
export const podRules: readonly FieldRule[] = [
  ...CONTAINER_LISTS.flatMap(containerRules),
  ...OTHER_VOLUMES.map((source) => refused(`volumes.*.${source}`, VOLUME_ADVICE)),
  refused('volumes.*.projected.sources.*.clusterTrustBundle', 'put the certificates into a ConfigMap'),
  refused('volumes.*.projected.sources.*.podCertificate', 'put the certificate into a Secret'),
  refused('hostUsers', 'user namespaces are set per Docker Engine (userns-remap); remove it', [true]),
  refused('resourceClaims', 'dynamic resource allocation is not implemented; remove it'),
  refused('resources', 'set resources on the containers'),
  refused('schedulingGroup', 'gang scheduling is not implemented; remove it'),
  refused('hostnameOverride', 'use hostname'),
  refused('schedulerName', "there is one scheduler; remove it or use 'default-scheduler'", [
    '',
    'default-scheduler',
  ]),
  refused('securityContext.windowsOptions', 'nodes run Linux; remove it'),
  refused('securityContext.supplementalGroupsPolicy', "Docker merges the image's groups; use Merge", [
    'Merge',
  ]),
  refused('os.name', 'nodes run Linux; remove it', ['linux', '']),
  ignored('securityContext.seLinuxOptions', 'Docker hosts here run without SELinux; a label has no meaning'),
  ignored('securityContext.seLinuxChangePolicy', 'Docker hosts here run without SELinux'),
  ignored(
    'securityContext.fsGroupChangePolicy',
    'only decides how much work setting the group of a volume is',
  ),
  ignored('preemptionPolicy', 'pods never preempt others yet'),
  ignored('enableServiceLinks', 'traffic to Services is not routed yet: there is nothing to link to'),
  ...CONTAINER_LISTS.map((list) =>
    ignored(
      `${list}.*.resources.limits.ephemeral-storage`,
      'pods are placed and quotas are counted by it; what a container writes is not measured',
    ),
  ),
  ignored('volumes.*.emptyDir.sizeLimit', 'limits memory (medium Memory); what lies on disk is not measured'),
  ignored('ephemeralContainers', 'kubectl debug adds them to a pod that runs; agents do not start them yet'),
];

export const applicationRules: readonly FieldRule[] = [
  refused('spec.sources', 'use one spec.source, or several Applications'),
  refused('spec.source.chart', 'Helm charts are not implemented; commit the rendered manifests'),
  refused('spec.source.helm', 'Helm charts are not implemented; commit the rendered manifests'),
  refused('spec.source.kustomize', 'Kustomize is not implemented; commit the built manifests'),
  refused(
    'spec.source.plugin',
    'config management plugins are not implemented; commit the rendered manifests',
  ),
  refused('spec.source.directory.jsonnet', 'Jsonnet is not implemented; commit the rendered manifests'),
  refused('spec.source.ref', 'only a source of a multi-source Application has a ref; remove it'),
  refused(
    'spec.destination.server',
    'an Application deploys to this cluster; use https://kubernetes.default.svc',
    ['', 'https://kubernetes.default.svc'],
  ),
  refused('spec.destination.name', "an Application deploys to this cluster; use 'in-cluster'", [
    '',
    'in-cluster',
  ]),
  refused(
    'spec.syncPolicy.managedNamespaceMetadata',
    'put the Namespace with its labels into the repository',
  ),
  refused('spec.syncPolicy.automated.enabled', 'remove spec.syncPolicy.automated to stop automatic syncs', [
    true,
  ]),
  refused('spec.ignoreDifferences.*.jqPathExpressions', 'use jsonPointers'),
  refused('spec.ignoreDifferences.*.managedFieldsManagers', 'use jsonPointers'),
  ignored('spec.project', 'there are no AppProjects: every Application may do what the cluster allows'),
  ignored('spec.info', 'text for people'),
  ignored('spec.revisionHistoryLimit', 'the history of revisions is the Git repository'),
  ignored('spec.source.name', 'a label for a dashboard'),
  ignored('spec.syncPolicy.retry.refresh', 'a retry always takes the newest commit'),
];

const ROUTING = 'traffic to Services is not routed yet; the API allocates, validates and shows it';

export const serviceRules: readonly FieldRule[] = [
  ...[
    'externalIPs',
    'externalName',
    'internalTrafficPolicy',
    'loadBalancerClass',
    'loadBalancerIP',
    'loadBalancerSourceRanges',
    'ports.*.appProtocol',
    'publishNotReadyAddresses',
    'sessionAffinity',
    'sessionAffinityConfig',
    'trafficDistribution',
  ].map((field) => ignored(`spec.${field}`, ROUTING)),
];

export const priorityClassRules: readonly FieldRule[] = [
  ignored('preemptionPolicy', 'pods never preempt others yet'),
];

export const nodeRules: readonly FieldRule[] = [
  refused('spec.configSource', 'configure the agent by its flags'),
  ignored('spec.providerID', 'there is no cloud provider that would look for its machine'),
  ignored('spec.externalID', 'deprecated upstream; nothing reads it'),
];

/** The fields of a pod's spec that are not implemented, in pods and in every pod template. */
import { words } from '../../base/words.ts';
import { IN_PRIVILEGED_NAMESPACE } from '../pod-security/namespace-policy.ts';
import { claimRules } from './claim-rules.ts';
import { type FieldRule, ignored, refused } from './rules.ts';

const CONTAINER_LISTS = ['containers', 'initContainers'];
const VOLUME_ADVICE = `use persistentVolumeClaim, ephemeral or nfs; for other storage, mount it on the hosts and use PersistentVolumes of type local, or hostPath ${IN_PRIVILEGED_NAMESPACE}`;
const OTHER_VOLUMES = words(`
  awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker
  gcePersistentDisk gitRepo glusterfs image iscsi photonPersistentDisk
  portworxVolume quobyte rbd scaleIO storageos vsphereVolume
`);

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
  ...claimRules('volumes.*.ephemeral.volumeClaimTemplate.spec'),
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
  ignored('preemptionPolicy', 'pods never preempt others yet'),
  ...CONTAINER_LISTS.map((list) =>
    ignored(
      `${list}.*.resources.limits.ephemeral-storage`,
      'pods are placed and quotas are counted by it; what a container writes is not measured',
    ),
  ),
  ignored('volumes.*.emptyDir.sizeLimit', 'limits memory (medium Memory); what lies on disk is not measured'),
  ignored('ephemeralContainers', 'kubectl debug adds them to a pod that runs; agents do not start them yet'),
];

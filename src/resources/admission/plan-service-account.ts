/**
 * Adds to a new pod what its service account brings, pure: its name, its image pull secrets, and
 * the volume with its token where programs expect it. Source: upstream's admission plug-in
 * ServiceAccount.
 */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../schemas/object.ts';
import type { Container, Pod, PodSpec, Volume } from '../../schemas/types.ts';
import { namedByPod } from '../../schemas/pods/pod-references.ts';

const TOKEN_VOLUME_PREFIX = 'kube-api-access-';
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Seven seconds more than an hour: upstream's sign of a token that nobody asked for. */
const TOKEN_SECONDS = 3_607;
const CA_CONFIG_MAP = 'kube-root-ca.crt';
const FILE_MODE = 0o644;

/** The fields of a ServiceAccount that matter here. */
export interface AccountFields extends KubeObject {
  automountServiceAccountToken?: boolean;
  imagePullSecrets?: { name?: string }[];
}

/** `account` is undefined where the namespace's default account is about to be made. */
export function withServiceAccount(pod: Pod, name: string, account: AccountFields | undefined): Pod {
  const named: PodSpec = { ...pod.spec, serviceAccountName: name, serviceAccount: name };
  const mounts = pod.spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true;
  const spec = mounts ? withToken(named, volumeName(pod)) : named;
  const pullSecrets = account?.imagePullSecrets ?? [];
  if ((spec.imagePullSecrets ?? []).length > 0 || pullSecrets.length === 0) return { ...pod, spec };
  const imagePullSecrets = pullSecrets.map((reference) => ({ name: reference.name ?? '' }));
  return { ...pod, spec: { ...spec, imagePullSecrets } };
}

/** Why it is no mirror pod: it names what an account or the namespace would have to give it. */
export function mirrorPodComplaint(pod: Pod): string | undefined {
  if (namedByPod(pod, 'serviceAccount').size > 0) return 'a mirror pod may not reference service accounts';
  if (namedByPod(pod, 'secret').size > 0) return 'a mirror pod may not reference secrets';
  const sources = (pod.spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
  return sources.some(({ serviceAccountToken }) => serviceAccountToken)
    ? 'a mirror pod may not use ServiceAccountToken volume projections'
    : undefined;
}

function withToken(spec: PodSpec, freshName: string): PodSpec {
  const existing = (spec.volumes ?? []).find(({ name }) => nameOf(name).startsWith(TOKEN_VOLUME_PREFIX));
  const name = existing?.name ?? freshName;
  const containers = containersOf(spec);
  const all = [...(spec.initContainers ?? []), ...containers];
  if (all.every(hasMount)) return spec;
  const mounted = (container: Container): Container =>
    hasMount(container)
      ? container
      : {
          ...container,
          volumeMounts: [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }],
        };
  return {
    ...spec,
    ...(spec.initContainers ? { initContainers: spec.initContainers.map(mounted) } : {}),
    containers: containers.map(mounted),
    volumes: existing ? (spec.volumes ?? []) : [...(spec.volumes ?? []), tokenVolume(name)],
  };
}

/** Validation comes later: what a pod must have may be missing here. */
const nameOf = (name: string | undefined): string => name ?? '';
const containersOf = ({ containers }: Partial<PodSpec>): readonly Container[] => containers ?? [];

const hasMount = ({ volumeMounts }: Container): boolean =>
  (volumeMounts ?? []).some(({ mountPath }) => mountPath === MOUNT_PATH);

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: CA_CONFIG_MAP, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: FILE_MODE,
    },
  };
}

/** Generated names use it. The digest of a pod's name spells five letters, always the same. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;

/** Unique in its pod, which has no other volume of the prefix. */
function volumeName({ metadata }: Pod): string {
  const { namespace = '', name, generateName = '' } = metadata;
  const digest = createHash('sha256')
    .update(`${namespace}/${generateName || name}`)
    .digest();
  const suffix = Array.from(digest.subarray(0, SUFFIX_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]);
  return `${TOKEN_VOLUME_PREFIX}${suffix.join('')}`;
}

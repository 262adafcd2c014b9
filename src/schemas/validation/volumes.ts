/** Volumes of a pod: their names and what they are made from. */
import { words } from '../../base/words.ts';
import { asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { parseQuantity } from '../values/quantity.ts';
import { validateAnnotations, validateLabels } from './metadata.ts';
import { dns1123Label, dns1123Subdomain } from './names.ts';
import { validateNoBacksteps, validateRelativePath } from './paths.ts';
import { duplicate, append, type FieldErrors, forbidden, invalid, required } from './report.ts';
import { optionalWord, requiredText, requiredWord } from './texts.ts';
import { validateVolumeClaim } from './storage.ts';
import { validateDownwardFiles, validateFiles, validateMode, validateProjected } from './volume-files.ts';
import { gcePersistentDisk, networkSources } from './volume-sources.ts';

/** The part of the pod that the checks of volumes and mounts need. */
export interface VolumeContext {
  /** The pod's own name; templates have none to go by. */
  readonly podName: string | undefined;
}

type SourceRule = (source: Fields, path: string, context: VolumeContext) => FieldErrors;

export const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** Upstream's order: the later one of two sources is refused. */
const SOURCES: Readonly<Record<string, SourceRule>> = {
  emptyDir: validateEmptyDir,
  hostPath: validateHostPath,
  gitRepo: (source, path) => [
    ...(asString(source['repository']) === '' ? [required(`${path}.repository`)] : []),
    ...validateRelativePath(asString(source['directory']), `${path}.directory`),
  ],
  gcePersistentDisk,
  awsElasticBlockStore: networkSources.awsElasticBlockStore,
  secret: (source, path) => validateFiles(source, 'secretName', path),
  nfs: networkSources.nfs,
  iscsi: networkSources.iscsi,
  glusterfs: networkSources.glusterfs,
  flocker: networkSources.flocker,
  persistentVolumeClaim: (source, path) =>
    asString(source['claimName']) === '' ? [required(`${path}.claimName`)] : [],
  rbd: networkSources.rbd,
  cinder: networkSources.cinder,
  cephfs: networkSources.cephfs,
  quobyte: networkSources.quobyte,
  downwardAPI: (source, path) => [
    ...validateMode(source['defaultMode'], `${path}.defaultMode`),
    ...validateDownwardFiles(source['items'], path),
  ],
  fc: networkSources.fc,
  flexVolume: networkSources.flexVolume,
  configMap: (source, path) => validateFiles(source, 'name', path),
  azureFile: networkSources.azureFile,
  vsphereVolume: networkSources.vsphereVolume,
  photonPersistentDisk: networkSources.photonPersistentDisk,
  portworxVolume: networkSources.portworxVolume,
  azureDisk: networkSources.azureDisk,
  storageos: networkSources.storageos,
  projected: validateProjected,
  scaleIO: networkSources.scaleIO,
  csi: networkSources.csi,
  ephemeral: validateEphemeral,
  image: validateImageVolume,
};

/** Upstream's mistakes in the path of a second source. */
const SHOWN_AS: ReadonlyMap<string, string> = new Map([
  ['cephfs', 'cephFS'],
  ['downwardAPI', 'downwarAPI'],
]);

export interface VolumeCheck {
  readonly errors: FieldErrors;
  /** The volumes that are fine, by name: only these can be mounted. */
  readonly volumes: ReadonlyMap<string, Fields>;
}

export function validateVolumes(list: unknown, context: VolumeContext, path: string): VolumeCheck {
  const errors: FieldErrors = [];
  const volumes = new Map<string, Fields>();
  const ownClaims = claimsOf(asRecords(list), context);
  for (const [index, volume] of asRecords(list).entries()) {
    const at = `${path}[${index}]`;
    const name = asString(volume['name']);
    const found = validateSource(volume, at, context);
    append(found, requiredText(name, `${at}.name`, dns1123Label));
    if (volumes.has(name)) found.push(duplicate(`${at}.name`, name));
    if (found.length === 0) volumes.set(name, volume);
    append(errors, found);
    const claim = asRecord(volume['persistentVolumeClaim'])['claimName'];
    if (!ownClaims.has(claim)) continue;
    const detail = 'must not reference a PVC that gets created for an ephemeral volume';
    errors.push(invalid(`${at}.persistentVolumeClaim.claimName`, claim, detail));
  }
  return { errors, volumes };
}

const isNamed = (podName: string | undefined): podName is string => podName !== undefined && podName !== '';

/** The names of the claims that the pod gets for volumes of its own. */
const claimsOf = (volumes: readonly Fields[], { podName }: VolumeContext): ReadonlySet<unknown> =>
  new Set(
    isNamed(podName)
      ? volumes
          .filter(({ ephemeral }) => !isAbsent(ephemeral))
          .map(({ name }) => `${podName}-${asString(name)}`)
      : [],
  );

/** Upstream counts this length for the device's name on the node. */
export const MAX_ISCSI_NAME = 64;
export const ISCSI_NAME_TOO_LONG =
  'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';

function validateSource(volume: Fields, path: string, context: VolumeContext): FieldErrors {
  const errors: FieldErrors = [];
  let count = 0;
  for (const [name, validate] of Object.entries(SOURCES)) {
    if (isAbsent(volume[name])) continue;
    count += 1;
    if (count === 1) append(errors, validate(asRecord(volume[name]), `${path}.${name}`, context));
    else {
      const at = `${path}.${SHOWN_AS.get(name) ?? name}`;
      errors.push(forbidden(at, 'may not specify more than 1 volume type'));
    }
  }
  const { initiatorName, targetPortal } = asRecord(volume['iscsi']);
  const device = `${asString(volume['name'])}:${asString(targetPortal)}`;
  if (!isAbsent(initiatorName) && device.length > MAX_ISCSI_NAME)
    errors.push(invalid(`${path}.name`, volume['name'], ISCSI_NAME_TOO_LONG));
  if (count === 0) errors.push(required(path, 'must specify a volume type'));
  if (!isAbsent(volume['ephemeral']) && count === 1) append(errors, claimNameErrors(volume, context, path));
  return errors;
}

/** The claim that a pod's own volume gets is called after both. */
function claimNameErrors(volume: Fields, { podName }: VolumeContext, path: string): FieldErrors {
  const name = asString(volume['name']);
  if (!isNamed(podName) || name === '') return [];
  const claim = `${podName}-${name}`;
  return dns1123Subdomain(claim).map((why) =>
    invalid(`${path}.name`, name, `PVC name ${JSON.stringify(claim)}: ${why}`),
  );
}

function validateEmptyDir(source: Fields, path: string): FieldErrors {
  const limit = source['sizeLimit'];
  if (isAbsent(limit)) return [];
  const quantity = parseQuantity(limit);
  if (quantity && quantity.nanos >= 0n) return [];
  return [forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')];
}

export function validateHostPath(source: Fields, path: string): FieldErrors {
  const target = asString(source['path']);
  if (target === '') return [required(`${path}.path`)];
  return [
    ...validateNoBacksteps(target, `${path}.path`),
    ...optionalWord(source['type'], `${path}.type`, HOST_PATH_TYPES),
  ];
}

/** Metadata that the template of a claim may not set, with upstream's names and order. */
const NOT_FOR_TEMPLATES = words(`
  name generateName namespace selfLink uID resourceVersion generation creationTimestamp
  deletionTimestamp deletionGracePeriodSeconds ownerReferences finalizers managedFields
`);

const isZero = (value: unknown): boolean =>
  isAbsent(value) || value === '' || value === 0 || (Array.isArray(value) && value.length === 0);

function validateEphemeral({ volumeClaimTemplate: value }: Fields, path: string): FieldErrors {
  const at = `${path}.volumeClaimTemplate`;
  if (isAbsent(value)) return [required(at)];
  const { metadata: given, spec } = asRecord(value);
  const metadata = asRecord(given);
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: '' },
    spec: asRecord(spec),
  };
  return [
    ...validateAnnotations(metadata['annotations'], `${at}.metadata.annotations`),
    ...validateLabels(metadata['labels'], `${at}.metadata.labels`),
    ...NOT_FOR_TEMPLATES.flatMap((field) =>
      isZero(metadata[field === 'uID' ? 'uid' : field])
        ? []
        : [forbidden(`${at}.metadata.${field}`, 'cannot be set')],
    ),
    ...validateVolumeClaim(claim).map((error) => ({ ...error, path: `${at}.${error.path}` })),
  ];
}

/** A template may leave the reference to the creator of the pod. */
function validateImageVolume(source: Fields, path: string, { podName }: VolumeContext): FieldErrors {
  const errors: FieldErrors = [];
  if (podName !== undefined && asString(source['reference']) === '')
    errors.push(required(`${path}.reference`));
  return [...errors, ...validatePullPolicy(source['pullPolicy'], `${path}.pullPolicy`)];
}

export const validatePullPolicy = (value: unknown, path: string): FieldErrors =>
  requiredWord(value, path, PULL_POLICIES);

/** PersistentVolumes. Their sources are those of pods, but secrets have namespaces. */
import { jsonEqual } from '../../../base/json.ts';
import {
  asList,
  asRecord,
  asRecords,
  asString,
  type Fields,
  getPath,
  isAbsent,
  omit,
} from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { volumeSourceDiff } from '../../validation/claim-diff.ts';
import { immutable } from '../../validation/metadata.ts';
import { dns1123Label, dns1123Subdomain } from '../../validation/names.ts';
import { validateNoBacksteps } from '../../validation/paths.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  invalidAll,
  keyed,
  notSupported,
  required,
} from '../../validation/report.ts';
import { optionalText, optionalWord } from '../../validation/texts.ts';
import { validateNodeTerm } from '../../validation/scheduling.ts';
import { validateModes, validatePositive, validateReadable, VOLUME_MODES } from '../../validation/storage.ts';
import {
  gcePersistentDisk,
  iscsi,
  networkSources,
  type SourceRule,
  validateDriverName,
} from '../../validation/volume-sources.ts';
import { ISCSI_NAME_TOO_LONG, MAX_ISCSI_NAME, validateHostPath } from '../../validation/volumes.ts';

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];

/** A secret of any namespace; `checks`: whether its names are validated, too. */
const secretOf =
  (field: string, checks: boolean): SourceRule =>
  (source, path) => {
    if (isAbsent(source[field])) return [];
    const { name, namespace } = asRecord(source[field]);
    return [
      ['name', asString(name), dns1123Subdomain] as const,
      ['namespace', asString(namespace), dns1123Label] as const,
    ].flatMap(([member, value, rule]) => {
      const at = `${path}.${field}.${member}`;
      if (value === '') return [required(at)];
      return checks ? invalidAll(at, value, rule(value)) : [];
    });
  };

const glusterfs: SourceRule = (source, path) => {
  const errors = networkSources.glusterfs(source, path);
  const { endpointsNamespace: namespace } = source;
  if (isAbsent(namespace)) return errors;
  const unset = 'if the endpointnamespace is set, it must be a valid namespace name';
  const complaints = namespace === '' ? [unset] : dns1123Label(asString(namespace));
  return [...errors, ...invalidAll(`${path}.endpointsNamespace`, namespace, complaints)];
};

const azureFile: SourceRule = (source, path) => [
  ...networkSources.azureFile(source, path),
  ...(source['secretNamespace'] === '' ? [required(`${path}.secretNamespace`)] : []),
];

const local: SourceRule = (source, path) => {
  const target = asString(source['path']);
  return target === '' ? [required(`${path}.path`)] : validateNoBacksteps(target, `${path}.path`);
};

const storageos: SourceRule = (source, path) => [
  ...networkSources.storageos(omit(source, 'secretRef'), path),
  ...secretOf('secretRef', false)(source, path),
];

const CSI_SECRETS = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
];

const csi: SourceRule = (source, path) => [
  ...validateDriverName(source['driver'], `${path}.driver`),
  ...(asString(source['volumeHandle']) === '' ? [required(`${path}.volumeHandle`)] : []),
  ...CSI_SECRETS.flatMap((field) => secretOf(field, true)(source, path)),
];

/** Upstream's order: of two sources, the later one in this list is refused. */
const SOURCES: Readonly<Record<string, SourceRule>> = {
  hostPath: validateHostPath,
  gcePersistentDisk,
  awsElasticBlockStore: networkSources.awsElasticBlockStore,
  glusterfs,
  flocker: networkSources.flocker,
  nfs: networkSources.nfs,
  rbd: networkSources.rbd,
  quobyte: networkSources.quobyte,
  cephfs: networkSources.cephfs,
  iscsi: (source, path) => [
    ...iscsi('must be valid format')(source, path),
    ...(source['secretRef'] !== undefined && asString(getPath(source, 'secretRef', 'name')) === ''
      ? [required(`${path}.secretRef.name`)]
      : []),
  ],
  cinder: (source, path) => [
    ...networkSources.cinder(omit(source, 'secretRef'), path),
    ...secretOf('secretRef', false)(source, path),
  ],
  fc: networkSources.fc,
  flexVolume: networkSources.flexVolume,
  azureFile,
  vsphereVolume: networkSources.vsphereVolume,
  photonPersistentDisk: networkSources.photonPersistentDisk,
  portworxVolume: networkSources.portworxVolume,
  azureDisk: networkSources.azureDisk,
  scaleIO: networkSources.scaleIO,
  local,
  storageos,
  csi,
};

/** The name of an initiator makes the names of volume and portal one. */
function validateDeviceName(spec: Fields, volume: unknown): FieldErrors {
  const { initiatorName, targetPortal } = asRecord(spec['iscsi']);
  const portal = asString(targetPortal);
  if (isAbsent(initiatorName) || `${asString(volume)}:${portal}`.length <= MAX_ISCSI_NAME) return [];
  return [invalid('spec.iscsi.targetportal', portal, ISCSI_NAME_TOO_LONG)];
}

export function validatePersistentVolume(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const { storageClassName, volumeMode, nodeAffinity } = spec;
  const errors = [
    ...(asList(spec['accessModes']).length === 0 ? [required('spec.accessModes')] : []),
    ...validateModes(spec),
    ...validateCapacity(asRecord(spec['capacity'])),
  ];
  const policy = asString(spec['persistentVolumeReclaimPolicy']);
  if (!RECLAIM_POLICIES.includes(policy))
    errors.push(notSupported('spec.persistentVolumeReclaimPolicy', policy, RECLAIM_POLICIES));
  append(errors, [...validateAffinity(nodeAffinity), ...validateSources(spec)]);
  append(errors, validateDeviceName(spec, asString(asRecord(object.metadata)['name'])));
  if (policy === 'Recycle' && isHostRoot(spec['hostPath'])) {
    const detail = "may not be 'recycle' for a hostPath mount of '/'";
    errors.push(forbidden('spec.persistentVolumeReclaimPolicy', detail));
  }
  return [
    ...errors,
    ...optionalText(storageClassName, 'spec.storageClassName', dns1123Subdomain),
    ...optionalWord(volumeMode, 'spec.volumeMode', VOLUME_MODES),
    ...validateAttributesClass(spec),
  ];
}

function validateCapacity(capacity: Fields): FieldErrors {
  const path = 'spec.capacity';
  const names = Object.keys(capacity);
  const errors: FieldErrors = [];
  if (names.length === 0) errors.push(required(path));
  if (!Object.hasOwn(capacity, 'storage') || names.length > 1) {
    const shown = names.sort().map((name) => [name, capacity[name]] as const);
    errors.push(notSupported(path, names.length === 0 ? null : Object.fromEntries(shown), ['storage']));
  }
  for (const [name, value] of Object.entries(capacity)) {
    const at = keyed(path, name);
    append(errors, [...validateReadable(value, at), ...validatePositive(value, at)]);
  }
  return errors;
}

/** Where the volume can be reached from. */
function validateAffinity(affinity: unknown): FieldErrors {
  if (isAbsent(affinity)) return [];
  const path = 'spec.nodeAffinity.required';
  const { required: selector } = asRecord(affinity);
  if (isAbsent(selector)) return [required(path, 'must specify required node constraints')];
  const at = `${path}.nodeSelectorTerms`;
  const terms = asRecords(asRecord(selector)['nodeSelectorTerms']);
  if (terms.length === 0) return [required(at, 'must have at least one node selector term')];
  return terms.flatMap((term, index) => validateNodeTerm(term, indexed(at, index)));
}

function validateSources(spec: Fields): FieldErrors {
  const errors: FieldErrors = [];
  let count = 0;
  for (const [name, validate] of Object.entries(SOURCES)) {
    if (isAbsent(spec[name])) continue;
    count += 1;
    const path = `spec.${name}`;
    // Upstream forgot to count one of them.
    if (count > 1 && name !== 'flexVolume')
      errors.push(
        forbidden(name === 'cephfs' ? 'spec.cephFS' : path, 'may not specify more than 1 volume type'),
      );
    else append(errors, validate(asRecord(spec[name]), path));
    if (count === 1 && name === 'local' && isAbsent(spec['nodeAffinity']))
      errors.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
  }
  if (count === 0) errors.push(required('spec', 'must specify a volume type'));
  return errors;
}

function isHostRoot(source: unknown): boolean {
  const parts = asString(asRecord(source)['path']).split('/');
  const depth = parts.slice(1).reduce((depth, part) => {
    if (part === '' || part === '.') return depth;
    return part === '..' ? Math.max(0, depth - 1) : depth + 1;
  }, 0);
  return parts.length > 1 && parts[0] === '' && depth === 0;
}

function validateAttributesClass(spec: Fields): FieldErrors {
  const { volumeAttributesClassName: name } = spec;
  if (isAbsent(name)) return [];
  const path = 'spec.volumeAttributesClassName';
  const errors =
    name === ''
      ? [required(path, 'an empty string is disallowed')]
      : invalidAll(path, name, dns1123Subdomain(asString(name)));
  if (isAbsent(spec['csi']))
    errors.push(required('spec.csi', 'has to be specified when using volumeAttributesClassName'));
  return errors;
}

export function validatePersistentVolumeUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  const [spec, old] = [asRecord(next['spec']), asRecord(current['spec'])];
  const errors: FieldErrors = [];
  const sources = sourcesOf(withoutLateSecret(spec, old));
  if (!jsonEqual(sources, sourcesOf(old))) {
    const diff = volumeSourceDiff(sourcesOf(old), sources);
    const detail = `spec.persistentvolumesource is immutable after creation\n${diff}`;
    errors.push(forbidden('spec.persistentvolumesource', detail));
  }
  append(errors, immutable(spec['volumeMode'], old['volumeMode'], 'volumeMode'));
  const affinity = spec['nodeAffinity'];
  if (!isAbsent(old['nodeAffinity']) && !jsonEqual(modern(affinity), modern(old['nodeAffinity']))) {
    const detail = 'field is immutable, except for updating from beta label to GA';
    errors.push(invalid('nodeAffinity', affinity, detail));
  }
  if (!isAbsent(old['volumeAttributesClassName']) && isAbsent(spec['volumeAttributesClassName'])) {
    const detail = 'update from non-nil value to nil is forbidden';
    errors.push(forbidden('spec.volumeAttributesClassName', detail));
  }
  return errors;
}

const sourcesOf = (spec: Fields): Fields =>
  Object.fromEntries(
    Object.keys(SOURCES).flatMap((name) => (isAbsent(spec[name]) ? [] : [[name, spec[name]]])),
  );

/** The secret with which a volume grows may come later than the volume. */
function withoutLateSecret(spec: Fields, old: Fields): Fields {
  const { csi: source } = spec;
  const field = 'controllerExpandSecretRef';
  const isLate = !isAbsent(old['csi']) && isAbsent(asRecord(old['csi'])[field]);
  return isLate && !isAbsent(source) ? { ...spec, csi: omit(asRecord(source), field) } : spec;
}

/** Labels of nodes that got other names: a volume may follow. */
const RENAMED: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
};

function modern(affinity: unknown): unknown {
  const terms = asRecords(getPath(affinity, 'required', 'nodeSelectorTerms'));
  return terms.map((term) => ({
    ...term,
    matchExpressions: asRecords(term['matchExpressions']).map((expression) => {
      const key = asString(expression['key']);
      return { ...expression, key: Object.hasOwn(RENAMED, key) ? RENAMED[key] : key };
    }),
  }));
}

/** Objects that a pod, template or service account needs; optional references are left out. */
import { asRecord, asRecords, asString, type Fields, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { podSpecPaths, podTemplateOf } from '../profile/index.ts';

export interface Reference {
  /** Where the name is written. */
  readonly path: string;
  readonly kind: keyof typeof RESOURCES;
  readonly name: string;
  /** The entry of the ConfigMap or Secret that is used. */
  readonly key?: { readonly name: string; readonly path: string };
}

/** The resource of each kind, whether it lies in a namespace, and when it must be there. */
export const RESOURCES = {
  ConfigMap: { resource: 'configmaps', namespaced: true, when: 'when the pod starts' },
  Secret: { resource: 'secrets', namespaced: true, when: 'when the pod starts' },
  PersistentVolumeClaim: {
    resource: 'persistentvolumeclaims',
    namespaced: true,
    when: 'when the pod starts',
  },
  ServiceAccount: { resource: 'serviceaccounts', namespaced: true, when: 'when pods are created' },
  PriorityClass: {
    resource: 'priorityclasses.scheduling.k8s.io',
    namespaced: false,
    when: 'when pods are created',
  },
  StorageClass: {
    resource: 'storageclasses.storage.k8s.io',
    namespaced: false,
    when: 'unless a PersistentVolume of this class is made by hand',
  },
  RuntimeClass: { resource: 'runtimeclasses.node.k8s.io', namespaced: false, when: 'when pods are created' },
} as const;

const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'];

/** In the order of the paths of a pod's spec. */
export function referencesOf(object: KubeObject): readonly Reference[] {
  if (object.apiVersion === 'v1' && object.kind === 'ServiceAccount') return pullSecrets(object, '');
  if (object.apiVersion === 'v1' && object.kind === 'PersistentVolumeClaim') return storageClass(object, '');
  const path = podSpecPaths[`${object.apiVersion}/${object.kind}`];
  // A cluster-scoped object does not say in which namespaces its pods will be.
  if (path === undefined || object.metadata.namespace === undefined) return [];
  const spec = asRecord(podTemplateOf(object)['spec']);
  return [
    ...named(spec, `${path}.`),
    ...pullSecrets(spec, `${path}.`),
    ...asRecords(spec['volumes']).flatMap((volume, index) =>
      volumeReferences(volume, `${path}.volumes[${index}]`),
    ),
    ...asRecords(getPath(object, 'spec', 'volumeClaimTemplates')).flatMap((claim, index) =>
      storageClass(claim, `spec.volumeClaimTemplates[${index}].`),
    ),
    ...CONTAINER_LISTS.flatMap((list) =>
      asRecords(spec[list]).flatMap((container, index) =>
        environmentReferences(container, `${path}.${list}[${index}]`),
      ),
    ),
  ];
}

function named(spec: Fields, at: string): readonly Reference[] {
  const account = spec['serviceAccountName'] ? 'serviceAccountName' : 'serviceAccount';
  return [
    ...reference('ServiceAccount', spec[account], `${at}${account}`),
    ...reference('PriorityClass', spec['priorityClassName'], `${at}priorityClassName`),
    ...reference('RuntimeClass', spec['runtimeClassName'], `${at}runtimeClassName`),
  ];
}

const pullSecrets = (holder: Fields, at: string): readonly Reference[] =>
  asRecords(holder['imagePullSecrets']).flatMap(({ name }, index) =>
    reference('Secret', name, `${at}imagePullSecrets[${index}].name`),
  );

function volumeReferences(volume: Fields, at: string): readonly Reference[] {
  const claim = asRecord(volume['persistentVolumeClaim'])['claimName'];
  return [
    ...reference('PersistentVolumeClaim', claim, `${at}.persistentVolumeClaim.claimName`),
    ...storageClass(
      asRecord(getPath(volume, 'ephemeral', 'volumeClaimTemplate')),
      `${at}.ephemeral.volumeClaimTemplate.`,
    ),
    ...sourceReferences(volume, at, 'secretName'),
    ...asRecords(getPath(volume, 'projected', 'sources')).flatMap((source, index) =>
      sourceReferences(source, `${at}.projected.sources[${index}]`, 'name'),
    ),
  ];
}

/** A claim that names its volume is bound whatever class it has. */
function storageClass(claim: Fields, at: string): readonly Reference[] {
  const { volumeName, storageClassName } = asRecord(claim['spec']);
  return volumeName ? [] : reference('StorageClass', storageClassName, `${at}spec.storageClassName`);
}

/** A Secret is named otherwise in a volume of its own than as one source of several. */
function sourceReferences(
  source: Fields,
  at: string,
  secretName: 'secretName' | 'name',
): readonly Reference[] {
  const files = (kind: 'ConfigMap' | 'Secret', member: string, nameField: string): readonly Reference[] => {
    const fields = asRecord(source[member]);
    if (fields['optional'] === true) return [];
    const path = `${at}.${member}.${nameField}`;
    const [whole] = reference(kind, fields[nameField], path);
    if (!whole) return [];
    const items = asRecords(fields['items']).map(({ key }, index) => ({
      ...whole,
      key: { name: asString(key), path: `${at}.${member}.items[${index}].key` },
    }));
    return items.length === 0 ? [whole] : items;
  };
  return [...files('ConfigMap', 'configMap', 'name'), ...files('Secret', 'secret', secretName)];
}

function environmentReferences(container: Fields, at: string): readonly Reference[] {
  const sources = (kind: 'ConfigMap' | 'Secret', value: unknown, path: string): readonly Reference[] => {
    const { name, key, optional } = asRecord(value);
    if (optional === true) return [];
    return reference(kind, name, `${path}.name`).map((found) =>
      key === undefined ? found : { ...found, key: { name: asString(key), path: `${path}.key` } },
    );
  };
  return [
    ...asRecords(container['envFrom']).flatMap(({ configMapRef, secretRef }, index) => [
      ...sources('ConfigMap', configMapRef, `${at}.envFrom[${index}].configMapRef`),
      ...sources('Secret', secretRef, `${at}.envFrom[${index}].secretRef`),
    ]),
    ...asRecords(container['env']).flatMap(({ valueFrom }, index) => {
      const { configMapKeyRef, secretKeyRef } = asRecord(valueFrom);
      const path = `${at}.env[${index}].valueFrom`;
      return [
        ...sources('ConfigMap', configMapKeyRef, `${path}.configMapKeyRef`),
        ...sources('Secret', secretKeyRef, `${path}.secretKeyRef`),
      ];
    }),
  ];
}

function reference(kind: Reference['kind'], name: unknown, path: string): readonly Reference[] {
  return typeof name === 'string' && name !== '' ? [{ path, kind, name }] : [];
}

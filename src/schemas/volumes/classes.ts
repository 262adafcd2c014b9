/** StorageClasses: the class of a claim or a volume, the default class, and well-known names. */
import { asRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../types.ts';
import { driverOf, LOCAL_DRIVER } from './drivers.ts';

/** The annotation that named the class before there was a field. */
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const DEFAULT_ANNOTATIONS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

/** Empty where the object names none. */
export function classNameOf({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata.annotations?.[CLASS_ANNOTATION] ?? spec.storageClassName ?? '';
}

/** Whether the claim names a class, even the empty one. Otherwise it gets the default class. */
export function namesClass({ metadata, spec }: KubeObject): boolean {
  const named = asRecord(spec)['storageClassName'] ?? asRecord(metadata.annotations)[CLASS_ANNOTATION];
  return named !== undefined && named !== null;
}

/** The newest of several default classes counts, then the first by name. */
export function defaultClass<T extends KubeObject>(classes: readonly T[]): T | undefined {
  const age = ({ metadata }: T): string => metadata.creationTimestamp ?? '';
  return classes
    .filter(({ metadata }) => DEFAULT_ANNOTATIONS.some((name) => metadata.annotations?.[name] === 'true'))
    .sort((a, b) =>
      age(a) === age(b) ? (a.metadata.name < b.metadata.name ? -1 : 1) : age(a) > age(b) ? -1 : 1,
    )[0];
}

/** The class that every cluster begins with. */
export const localClass: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: LOCAL_DRIVER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
};

/** Classes that other local set-ups have: k3s, kind and minikube, Docker Desktop, MicroK8s. */
const KNOWN_NAMES: ReadonlySet<string> = new Set(['local-path', 'standard', 'hostpath', 'microk8s-hostpath']);

/** Whether every cluster serves the name, until its class `local` is deleted. */
export const isServedName = (name: string): boolean =>
  name === localClass.metadata.name || KNOWN_NAMES.has(name);

/**
 * The class of that name. The class `local` serves well-known names that have no class, so a class
 * of the user always wins.
 */
export function findClass(
  name: string,
  get: (name: string) => StorageClass | undefined,
): StorageClass | undefined {
  if (name === '') return undefined;
  const found = get(name);
  if (found || !KNOWN_NAMES.has(name)) return found;
  const local = get(localClass.metadata.name);
  return local && driverOf(local.provisioner) === 'local' ? local : undefined;
}

/** Whether the scheduler decides when, and for which node, claims of the class are bound. */
export const waitsForConsumer = (found: StorageClass | undefined): boolean =>
  found?.volumeBindingMode === 'WaitForFirstConsumer';

/** Whether the topologies that the class allows include a node with these labels. */
export function allowsNode(
  { allowedTopologies = [] }: StorageClass,
  labels: Readonly<Record<string, string>>,
): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return value !== undefined && values.includes(value);
    }),
  );
}

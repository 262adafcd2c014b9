/**
 * Matches volumes with claims, for the binder and the scheduler (upstream's
 * component-helpers/storage/volume). Pure.
 */
import { compareText } from '../../base/text.ts';
import type { KubeObject } from '../object.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../types.ts';
import { compareQuantities, parseQuantity, type Quantity } from '../values/quantity.ts';
import { matchesLabelSelector } from '../values/selectors.ts';
import { classNameOf } from './classes.ts';

export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
/** The node that the scheduler chose for a claim without a volume. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

export const hasAnnotation = ({ metadata }: KubeObject, name: string): boolean =>
  metadata.annotations?.[name] !== undefined;

export function withAnnotations<T extends KubeObject>(object: T, added: Readonly<Record<string, string>>): T {
  const annotations = { ...object.metadata.annotations, ...added };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

export function withoutAnnotation<T extends KubeObject>(object: T, name: string): T {
  const annotations = { ...object.metadata.annotations };
  delete annotations[name];
  const metadata = { ...object.metadata, annotations };
  if (Object.keys(annotations).length === 0) delete (metadata as T['metadata']).annotations;
  return { ...object, metadata };
}

const ZERO: Quantity = { nanos: 0n, format: 'BinarySI' };

export const quantityOf = (value: unknown): Quantity => parseQuantity(value) ?? ZERO;
export const requestOf = ({ spec }: PersistentVolumeClaim): unknown => spec.resources?.requests?.['storage'];
export const capacityOf = ({ spec }: PersistentVolume): unknown => spec.capacity?.['storage'];

/** Whether `a` is less than `b`. */
export const isLess = (a: unknown, b: unknown): boolean =>
  compareQuantities(quantityOf(a), quantityOf(b)) < 0;

/** Whether the volume is reserved for this claim; a reference without a uid reserves by name. */
export function isVolumeOf({ spec }: PersistentVolume, { metadata }: KubeObject): boolean {
  const { claimRef } = spec;
  if (claimRef?.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return claimRef.uid === undefined || claimRef.uid === '' || claimRef.uid === metadata.uid;
}

/** Both sides are written; the claim may be used. */
export const isFullyBound = (claim: PersistentVolumeClaim): boolean =>
  (claim.spec.volumeName ?? '') !== '' && hasAnnotation(claim, BIND_COMPLETED);

export const volumeModeOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string =>
  spec.volumeMode ?? 'Filesystem';

/** The reason why a volume that the claim names does not fit it; upstream's words. */
export function misfitOf(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp !== undefined)
    return `the volume is marked for deletion "${volume.metadata.name}"`;
  if (isLess(capacityOf(volume), requestOf(claim))) return 'requested PV is too small';
  if (classNameOf(volume) !== classNameOf(claim)) return 'storageClassName does not match';
  if (attributesClassOf(volume) !== attributesClassOf(claim))
    return 'VolumeAttributesClassName does not match';
  if (volumeModeOf(volume) !== volumeModeOf(claim)) return 'incompatible volumeMode';
  return hasModes(volume, claim) ? undefined : 'incompatible accessMode';
}

const attributesClassOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string =>
  spec.volumeAttributesClassName ?? '';

const hasModes = ({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  (claim.spec.accessModes ?? []).every((mode) => (spec.accessModes ?? []).includes(mode));

export interface MatchOptions {
  /** The scheduler asks about one node: whether the volume can be reached from it. */
  readonly reaches?: (volume: PersistentVolume) => boolean;
  /** Volumes that are taken meanwhile. */
  readonly isTaken?: (volume: PersistentVolume) => boolean;
  /** Only a volume that is reserved for the claim; the scheduler chooses among the others. */
  readonly reservedOnly?: boolean;
}

/**
 * The volume that is reserved for the claim, else the smallest that fits; of equal ones the one
 * with the fewest access modes, then the first by name. Of several that are reserved by name, the
 * youngest: after lost history an older one was retained from a former claim of that name.
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { reaches = () => true, isTaken = () => false, reservedOnly = false }: MatchOptions = {},
): PersistentVolume | undefined {
  const fitting = volumes.filter((volume) => couldHold(volume, claim));
  const [reserved] = fitting.filter((volume) => isVolumeOf(volume, claim)).sort(byReservation);
  if (reserved) return reaches(reserved) ? reserved : undefined;
  if (reservedOnly) return undefined;
  let best: PersistentVolume | undefined;
  for (const volume of fitting) {
    if (volume.spec.claimRef || isTaken(volume) || volume.status?.phase !== 'Available') continue;
    if (classNameOf(volume) !== classNameOf(claim) || !isSelected(volume, claim) || !reaches(volume))
      continue;
    if (!best || isBetter(volume, best)) best = volume;
  }
  return best;
}

/** One that names the claim's uid comes first, then the youngest. */
function byReservation(a: PersistentVolume, b: PersistentVolume): number {
  const rank = ({ metadata, spec }: PersistentVolume): string =>
    [spec.claimRef?.uid ? '1' : '0', metadata.creationTimestamp ?? '', metadata.name].join(' ');
  return compareText(rank(b), rank(a));
}

/** The demands that hold for a reserved volume, too. */
function couldHold(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (
    volume.metadata.deletionTimestamp === undefined &&
    !isLess(capacityOf(volume), requestOf(claim)) &&
    volumeModeOf(volume) === volumeModeOf(claim) &&
    attributesClassOf(volume) === attributesClassOf(claim) &&
    hasModes(volume, claim)
  );
}

const isSelected = ({ metadata }: PersistentVolume, { spec }: PersistentVolumeClaim): boolean =>
  !spec.selector || matchesLabelSelector(spec.selector, metadata.labels);

/** Upstream looks among volumes with the fewest modes first, and takes the smallest of those. */
function isBetter(a: PersistentVolume, b: PersistentVolume): boolean {
  const modes = ({ spec }: PersistentVolume): number => (spec.accessModes ?? []).length;
  if (modes(a) !== modes(b)) return modes(a) < modes(b);
  const order = compareQuantities(quantityOf(capacityOf(a)), quantityOf(capacityOf(b)));
  return order === 0 ? a.metadata.name < b.metadata.name : order < 0;
}

/** The volume as reserved for the claim. A reference of the user is completed, and stays theirs. */
export function reserveVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { namespace = '', name, uid = '', resourceVersion } = claim.metadata;
  const { claimRef } = volume.spec;
  if (claimRef?.uid === uid && isVolumeOf(volume, claim)) return volume;
  const reserved: PersistentVolume = {
    ...volume,
    spec: {
      ...volume.spec,
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace,
        name,
        uid,
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    },
  };
  return isVolumeOf(volume, claim) ? reserved : withAnnotations(reserved, { [BOUND_BY_CONTROLLER]: 'yes' });
}

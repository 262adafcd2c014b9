/** The room that a node has for volumes, from the annotations of its agent. */
import type { KubeObject } from '../object.ts';
import type { Node, PersistentVolume } from '../types.ts';
import { toBytes } from '../values/quantity.ts';
import { capacityOf } from './binding.ts';
import { VOLUMES_CAPACITY_ANNOTATION, VOLUMES_DIRECTORY_ANNOTATION } from './drivers.ts';

/** Undefined: the node holds no volumes. */
export const volumesDirectoryOf = ({ metadata }: KubeObject): string | undefined =>
  metadata.annotations?.[VOLUMES_DIRECTORY_ANNOTATION];

/** Bytes that no volume of the node takes yet. A node that names no capacity is not limited. */
export function roomOn(node: Node, volumes: readonly PersistentVolume[]): number {
  const capacity = node.metadata.annotations?.[VOLUMES_CAPACITY_ANNOTATION];
  if (capacity === undefined) return Number.POSITIVE_INFINITY;
  return volumes.reduce((left, volume) => left - toBytes(capacityOf(volume)), toBytes(capacity));
}

export const isReadyNode = ({ status, metadata }: Node): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') === true;

/** Whether another volume may fit on the node now, or the node is new. */
export function mayHoldMore(node: Node, previous: Node | undefined): boolean {
  if (!previous) return true;
  const places = [node, previous].map(({ metadata: { annotations = {} } }) =>
    [VOLUMES_DIRECTORY_ANNOTATION, VOLUMES_CAPACITY_ANNOTATION].map((name) => annotations[name] ?? '').join(),
  );
  return places[0] !== places[1] || (isReadyNode(node) && !isReadyNode(previous));
}

/**
 * A claim for one of our own drivers → the PersistentVolume that it gets. Pure; upstream's
 * external-provisioner. The agent of the node makes the directory when it is first used.
 *
 * The volume's name follows from the claim's uid, so a claim never gets two.
 */
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../schemas/types.ts';
import {
  requestOf,
  reserveVolume,
  SELECTED_NODE,
  volumeModeOf,
  withoutAnnotation,
} from '../../schemas/volumes/binding.ts';
import { allowsNode, classNameOf, waitsForConsumer } from '../../schemas/volumes/classes.ts';
import {
  driverOf,
  PROVISIONED_BY_ANNOTATION,
  VOLUME_FINALIZER,
  VOLUME_NODE_LABEL,
} from '../../schemas/volumes/drivers.ts';
import { isWithin } from '../../schemas/volumes/exports.ts';
import { isReadyNode, volumesDirectoryOf } from '../../schemas/volumes/node-volumes.ts';
import { PROTECTION_FINALIZERS } from '../../schemas/pods/volume-protection.ts';
import { toBytes } from '../../schemas/values/quantity.ts';
import type { Plan } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import { eventOf } from './provisioner-events.ts';
import { planNfsSource } from './plan-nfs-source.ts';

export interface ProvisioningView {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass;
  /** Whether a volume is reserved for the claim already. */
  readonly hasVolume: boolean;
  readonly nodes: readonly Node[];
  readonly volumes: readonly PersistentVolume[];
  /** Bytes that no volume of the node takes yet. */
  readonly roomOn: (node: Node) => number;
}

const HOSTNAME = 'kubernetes.io/hostname';

/** The reason why there is no volume. `reschedules`: the scheduler has to choose another node. */
interface Failure {
  readonly failure: string;
  readonly reschedules?: true;
}

type Source = Pick<PersistentVolume['spec'], 'local' | 'nfs' | 'nodeAffinity'>;
type Placed = { readonly source: Source; readonly node?: string; readonly isKept?: boolean } | Failure;

export function planProvisioning(view: ProvisioningView): Plan | undefined {
  const { claim, storageClass, hasVolume } = view;
  if (hasVolume || isDeleting(claim) || (claim.spec.volumeName ?? '') !== '') return undefined;
  const selected = claim.metadata.annotations?.[SELECTED_NODE];
  if (waitsForConsumer(storageClass) && selected === undefined) return undefined;
  const unsupported = unsupportedBy(claim);
  const placed = unsupported === undefined ? placeVolume(view, selected) : { failure: unsupported };
  if ('failure' in placed) return planFailure(view, placed);
  const object = volumeFor(view, placed);
  // The directory that an older volume of this path leaves behind is removed with all that is in
  // it.
  const around = view.volumes.filter(({ spec }) => isWithin(object.spec.nfs, spec.nfs));
  const leaving = around.find(isDeleting);
  if (leaving) return planFailure(view, { failure: goingWith(leaving) });
  return {
    writes: [{ verb: 'create', object }],
    // A volume for a deleted claim would never be bound.
    checks: [claim, ...around].map(unchanged),
    events: [
      eventOf('Provisioning', claim, `${claim.metadata.namespace ?? ''}/${claim.metadata.name}`),
      eventOf('ProvisioningSucceeded', claim, object.metadata.name),
    ],
  };
}

const goingWith = ({ metadata }: PersistentVolume): string =>
  `its directory is being removed with the volume "${metadata.name}"`;

function unsupportedBy(claim: PersistentVolumeClaim): string | undefined {
  const { selector, dataSource, dataSourceRef } = claim.spec;
  if (selector) return 'claim.spec.selector is not supported';
  if (dataSource || dataSourceRef) return 'claim.spec.dataSource is not supported: volumes begin empty';
  if (volumeModeOf(claim) === 'Block') return 'volumeMode Block is not supported; use Filesystem';
  return undefined;
}

function planFailure({ claim, storageClass }: ProvisioningView, { failure, reschedules }: Failure): Plan {
  const rejected = reschedules === true && claim.metadata.annotations?.[SELECTED_NODE] !== undefined;
  return {
    writes: rejected ? [{ verb: 'update', object: withoutAnnotation(claim, SELECTED_NODE) }] : [],
    events: [eventOf('ProvisioningFailed', claim, storageClass.metadata.name, failure)],
  };
}

function placeVolume(view: ProvisioningView, selected: string | undefined): Placed {
  const { claim, storageClass } = view;
  if (driverOf(storageClass.provisioner) === 'nfs') return planNfsSource(claim, storageClass);
  const node = selected === undefined ? roomiest(view) : view.nodes.find(isCalled(selected));
  if (!node) {
    if (selected === undefined) return { failure: 'no ready node has enough free storage' };
    return { failure: `node "${selected}" not found`, reschedules: true };
  }
  const { name, labels } = node.metadata;
  const directory = volumesDirectoryOf(node);
  if (directory === undefined) return { failure: `node "${name}" holds no volumes`, reschedules: true };
  if (view.roomOn(node) < toBytes(requestOf(claim)))
    return { failure: `not enough free storage on node "${name}"`, reschedules: true };
  const values = [labels?.[HOSTNAME] ?? name];
  const matchExpressions = [{ key: HOSTNAME, operator: 'In' as const, values }];
  return {
    node: name,
    source: {
      local: { path: `${directory.replace(/\/+$/, '')}/${nameFor(claim)}` },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
    },
  };
}

const isCalled =
  (name: string) =>
  ({ metadata }: Node): boolean =>
    metadata.name === name;

/** For a claim that waits for no pod: the ready node with most room, then the first by name. */
function roomiest({ claim, storageClass, nodes, roomOn }: ProvisioningView): Node | undefined {
  const bytes = toBytes(requestOf(claim));
  return nodes
    .filter((node) => isReadyNode(node) && node.spec.unschedulable !== true)
    .filter((node) => volumesDirectoryOf(node) !== undefined && roomOn(node) >= bytes)
    .filter(({ metadata }) => allowsNode(storageClass, metadata.labels ?? {}))
    .map((node) => ({ node, room: roomOn(node) }))
    .sort((a, b) =>
      a.room === b.room ? (a.node.metadata.name < b.node.metadata.name ? -1 : 1) : b.room - a.room,
    )[0]?.node;
}

const nameFor = ({ metadata }: PersistentVolumeClaim): string => `pvc-${metadata.uid ?? ''}`;

function volumeFor(
  { claim, storageClass }: ProvisioningView,
  { source, node, isKept }: Exclude<Placed, Failure>,
): PersistentVolume {
  const { mountOptions, provisioner } = storageClass;
  const reclaimPolicy = isKept ? 'Retain' : (storageClass.reclaimPolicy ?? 'Delete');
  const finalizers = [
    PROTECTION_FINALIZERS['PersistentVolume'] ?? '',
    ...(reclaimPolicy === 'Delete' ? [VOLUME_FINALIZER] : []),
  ];
  const volume: PersistentVolume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: nameFor(claim),
      annotations: { [PROVISIONED_BY_ANNOTATION]: provisioner },
      finalizers,
      ...(node === undefined ? {} : { labels: { [VOLUME_NODE_LABEL]: node } }),
    },
    spec: {
      accessModes: claim.spec.accessModes ?? [],
      capacity: { storage: requestOf(claim) as string },
      persistentVolumeReclaimPolicy: reclaimPolicy as 'Delete' | 'Retain',
      storageClassName: classNameOf(claim),
      volumeMode: 'Filesystem',
      ...(mountOptions && mountOptions.length > 0 ? { mountOptions } : {}),
      ...source,
    },
  };
  const { spec } = reserveVolume(volume, claim);
  return { ...volume, spec };
}

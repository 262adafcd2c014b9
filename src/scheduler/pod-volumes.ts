/**
 * The volumes that a pod needs on a node: those that it has, and those that it would get there.
 * Pure; upstream's volume binder.
 */
import { objectKey } from '../schemas/object.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../schemas/types.ts';
import { toBytes } from '../schemas/values/quantity.ts';
import {
  findVolume,
  isFullyBound,
  isLess,
  requestOf,
  reserveVolume,
  SELECTED_NODE,
  withAnnotations,
} from '../schemas/volumes/binding.ts';
import { allowsNode, classNameOf, waitsForConsumer } from '../schemas/volumes/classes.ts';
import { driverOf } from '../schemas/volumes/drivers.ts';
import { volumesDirectoryOf } from '../schemas/volumes/node-volumes.ts';
import { foreignClaim } from '../schemas/volumes/pod-claims.ts';
import { compileTerm, type NodePredicate } from '../schemas/pods/node-selector.ts';
import type { NodeInfo, PodInfo, Refusal, Storage } from './types.ts';

export interface PodVolumes {
  /** Volumes of claims that are bound. */
  readonly bound: readonly PersistentVolume[];
  /** Claims whose volume is chosen with the node, the smallest first. */
  readonly delayed: readonly PersistentVolumeClaim[];
}

const refusal = (reason: string): Refusal => ({ reasons: [reason], resolvable: false });
const NODE_CONFLICT = refusal("node(s) didn't match PersistentVolume's node affinity");
const BIND_CONFLICT = refusal("node(s) didn't find available persistent volumes to bind");
const NOT_ENOUGH_SPACE = refusal('node(s) did not have enough free storage');
const UNBOUND = { whole: 'pod has unbound immediate PersistentVolumeClaims' };
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** `whole`: the reason why no node fits the pod yet. */
export function readVolumes(pod: PodInfo, storage: Storage): PodVolumes | { readonly whole: string } {
  const claims: PersistentVolumeClaim[] = [];
  for (const { name, isEphemeral } of pod.claims) {
    const claim = storage.claim(objectKey(pod.namespace, name));
    const whole = claim ? whyUnusable(pod, claim, isEphemeral) : whyMissing(name, isEphemeral);
    if (whole !== undefined) return { whole };
    if (claim) claims.push(claim);
  }
  const bound: PersistentVolume[] = [];
  const delayed: PersistentVolumeClaim[] = [];
  const missing: string[] = [];
  for (const claim of claims) {
    const { volumeName = '' } = claim.spec;
    if (isFullyBound(claim)) {
      const volume = storage.volume(volumeName);
      if (volume) bound.push(volume);
      else missing.push(volumeName);
    } else if (volumeName === '' && waitsForConsumer(storage.storageClass(classNameOf(claim))))
      delayed.push(claim);
    else return UNBOUND;
  }
  if (missing[0] !== undefined) return { whole: `persistentvolume "${missing[0]}" not found` };
  delayed.sort((a, b) => (isLess(requestOf(a), requestOf(b)) ? -1 : 1));
  return { bound, delayed };
}

const whyMissing = (name: string, isEphemeral: boolean): string =>
  isEphemeral
    ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
    : `persistentvolumeclaim "${name}" not found`;

function whyUnusable(pod: PodInfo, claim: PersistentVolumeClaim, isEphemeral: boolean): string | undefined {
  const { metadata, spec, status } = claim;
  if (status?.phase === 'Lost')
    return `persistentvolumeclaim "${metadata.name}" bound to non-existent persistentvolume "${spec.volumeName ?? ''}"`;
  if (metadata.deletionTimestamp !== undefined)
    return `persistentvolumeclaim "${metadata.name}" is being deleted`;
  return isEphemeral ? foreignClaim(pod.pod, claim) : undefined;
}

/** How the delayed claims get their volumes on a node. */
export interface VolumeChoice {
  readonly bind: readonly { readonly volume: PersistentVolume; readonly claim: PersistentVolumeClaim }[];
  readonly provision: readonly PersistentVolumeClaim[];
  /** Claims that got a volume for an earlier pod of the plan. */
  readonly shared: readonly PersistentVolumeClaim[];
}

export function chooseVolumes(
  { bound, delayed }: PodVolumes,
  node: NodeInfo,
  storage: Storage,
): VolumeChoice | { readonly refused: Refusal } {
  if (!bound.every((volume) => reaches(volume)(node))) return { refused: NODE_CONFLICT };
  const bind: VolumeChoice['bind'][number][] = [];
  const provision: PersistentVolumeClaim[] = [];
  const shared: PersistentVolumeClaim[] = [];
  for (const claim of delayed) {
    const given = storage.givenTo(claim);
    if (given && !reaches(given)(node)) return { refused: NODE_CONFLICT };
    if (given) {
      shared.push(claim);
      continue;
    }
    const selected = storage.selectedNode(claim);
    if (selected !== undefined && selected !== node.name) return { refused: BIND_CONFLICT };
    const volume =
      selected === undefined
        ? findVolume(claim, storage.candidates(claim), {
            reaches: (candidate) => reaches(candidate)(node),
            isTaken: (candidate) =>
              storage.isTaken(candidate) || bind.some((other) => other.volume === candidate),
          })
        : undefined;
    if (volume) bind.push({ volume, claim });
    else provision.push(claim);
  }
  const refused = refuseProvisioning(provision, node, storage);
  return refused ? { refused } : { bind, provision, shared };
}

function refuseProvisioning(
  claims: readonly PersistentVolumeClaim[],
  node: NodeInfo,
  storage: Storage,
): Refusal | undefined {
  let bytes = 0;
  for (const claim of claims) {
    const found = storage.storageClass(classNameOf(claim));
    if (!found || found.provisioner === NO_PROVISIONER || !allowsNode(found, node.labels))
      return BIND_CONFLICT;
    if (driverOf(found.provisioner) !== 'local') continue;
    if (volumesDirectoryOf(node.node) === undefined) return BIND_CONFLICT;
    // The room for a claim with a selected node is counted already.
    if (storage.selectedNode(claim) === undefined) bytes += toBytes(requestOf(claim));
  }
  return bytes > 0 && bytes > storage.room(node) ? NOT_ENOUGH_SPACE : undefined;
}

const predicates = new WeakMap<PersistentVolume, NodePredicate>();

/** Whether a node can reach the volume. Compiled once for each stored volume. */
function reaches(volume: PersistentVolume): NodePredicate {
  const known = predicates.get(volume);
  if (known) return known;
  const terms = volume.spec.nodeAffinity?.required?.nodeSelectorTerms.map(compileTerm);
  const predicate: NodePredicate = (node) => !terms || terms.some((matches) => matches(node));
  predicates.set(volume, predicate);
  return predicate;
}

/** Writes that precede the binding of a pod. Its place is reserved meanwhile. */
export interface VolumeWrites {
  readonly claims: readonly string[];
  readonly writes: readonly {
    readonly object: PersistentVolume | PersistentVolumeClaim;
    readonly seen: PersistentVolume | PersistentVolumeClaim;
  }[];
}

/** Gives the volumes to the pod on this node. Undefined: it has all of them. */
export function assumeVolumes(pod: PodInfo, node: NodeInfo, storage: Storage): VolumeWrites | undefined {
  if (pod.claims.length === 0) return undefined;
  const volumes = readVolumes(pod, storage);
  const choice = 'whole' in volumes ? undefined : chooseVolumes(volumes, node, storage);
  if (!choice || 'refused' in choice) return undefined;
  const { bind, provision, shared } = choice;
  if (bind.length + provision.length + shared.length === 0) return undefined;
  // An earlier pod of the plan writes for those.
  const own = provision.filter((claim) => !storage.hasSelected(claim));
  for (const { volume, claim } of bind) storage.give(volume, claim);
  for (const claim of own) storage.select(claim, node);
  const changes = [
    ...bind.map(({ volume, claim }) => ({ seen: volume, object: reserveVolume(volume, claim) })),
    ...own.map((claim) => ({
      seen: claim,
      object:
        claim.metadata.annotations?.[SELECTED_NODE] === node.name
          ? claim
          : withAnnotations(claim, { [SELECTED_NODE]: node.name }),
    })),
  ];
  return {
    claims: pod.claims.map(({ name }) => objectKey(pod.namespace, name)),
    writes: changes.filter(({ seen, object }) => seen !== object),
  };
}

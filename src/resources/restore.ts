/**
 * Rebuild before destroy: after the store lost its history, agents tell what runs on their nodes, and
 * which volumes they have.
 * Such pods are written as they are, with their uid, node and status and without owners
 * (controllers adopt them by their selectors), only where nothing of that name exists, and only
 * while the cluster is being rebuilt; by a node that was away then, when it comes back.
 *
 * A node is not believed: only a pod that proves that the control plane bound it to that node comes
 * back (ADR 13). Any other pod waits until Git or an administrator makes it anew; it is reported
 * and gives its node no rights.
 */
import { isRecord } from '../base/json.ts';
import type { Logger } from '../base/logger.ts';
import type { EventInput } from '../client/plan-event.ts';
import { getPath, omit } from '../schemas/json-access.ts';
import { controllerOf, type KubeObject, objectKey } from '../schemas/object.ts';
import { RESTORED_OWNER, withMark } from '../schemas/pods/pod-marks.ts';
import { ENFORCE_LABEL, namespacePolicy } from '../schemas/pod-security/namespace-policy.ts';
import type { Registry, ResourceKind } from '../schemas/resource-kind.ts';
import { badRequest, failure, invalid, isStatusError } from '../schemas/errors/status.ts';
import type { ConfigMap, PersistentVolume, Pod } from '../schemas/types.ts';
import { namesIn, UNREPORTED_KEY } from '../schemas/unreported-nodes.ts';
import { VOLUME_NODE_LABEL } from '../schemas/volumes/drivers.ts';
import { checkStructure } from './writing/object-rules.ts';
import { type PlacementProofs, UNPROVEN_METADATA } from './writing/placement-proof.ts';
import type { BoundWriter } from './writing/write-plan.ts';
import type { Store } from '../store/types.ts';
import { planPodSecurity } from '../schemas/pod-security/plan-pod-security.ts';
import type { AdmissionPolicy } from './admission/types.ts';

export interface RestoreDependencies {
  readonly store: Store;
  readonly writer: BoundWriter;
  readonly registry: Registry;
  readonly proofs: PlacementProofs;
  readonly policy: AdmissionPolicy;
  readonly logger: Logger;
  tell(event: EventInput): void;
  /** Counts pods that wait, by cause. */
  onWaiting?(cause: WaitingCause): void;
}

/** A closed set, as metrics are labelled with it. */
export type WaitingCause = 'malformed' | 'foreign' | 'unproven' | 'invalid' | 'forbidden';

/** A pod that was not restored. */
export interface WaitingPod {
  /** `namespace/name`, as far as it could be read. Of a volume, its name. */
  readonly pod: string;
  readonly isVolume?: true;
  readonly cause: WaitingCause;
  readonly reason: string;
}

/** Kubernetes recommends at most 110 pods a node; this leaves room for dense ones. */
const MAX_PODS = 2_000;
/** An event and an answer name this many pods; the log names all. */
const MAX_NAMED = 20;

/** The pods that must wait. Throws where the cluster is not being rebuilt. */
export async function restorePods(
  dependencies: RestoreDependencies,
  node: string,
  pods: readonly unknown[],
): Promise<readonly WaitingPod[]> {
  const { store, writer, logger } = dependencies;
  if (pods.length > MAX_PODS) throw badRequest(`Cannot restore more than ${MAX_PODS} pods at once`);
  const waiting: WaitingPod[] = [];
  for (const value of pods) {
    // Asked for each pod: the rebuild may end meanwhile, and proofs count only until then.
    if (!(await expectsReport(store, node))) {
      const why = 'the cluster is not being rebuilt';
      throw failure(409, 'Conflict', `Cannot restore pods of node "${node}": ${why}`);
    }
    const isVolume = isRecord(value) && value['kind'] === 'PersistentVolume';
    const refusal = isVolume
      ? (volumeRefusal(dependencies, value, node) ??
        (await createIfAbsent(writer, restoredVolume(value as PersistentVolume))))
      : ((await refusalOf(dependencies, value, node)) ??
        (await createIfAbsent(writer, restored(value as KubeObject))));
    if (refusal) waiting.push({ pod: nameOf(value), ...refusal, ...(isVolume ? { isVolume } : {}) });
  }
  for (const { pod, cause, reason } of waiting) {
    dependencies.onWaiting?.(cause);
    logger.warn({ node, pod, cause, reason }, 'A reported object is not restored; it waits for Git');
  }
  const volumes = waiting.filter(({ isVolume }) => isVolume);
  const others = waiting.filter(({ isVolume }) => !isVolume);
  if (others.length > 0) dependencies.tell(eventOf(node, 'Pods', others));
  if (volumes.length > 0) dependencies.tell(eventOf(node, 'Volumes', volumes));
  return waiting;
}

/** The store is being rebuilt, or was without this node, which has not been registered since. */
async function expectsReport(store: Store, node: string): Promise<boolean> {
  if ((await store.clusterState())?.phase === 'rebuilding') return true;
  const list = (await store.get('configmaps', UNREPORTED_KEY)) as ConfigMap | undefined;
  return namesIn(list).includes(node) && (await store.get('nodes', node)) === undefined;
}

type Refusal = Pick<WaitingPod, 'cause' | 'reason'>;

async function refusalOf(
  dependencies: RestoreDependencies,
  value: unknown,
  node: string,
): Promise<Refusal | undefined> {
  const { registry, proofs } = dependencies;
  const kind = registry.byKind('v1', 'Pod');
  if (!kind || !isRecord(value) || !isRecord(value['metadata']) || !isRecord(value['spec']))
    return { cause: 'malformed', reason: 'it is not a pod' };
  const { name, namespace, uid } = value['metadata'];
  if (![name, namespace, uid].every((text) => typeof text === 'string' && text !== ''))
    return { cause: 'malformed', reason: 'it has no name, namespace and uid' };
  if (value['spec']['nodeName'] !== node) return { cause: 'foreign', reason: 'it is not bound to that node' };
  const pod = { ...value, apiVersion: 'v1', kind: 'Pod' } as KubeObject;
  if (!proofs.isProven(pod))
    return { cause: 'unproven', reason: 'it does not prove that the control plane bound it to that node' };
  return invalidityOf(kind, pod) ?? (await violationOf(dependencies, pod as Pod));
}

/**
 * The spec has passed validation once, as its proof says, and is not judged by rules that came
 * later: nothing that runs is given up because of an upgrade. The status is the node's word, and
 * checked as a status that it writes.
 */
function invalidityOf(kind: ResourceKind, pod: KubeObject): Refusal | undefined {
  try {
    const doubtful = checkStructure(kind, pod).filter(({ path }) => path.startsWith('status'));
    const errors = [...doubtful, ...(kind.validateSubresource?.(pod, pod, 'status') ?? [])];
    if (errors.length > 0) throw invalid(kind, pod.metadata.name, errors);
    return undefined;
  } catch (error) {
    if (!isStatusError(error)) throw error;
    return { cause: 'invalid', reason: error.message };
  }
}

/**
 * Pod Security where the namespace itself names a level. A namespace that is missing or bare may
 * get its labels from Git only later; its pods have passed admission once, as their proof says.
 */
async function violationOf({ store, policy }: RestoreDependencies, pod: Pod): Promise<Refusal | undefined> {
  const namespace = pod.metadata.namespace ?? '';
  const labels = (await store.get('namespaces', namespace))?.metadata.labels;
  if (labels?.[ENFORCE_LABEL] === undefined) return undefined;
  const levels = namespacePolicy(namespace, labels, policy.defaultPodSecurity);
  const { refusal } = planPodSecurity(pod, namespace, levels);
  return refusal === undefined ? undefined : { cause: 'forbidden', reason: refusal };
}

/**
 * The pod with what its proof covers, and its status; everything else is only the node's word. Its
 * owners go, since their uids mean nothing any more. It keeps the name of its controller.
 */
function restored(pod: KubeObject): KubeObject {
  const owner = controllerOf(pod);
  const metadata = omit(pod.metadata, 'ownerReferences', ...UNPROVEN_METADATA);
  const status = pod['status'] === undefined ? {} : { status: pod['status'] };
  const bare: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata, spec: pod['spec'], ...status };
  return owner ? withMark(bare, RESTORED_OWNER, `${owner.kind}/${owner.name}`) : bare;
}

/** A volume of the node, as the control plane wrote it. Nothing else is the node's to bring back. */
function volumeRefusal(
  { proofs }: RestoreDependencies,
  value: Readonly<Record<string, unknown>>,
  node: string,
): Refusal | undefined {
  const { metadata, spec } = value;
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string' || !isRecord(spec))
    return { cause: 'malformed', reason: 'it is not a volume' };
  if (getPath(metadata, 'labels', VOLUME_NODE_LABEL) !== node)
    return { cause: 'foreign', reason: 'it is not a volume of that node' };
  const volume = { ...value, apiVersion: 'v1', kind: 'PersistentVolume' } as unknown as KubeObject;
  if (proofs.isProven(volume)) return undefined;
  return { cause: 'unproven', reason: 'it does not prove that the control plane made it for that node' };
}

/**
 * The volume, kept for the claim of its name. The claim comes from Git, or is made again by its
 * StatefulSet, with another uid; until then nothing else gets the data. A retained volume that had
 * been released keeps the uid of its claim, and so stays released. The phase is only the node's
 * word, on which nothing is deleted.
 */
function restoredVolume({ metadata, spec, status }: PersistentVolume): KubeObject {
  const { claimRef, ...others } = spec;
  const annotations = omit(metadata.annotations ?? {}, BOUND_BY_CONTROLLER);
  const isReleased = spec.persistentVolumeReclaimPolicy === 'Retain' && status?.phase === 'Released';
  const reference = claimRef && (isReleased ? claimRef : omit(claimRef, 'uid', 'resourceVersion'));
  const reserved = reference ? { claimRef: reference } : {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { ...omit(metadata, ...UNPROVEN_METADATA), annotations },
    spec: { ...others, ...reserved },
    status: { phase: 'Pending' },
  };
}

/** With it, the binder would take back the claim that the volume waits for. */
const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';

/** One commit a pod: one that exists already, or that the store refuses, keeps no other out. */
async function createIfAbsent(writer: BoundWriter, pod: KubeObject): Promise<Refusal | undefined> {
  try {
    await writer.write({ writes: [{ verb: 'restore', object: pod }] });
  } catch (error) {
    if (!isStatusError(error) || error.code >= 500) throw error;
    if (error.reason !== 'AlreadyExists') return { cause: 'invalid', reason: error.message };
  }
  return undefined;
}

function nameOf(value: unknown): string {
  const text = (field: string): string => {
    const found = getPath(value, 'metadata', field);
    return typeof found === 'string' && found !== '' ? found : '(unknown)';
  };
  return objectKey(text('namespace'), text('name')).slice(0, 2 * MAX_NAME_LENGTH);
}

/** The length of a DNS subdomain, the longest name in Kubernetes. */
const MAX_NAME_LENGTH = 253;

function eventOf(node: string, what: 'Pods' | 'Volumes', waiting: readonly WaitingPod[]): EventInput {
  const named = waiting.slice(0, MAX_NAMED).map(({ pod, reason }) => `${pod} (${reason})`);
  const others = waiting.length - named.length;
  const list = [...named, ...(others > 0 ? [`${others} more`] : [])].join(', ');
  return {
    // The node registers after its report. Events name it as upstream's kubelet does: by name.
    about: { apiVersion: 'v1', kind: 'Node', name: node, uid: node },
    type: 'Warning',
    reason: `${what}NotRestored`,
    message: `${what} that this node reported wait for Git or an administrator: ${list}`,
  };
}

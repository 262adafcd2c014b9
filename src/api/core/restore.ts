/**
 * Rebuild before destroy: after the store lost its history, agents tell what runs on their nodes. Such pods are written
 * as they are, with their uid, node and status and without owners (controllers adopt them by their selectors), only
 * where nothing of that name exists, and only while the cluster is being rebuilt.
 */
import { isRecord } from '../../base/json.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { badRequest, failure } from '../../schemas/status.ts';
import { CommitRefused, type Store, type StoreOp } from '../../store/types.ts';

/** Kubernetes recommends at most 110 pods a node; this leaves room for dense ones. */
const MAX_PODS = 2_000;

export async function restorePods(store: Store, node: string, pods: readonly unknown[]): Promise<void> {
  const state = await store.clusterState();
  if (state?.phase !== 'rebuilding') {
    throw failure(409, 'Conflict', `Cannot restore pods of node "${node}": the cluster is not being rebuilt`);
  }
  if (pods.length > MAX_PODS) throw badRequest(`Cannot restore more than ${MAX_PODS} pods at once`);
  for (const pod of pods.map((value) => restorable(value, node))) await createIfAbsent(store, pod);
}

function restorable(value: unknown, node: string): KubeObject {
  const fail = (why: string): Error => badRequest(`Cannot restore a pod of node "${node}": ${why}`);
  if (!isRecord(value) || !isRecord(value['metadata'])) throw fail('it is not an object');
  const { name, namespace, uid } = value['metadata'];
  if (
    typeof name !== 'string' ||
    typeof namespace !== 'string' ||
    typeof uid !== 'string' ||
    !name ||
    !namespace
  )
    throw fail('it has no name, namespace and uid');
  if (!isRecord(value['spec']) || value['spec']['nodeName'] !== node)
    throw fail(`"${namespace}/${name}" is not bound to that node`);
  const metadata: Record<string, unknown> = { ...value['metadata'] };
  delete metadata['ownerReferences'];
  delete metadata['resourceVersion'];
  return { ...value, apiVersion: 'v1', kind: 'Pod', metadata: metadata as unknown as KubeObject['metadata'] };
}

/** One commit a pod: a pod that somebody else has made meanwhile must not keep the others out. */
async function createIfAbsent(store: Store, pod: KubeObject): Promise<void> {
  const op: StoreOp = { type: 'create', resource: 'pods', key: keyOf(pod), object: pod };
  try {
    await store.commit([op]);
  } catch (error) {
    if (!(error instanceof CommitRefused) || error.reason !== 'exists') throw error;
  }
}

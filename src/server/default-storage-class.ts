/**
 * The StorageClass that a new cluster gets. It is made once: a ConfigMap remembers that, so that a
 * class that an administrator deleted does not come back.
 */
import type { KubeObject } from '../schemas/object.ts';
import { localClass } from '../schemas/volumes/classes.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';
import type { CommitOptions, Store } from '../store/types.ts';

const MARK: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'symphony-bootstrap', namespace: 'kube-system' },
  data: { storageClass: localClass.metadata.name },
};

export async function ensureDefaultStorageClass(
  store: Store,
  writer: BoundWriter,
  options: CommitOptions,
): Promise<void> {
  const { namespace = '', name } = MARK.metadata;
  if (await store.get('configmaps', `${namespace}/${name}`)) return;
  const known = await store.get('storageclasses.storage.k8s.io', localClass.metadata.name);
  const objects = known ? [MARK] : [localClass, MARK];
  try {
    await writer.write({ writes: objects.map((object) => ({ verb: 'create', object })) }, options);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}

/**
 * The StorageClass, IngressClass and GatewayClass that a new cluster gets. Each is made once: a ConfigMap
 * remembers that, so that a class that an administrator deleted does not come back.
 */
import { symphonyGatewayClass } from '../schemas/gateway/gateway-classes.ts';
import { asRecord } from '../schemas/json-access.ts';
import { symphonyIngressClass } from '../schemas/networking/ingress-classes.ts';
import type { KubeObject } from '../schemas/object.ts';
import { localClass } from '../schemas/volumes/classes.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { BoundWriter, Write } from '../resources/writing/write-plan.ts';
import type { CommitOptions, Store } from '../store/types.ts';

const MARK = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'symphony-bootstrap', namespace: 'kube-system' },
} as const satisfies KubeObject;

/** By their keys in the mark. */
const CLASSES: readonly { readonly key: string; readonly resource: string; readonly object: KubeObject }[] = [
  { key: 'storageClass', resource: 'storageclasses.storage.k8s.io', object: localClass },
  { key: 'ingressClass', resource: 'ingressclasses.networking.k8s.io', object: symphonyIngressClass },
  {
    key: 'gatewayClass',
    resource: 'gatewayclasses.gateway.networking.k8s.io',
    object: symphonyGatewayClass,
  },
];

export async function ensureDefaultClasses(
  store: Store,
  writer: BoundWriter,
  options: CommitOptions,
): Promise<void> {
  const { namespace, name } = MARK.metadata;
  const mark = await store.get('configmaps', `${namespace}/${name}`);
  const known = asRecord(mark?.['data']);
  const missing = CLASSES.filter(({ key }) => known[key] === undefined);
  if (missing.length === 0) return;
  const made = Object.fromEntries(missing.map(({ key, object }) => [key, object.metadata.name]));
  const next = { ...(mark ?? MARK), data: { ...known, ...made } };
  const writes: Write[] = [{ verb: mark ? 'update' : 'create', object: next }];
  for (const { resource, object } of missing)
    if (!(await store.get(resource, object.metadata.name))) writes.push({ verb: 'create', object });
  try {
    await writer.write({ writes }, options);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}

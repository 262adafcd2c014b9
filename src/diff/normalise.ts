/** A manifest as it is compared and applied: what only the system may write is taken out. */
import { isRecord, setMember } from '../base/json.ts';
import type { KubeObject } from '../schemas/object.ts';
import { without } from './without.ts';

/** Members of metadata that a manifest may set; the rest is the system's (uid, resourceVersion, managedFields …). */
const USER_METADATA = [
  'name',
  'namespace',
  'labels',
  'annotations',
  'finalizers',
  'ownerReferences',
] as const;

/** Last-applied of kubectl is kubectl's own; taken over from a dumped object it would lie. */
const FOREIGN_ANNOTATIONS = new Set(['kubectl.kubernetes.io/last-applied-configuration']);

/** Drops status, an Application's operation (a request, not a state), system metadata and nulls (Kubernetes reads null as "not set"); folds a Secret's stringData into data. */
export function normaliseDesired(object: KubeObject): KubeObject {
  const { metadata } = object;
  const kept: Record<string, unknown> = {};
  for (const key of USER_METADATA)
    if (metadata[key] !== undefined && metadata[key] !== null) kept[key] = metadata[key];
  if (isRecord(kept['annotations'])) {
    kept['annotations'] = Object.fromEntries(
      Object.entries(kept['annotations']).filter(([key]) => !FOREIGN_ANNOTATIONS.has(key)),
    );
  }
  const requests = object.kind === 'Application' ? ['operation'] : [];
  const clean = withoutNulls({ ...without(object, 'status', ...requests), metadata: kept }) as KubeObject;
  return clean.kind === 'Secret' && clean.apiVersion === 'v1' ? foldStringData(clean) : clean;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (value[key] !== null && value[key] !== undefined) setMember(copy, key, withoutNulls(value[key]));
  }
  return copy;
}

function foldStringData(secret: KubeObject): KubeObject {
  const { stringData, ...rest } = secret;
  if (!isRecord(stringData)) return secret;
  const encoded = Object.entries(stringData).map(([key, text]) => [
    key,
    Buffer.from(String(text)).toString('base64'),
  ]);
  return {
    ...rest,
    data: { ...(isRecord(rest['data']) ? rest['data'] : {}), ...Object.fromEntries(encoded) },
  };
}

/** A manifest as it is compared and applied: what only the system may write is taken out. */
import { isRecord, setMember } from '../base/json.ts';
import { omit } from '../schemas/json-access.ts';
import type { KubeObject } from '../schemas/object.ts';
import { withoutOwned } from './owned-fields.ts';
import { CHANGED_BY_ANNOTATION, LAST_APPLIED_ANNOTATION } from './tracking.ts';

/**
 * Members of metadata that a manifest may set; the rest is the system's (uid, resourceVersion,
 * managedFields …). Owners are named by a uid, which no manifest can know: that of an exported
 * object names one that is gone.
 */
const USER_METADATA = ['name', 'namespace', 'labels', 'annotations', 'finalizers'] as const;

/** Annotations of exported objects that are wrong in a manifest, or that readers renew. */
const FOREIGN_ANNOTATIONS = new Set([
  LAST_APPLIED_ANNOTATION,
  CHANGED_BY_ANNOTATION,
  'symphony.dev/hook-run',
  'argocd.argoproj.io/refresh',
  'control-plane.alpha.kubernetes.io/leader',
]);

/**
 * Drops status, an Application's operation (a request, not a state), what the system writes, and
 * nulls (Kubernetes reads null as "not set", but for custom objects, whose fields may be nullable);
 * folds a Secret's stringData into data.
 */
export function normaliseDesired(object: KubeObject, live?: KubeObject, isCustom = false): KubeObject {
  const { metadata } = object;
  const kept: Record<string, unknown> = {};
  for (const key of USER_METADATA)
    if (metadata[key] !== undefined && metadata[key] !== null) kept[key] = metadata[key];
  if (isRecord(kept['annotations']))
    kept['annotations'] = Object.fromEntries(
      Object.entries(kept['annotations']).filter(([key]) => !FOREIGN_ANNOTATIONS.has(key)),
    );
  const requests = object.kind === 'Application' ? ['operation'] : [];
  const rest = omit(object, 'status', 'metadata', ...requests);
  const clean = {
    ...(isCustom ? rest : (withoutNulls(rest) as object)),
    metadata: withoutNulls(kept),
  } as KubeObject;
  const folded = clean.kind === 'Secret' && clean.apiVersion === 'v1' ? foldStringData(clean) : clean;
  return withoutOwned(folded, live);
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

/**
 * The fields that other tools declared of an object that Git takes over. Those that Git's manifest
 * does not name are removed. They are read once, at the take-over; afterwards Git's applied fields
 * count.
 */
import { isRecord } from '../base/json.ts';
import { words } from '../base/words.ts';
import { asRecord, asRecords, asString, type Fields, omit } from '../schemas/json-access.ts';
import type { KubeObject } from '../schemas/object.ts';
import { type FieldSet, fieldsOf } from './applied-fields.ts';
import { identityIn } from './merge-keys.ts';
import { normaliseDesired } from './normalise.ts';
import { LAST_APPLIED_ANNOTATION } from './tracking.ts';

/** Field managers that write whole manifests (upstream, Helm, Argo CD, Flux); not people's. */
const DECLARING = new Set(
  words(`
    kubectl kubectl-client-side-apply before-first-apply helm helm-controller argocd-controller
    argocd-application-controller kustomize-controller
  `),
);
/** As deep as objects nest. */
const MAX_DEPTH = 200;

/** The union of kubectl's last-applied annotation and of what such managers own; 0 for none. */
export function declaredFields(live: KubeObject): FieldSet {
  const declared = [lastApplied(live), ...asRecords(live.metadata.managedFields).map(ownedBy)];
  return withoutSystem(declared.reduce(union, 0));
}

function lastApplied({ metadata, kind }: KubeObject): FieldSet {
  const text = metadata.annotations?.[LAST_APPLIED_ANNOTATION];
  if (text === undefined) return 0;
  try {
    const manifest: unknown = JSON.parse(text);
    return isRecord(manifest) && manifest['kind'] === kind && isRecord(manifest['metadata'])
      ? fieldsOf(normaliseDesired(manifest as unknown as KubeObject))
      : 0;
  } catch {
    return 0;
  }
}

function ownedBy(entry: Fields): FieldSet {
  const { manager, subresource, fieldsV1 } = entry;
  return DECLARING.has(asString(manager)) && asString(subresource) === '' ? fieldsIn(fieldsV1, '', 0) : 0;
}

/** FieldsV1 (`f:name`, `k:{…}`, `v:…`) in our terms. */
function fieldsIn(value: unknown, field: string, depth: number): FieldSet {
  const members = Object.entries(asRecord(value)).flatMap(([element, below]) => {
    const name = nameOf(element, field);
    if (name === undefined || depth > MAX_DEPTH) return [];
    const inner = element.startsWith('f:') ? name : '';
    return [[name, fieldsIn(below, inner, depth + 1)] as const];
  });
  return members.length === 0 ? 0 : Object.fromEntries(members);
}

function nameOf(element: string, field: string): string | undefined {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return rest;
  if (!element.startsWith('k:') && !element.startsWith('v:')) return undefined;
  try {
    const value: unknown = JSON.parse(rest);
    return element.startsWith('v:') ? String(value) : identityIn(field, value);
  } catch {
    return undefined;
  }
}

function union(a: FieldSet, b: FieldSet): FieldSet {
  if (typeof a !== 'object') return b === 0 ? a : b;
  if (typeof b !== 'object') return a;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      union(Object.hasOwn(a, name) ? (a[name] ?? 0) : 0, Object.hasOwn(b, name) ? (b[name] ?? 0) : 0),
    ]),
  );
}

/** A manifest never removes status, owners, finalizers or kubectl's annotation. */
function withoutSystem(fields: FieldSet): FieldSet {
  if (typeof fields !== 'object') return fields;
  const metadata = fields['metadata'];
  const rest = omit(fields, 'status', 'metadata') as Record<string, FieldSet>;
  if (typeof metadata !== 'object') return rest;
  const { annotations } = metadata;
  const kept = omit(metadata, 'finalizers', 'ownerReferences', 'annotations') as Record<string, FieldSet>;
  if (typeof annotations === 'object') kept['annotations'] = omit(annotations, LAST_APPLIED_ANNOTATION);
  return { ...rest, metadata: kept };
}

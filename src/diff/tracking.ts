/**
 * Which application manages an object: an annotation that names the application *and* the object
 * itself, as Argo CD writes it. A copy of the annotation on another object (a Deployment's
 * ReplicaSet, a kubectl copy) therefore says nothing. The inventory of an application is every
 * object that carries its mark: it is written in the same commit as the object, so it can neither
 * lag behind nor outgrow a record of its own.
 */
import { systemAuthor } from '../schemas/applications/application-author.ts';
import type { KubeObject } from '../schemas/object.ts';
import { objectKey, parseApiVersion } from '../schemas/object.ts';

export const TRACKING_ANNOTATION = 'argocd.argoproj.io/tracking-id';
/** Which fields Git set at the last apply; see applied-fields.ts. */
export const APPLIED_FIELDS_ANNOTATION = 'symphony.dev/applied-fields';

/**
 * The last change to an object that Git manages: `TIME USER`. The API writes it with the change,
 * and the sync that reverts the change removes it. So it exists for as long as the drift does.
 */
export const CHANGED_BY_ANNOTATION = 'symphony.dev/changed-by';
/** The manifest that `kubectl apply` applied last. */
export const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** As whom the sync worker writes. */
export const SYNC_USER = systemAuthor.name;

/** `alice at 2026-01-02T03:04:05Z`; undefined when nobody but Git changed it. */
export function changedBy(object: KubeObject | undefined): string | undefined {
  const text = object?.metadata.annotations?.[CHANGED_BY_ANNOTATION];
  const space = text?.indexOf(' ') ?? -1;
  return text === undefined || space < 0 ? text : `${text.slice(space + 1)} at ${text.slice(0, space)}`;
}

/** `namespace_name:group/Kind:namespace/name`. */
export function trackingId(applicationKey: string, object: KubeObject): string {
  const { group } = parseApiVersion(object.apiVersion);
  const { namespace = '', name } = object.metadata;
  return `${applicationKey.replace('/', '_')}:${group}/${object.kind}:${namespace}/${name}`;
}

/** The key (`namespace/name`) of the application that manages the object, if one does. */
export function managingApplication(object: KubeObject): string | undefined {
  const id = object.metadata.annotations?.[TRACKING_ANNOTATION];
  if (id === undefined) return undefined;
  const colon = id.indexOf(':');
  const application = colon < 0 ? '' : id.slice(0, colon);
  const split = application.indexOf('_');
  if (split <= 0) return undefined;
  const key = objectKey(application.slice(0, split), application.slice(split + 1));
  return trackingId(key, object) === id ? key : undefined;
}

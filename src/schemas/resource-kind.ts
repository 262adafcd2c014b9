/**
 * Everything that the system knows of one kind of object. Each kind has a file or a folder under
 * kinds/, and `registry.ts` lists them. Everything here is pure: no clock, no randomness, no input
 * is mutated.
 */
import type { CustomResource } from './custom/definition.ts';
import type { FieldError } from './errors/field-error.ts';
import type { KubeObject } from './object.ts';
import type { FieldRule } from './profile/rules.ts';
import type { TableFormat } from './tables/columns.ts';

export type Subresource =
  | 'status'
  | 'scale'
  | 'log'
  | 'exec'
  | 'attach'
  | 'portforward'
  | 'proxy'
  | 'binding'
  | 'eviction'
  | 'finalize'
  | 'token'
  | 'ephemeralcontainers'
  | 'resize'
  | 'approval';

/** The part of a kind that discovery and URLs need. */
export interface ServedResource {
  /** API group, `''` for core. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Lower-case plural, as in URLs: `deployments`. */
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly subresources: readonly Subresource[];
  /** The verbs of requests; absent: all. Without `create`, only the control plane makes objects. */
  readonly verbs?: readonly string[];
  /** The type in whose form the store keeps the objects; absent where the store keeps none. */
  readonly storedAs?: Readonly<Record<'group' | 'version' | 'kind', string>>;
  /** OpenAPI v3 schema of a kind without a recorded one (custom kinds, metrics). */
  readonly openApiSchema?: Readonly<Record<string, unknown>>;
  /** Only of a kind that a CustomResourceDefinition made. */
  readonly custom?: CustomResource;
  /** The columns that `kubectl get` prints; absent: a name and an age. */
  readonly table?: TableFormat;
}

/** The stored form of objects that are served in several versions, or under two groups. */
export interface StoredForm {
  /** Where they lie. */
  readonly resource: { readonly group: string; readonly plural: string };
  /** Whether this kind's form is the one that is stored. */
  readonly isMain: boolean;
  toStored(object: KubeObject): KubeObject;
  /** The same object comes back for the same input, so that what is made of it can be kept. */
  fromStored(object: KubeObject): KubeObject;
}

/** The value of each field that a field selector may name. */
export type SelectableFields = Readonly<Record<string, (object: KubeObject) => string>>;

export interface ResourceKind extends ServedResource {
  /** Absent where the store holds objects as they are served, under this kind's own resource. */
  readonly storage?: StoredForm;
  /** The fields that a field selector may name, besides name and namespace. */
  readonly selectable?: SelectableFields;
  /** The kind's unimplemented fields. Those of pods hold for every kind with a pod template. */
  readonly fields?: readonly FieldRule[];
  /**
   * For a kind that Kubernetes' own roles do not name: with `edit` editors write and viewers read
   * it, with `view` both only read it. Absent: only administrators of the cluster may use it.
   */
  readonly defaultRoles?: 'edit' | 'view';
  /** Position in the order of applying (lower first; ties by kind and name); reversed to delete. */
  readonly applyOrder: number;
  /** Whether `metadata.generation` counts changes of everything but metadata and status. */
  readonly countsGeneration: boolean;
  /** The warning that every client of a deprecated resource gets. */
  readonly deprecation?: string;
  /** Whether anything acts on objects of this kind, or the API only keeps them for its clients. */
  readonly behaviour: 'implemented' | 'stored';
  /** The missing effect of a stored kind. Whoever writes one is warned; nothing is refused for it. */
  readonly idle?: string;
  /** A deletion without a policy orphans the dependents, as in Kubernetes' first API. */
  readonly orphansByDefault?: boolean;
  /** Objects are deleted this long after their last write; absent: never. */
  readonly ttlMs?: number;
  /** Put on an object when it is deleted, so that its controller can clean up after it. */
  readonly deletionFinalizer?: string;
  /** JSON pointers (dotted paths) of the scale subresource. */
  readonly scale?: {
    readonly specReplicas: string;
    readonly statusReplicas: string;
    readonly labelSelector: string;
  };
  /** Grows with each change of the stored form that `migrate` has to follow. Absent: 1. */
  readonly storageVersion?: number;
  /** An object of an older storage version in the form of the current one. */
  migrate?(object: KubeObject, from: number): KubeObject;
  /** The object with every default filled in, as Kubernetes stores it. */
  withDefaults(object: KubeObject): KubeObject;
  /** Structure (types, unknown and missing fields) by the JSON Schema. */
  checkStructure(object: unknown): readonly FieldError[];
  /** Kubernetes' validation, metadata included. `current` is the object that an update replaces. */
  validate(object: KubeObject, current?: KubeObject, subresource?: Subresource): readonly FieldError[];
  /** The rules about changes, such as immutable fields. Called after `validate(next)`. */
  validateUpdate(next: KubeObject, current: KubeObject): readonly FieldError[];
  /** The object passed all checks, as it is stored: items of its long lists are not checked again. */
  settle?(object: KubeObject): void;
  /** Fields that are well-formed upstream, but not implemented by Symphony. */
  checkImplemented(object: KubeObject): readonly FieldError[];
  /**
   * The API keeps objects of this kind with such fields and warns. Their pods are not started, so
   * nothing runs differently from its manifest. In a repository such fields are errors.
   */
  readonly waitsUnimplemented: boolean;
  /** The kind's strategy at create: it clears the status and fills system-owned fields. */
  prepareForCreate(object: KubeObject): KubeObject;
  /** The strategy at update of the main resource: it keeps system-owned fields of `current`. */
  prepareForUpdate(next: KubeObject, current: KubeObject): KubeObject;
  /** The status that a write to `status` or `approval` stores; absent: the one of the request. */
  prepareStatus?(next: KubeObject, current: KubeObject, subresource: Subresource, nowMs: number): unknown;
  /** As `validateUpdate`, for a write to a subresource. */
  validateSubresource?(
    next: KubeObject,
    current: KubeObject,
    subresource: Subresource,
  ): readonly FieldError[];
}

/** Whether the system serves the kind itself, whatever definitions there are. */
export const isBuiltin = ({ custom }: ServedResource): boolean => custom?.isBuiltin ?? custom === undefined;

/** The name of a resource in the store and in messages: `pods`, `deployments.apps`. */
export type ResourceId = string;

export function resourceIdOf(kind: Pick<ResourceKind, 'group' | 'plural'>): ResourceId {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}

/** The name of the resource under which the store keeps the objects of a kind. */
export function storageIdOf(
  kind: Pick<ResourceKind, 'group' | 'plural'> & { readonly storage?: StoredForm },
): ResourceId {
  return resourceIdOf(kind.storage?.resource ?? kind);
}

export const toStored = ({ storage }: ResourceKind, object: KubeObject): KubeObject =>
  storage ? storage.toStored(object) : object;

export const fromStored = ({ storage }: ResourceKind, object: KubeObject): KubeObject =>
  storage ? storage.fromStored(object) : object;

export interface Registry {
  /** Everything that is served, each version on its own. May change: read it when it is needed. */
  readonly kinds: readonly ResourceKind[];
  /** One kind for each resource of the store: what to open caches for. */
  readonly stored: readonly ResourceKind[];
  /** Grows with every change of the kinds. */
  readonly version: number;
  /** Finds versions that are no longer served, too: stored objects may have them. */
  byKind(apiVersion: string, kind: string): ResourceKind | undefined;
  /** The kind that is served under this path. */
  byResource(group: string, version: string, plural: string): ResourceKind | undefined;
  /** The kind in whose form the store keeps the resource. */
  byId(id: ResourceId): ResourceKind | undefined;
  /** Called after each change of the kinds. */
  subscribe(listener: () => void): Disposable;
}

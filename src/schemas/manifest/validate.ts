/**
 * Documents → objects that may be applied: known kind, structure, defaults, meaning, implemented,
 * unique. Every complaint says where it is written. The order of the results is the order of the
 * documents.
 */
import { append } from '../../base/append.ts';
import { errorMessage } from '../../base/errors.ts';
import { isRecord } from '../../base/json.ts';
import { closestName } from '../values/closest-name.ts';
import {
  clientToolOf,
  excludeOption,
  kustomizeFolder,
  KUSTOMIZE_GROUP,
  PLAIN_FOLDER,
} from './client-tools.ts';
import { isDefinition, NOWHERE, prune } from '../custom/index.ts';
import { schemaNameOf, withoutNulls } from '../definitions.ts';
import { type FieldError, isMeaning } from '../errors/field-error.ts';
import { asRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { formatApiVersion, objectKey, parseApiVersion } from '../object.ts';
import { createRegistry, withDefinitions } from '../registry.ts';
import { isBuiltin, type Registry, type ResourceKind, resourceIdOf } from '../resource-kind.ts';
import { fieldErrorBody } from '../errors/status.ts';
import type { ManifestDocument, ManifestError, ManifestSource, Position } from './types.ts';

export interface ValidateOptions {
  /** For namespaced objects that name none; `default` otherwise. */
  readonly defaultNamespace?: string;
  /** CustomResourceDefinitions of other files of the same source. */
  readonly definitions?: readonly KubeObject[];
  /** Whether the registry has the cluster's definitions; true otherwise. */
  readonly clusterIsKnown?: boolean;
}

export interface ValidatedManifest {
  readonly kind: ResourceKind;
  /** As written, with its namespace filled in and without nulls; no defaults. */
  readonly object: KubeObject;
  readonly source: ManifestSource;
  locate(path: string): Position;
}

export interface ValidationResult {
  readonly objects: readonly ValidatedManifest[];
  readonly errors: readonly ManifestError[];
  readonly warnings: readonly ManifestError[];
  /** Objects with errors, as they were written but with a namespace: others may refer to them. */
  readonly refused: readonly KubeObject[];
  /** The source of the kinds that are not the system's own, if there are any. */
  readonly kindsFrom: KindsFrom;
}

/** `source`: all of them from the given definitions; `cluster`: definitions may be missing. */
export type KindsFrom = 'system' | 'source' | 'cluster';

/** The size of one object that a Kubernetes store takes (etcd's request limit). */
const MAX_OBJECT_BYTES = 1_572_864;

export function validateManifests(
  documents: readonly ManifestDocument[],
  registry: Registry,
  options: ValidateOptions = {},
): ValidationResult {
  const objects: ValidatedManifest[] = [];
  const errors: ManifestError[] = [];
  const warnings: ManifestError[] = [];
  const refused: KubeObject[] = [];
  const places = new Map<string, ManifestSource>();
  const definitions = [...(options.definitions ?? []), ...definitionsAmong(documents, registry)];
  const known = definitions.length === 0 ? registry : withDefinitions(registry, definitions);
  for (const document of documents) {
    const outcome = validateOne(document, known, options);
    if (!outcome.ok) {
      append(errors, outcome.errors);
      const { object } = document;
      const namespace = options.defaultNamespace ?? 'default';
      const metadata = { namespace, ...asRecord(object.metadata) } as unknown as KubeObject['metadata'];
      refused.push({ ...object, metadata });
      continue;
    }
    append(warnings, outcome.warnings);
    const { kind, object } = outcome;
    const key = `${resourceIdOf(kind)} ${objectKey(object.metadata.namespace, object.metadata.name)}`;
    const first = places.get(key);
    if (first && object.metadata.name) {
      const name = objectKey(object.metadata.namespace, object.metadata.name);
      errors.push({
        ...placeOf(document, 'metadata.name'),
        path: 'metadata.name',
        message: `${kind.kind} "${name}" is written twice, first at ${first.file}:${first.line}:${first.column}`,
        hint: 'remove one of the two',
      });
      continue;
    }
    places.set(key, document.source);
    objects.push({ kind, object, source: document.source, locate: (path) => document.locate(path) });
  }
  return { objects, errors, warnings, refused, kindsFrom: originOfKinds(documents, registry, definitions) };
}

/** Definitions that can be relied on; what is wrong with the others is said where they stand. */
function definitionsAmong(documents: readonly ManifestDocument[], registry: Registry): readonly KubeObject[] {
  return documents.flatMap(({ object }) => {
    const kind = isDefinition(object) ? registry.byKind(object.apiVersion, object.kind) : undefined;
    if (!kind || kind.checkStructure(object).length > 0) return [];
    const complete = kind.withDefaults(object);
    return isRecord(complete.metadata) && kind.validate(kind.prepareForCreate(complete)).length === 0
      ? [complete]
      : [];
  });
}

function originOfKinds(
  documents: readonly ManifestDocument[],
  registry: Registry,
  definitions: readonly KubeObject[],
): KindsFrom {
  const own = withDefinitions(createRegistry([]), definitions);
  let origin: KindsFrom = 'system';
  for (const { object } of documents) {
    const known = registry.byKind(object.apiVersion, object.kind);
    if (known && isBuiltin(known)) continue;
    if (!own.byKind(object.apiVersion, object.kind)) return 'cluster';
    origin = 'source';
  }
  return origin;
}

/** The API takes out what a definition does not name; in a repository it is a mistake. */
function unknownFieldsOf(kind: ResourceKind, object: KubeObject): readonly FieldError[] {
  if (!kind.custom) return [];
  return prune(kind.custom.schema, object).unknownFields.map((path) => ({
    type: 'FieldValueInvalid',
    path,
    detail: `unknown field "${path.slice(path.lastIndexOf('.') + 1)}"`,
  }));
}

type Outcome =
  | {
      readonly ok: true;
      readonly kind: ResourceKind;
      readonly object: KubeObject;
      readonly warnings: readonly ManifestError[];
    }
  | { readonly ok: false; readonly errors: readonly ManifestError[] };

function validateOne(document: ManifestDocument, registry: Registry, options: ValidateOptions): Outcome {
  const { apiVersion, kind: kindName } = document.object;
  const kind = registry.byKind(apiVersion, kindName);
  if (!kind) return { ok: false, errors: [unknownKind(document, registry, options)] };
  if (!mayCreate(kind)) return { ok: false, errors: [madeBySystem(document, kind)] };
  try {
    const shape = kind.checkStructure(document.object).filter((error) => !isMeaning(error));
    const fieldErrors = [...shape, ...unknownFieldsOf(kind, document.object)];
    if (fieldErrors.length > 0) return { ok: false, errors: located(document, fieldErrors) };
    const object = withNamespace(withoutNullMembers(document.object), kind, options);
    const meaning = checkMeaning(kind, object);
    if (meaning.length > 0) return { ok: false, errors: located(document, meaning) };
    // As in the API: what defaults fill in is not missing, and an empty word may stand for one.
    const rest = kind.checkStructure(kind.withDefaults(object));
    if (rest.length > 0) return { ok: false, errors: located(document, rest) };
    return { ok: true, kind, object, warnings: warningsOf(document, kind) };
  } catch (error) {
    const message = `internal error while checking this ${kindName}: ${errorMessage(error)}`;
    return { ok: false, errors: [{ ...placeOf(document, ''), message, hint: 'please report this' }] };
  }
}

function checkMeaning(kind: ResourceKind, object: KubeObject): readonly FieldError[] {
  const size = JSON.stringify(object).length;
  if (size > MAX_OBJECT_BYTES) {
    const detail = `the object has ${size} bytes, at most ${MAX_OBJECT_BYTES} are stored`;
    return [{ type: 'FieldValueTooLong', path: '', detail }];
  }
  const unnamed = !object.metadata.name && Boolean(object.metadata.generateName);
  const complete = kind.withDefaults(unnamed ? withNameOfRun(object) : object);
  // As written: a default is nobody's request.
  const notImplemented = kind.checkImplemented(object);
  // A status in a repository is a copy of somebody's cluster: nobody applies it.
  const meaningless = kind.validate(hasGenerated(object) ? asCreated(kind, complete) : complete);
  if (!unnamed || isHook(object)) return [...meaningless, ...notImplemented];
  const detail = 'an object in Git needs a name of its own; generateName would make a new one at every sync';
  return [{ type: 'FieldValueRequired', path: 'metadata.name', detail }, ...meaningless, ...notImplemented];
}

/** Kinds that are valid only with what the API adds to them: the state of a definition, a selector. */
const hasGenerated = (object: KubeObject): boolean =>
  isDefinition(object) || (object.apiVersion === 'batch/v1' && object.kind === 'Job');

/** Stands for the uid that the API will choose. */
const ANY_UID = '00000000-0000-4000-8000-000000000000';

const asCreated = (kind: ResourceKind, object: KubeObject): KubeObject =>
  kind.prepareForCreate({ ...object, metadata: { ...object.metadata, uid: ANY_UID } });

/** A hook of Argo CD may have a generated name: each run of it makes an object of its own. */
const isHook = ({ metadata }: KubeObject): boolean =>
  Boolean(metadata.annotations?.['argocd.argoproj.io/hook']);

/** With a name as long as those that its runs get (sync/plan-hooks.ts). */
function withNameOfRun(object: KubeObject): KubeObject {
  const name = `${object.metadata.generateName ?? ''}1a2b3c4-postsync-1767225600`;
  return { ...object, metadata: { ...object.metadata, name } };
}

function withoutNullMembers(object: KubeObject): KubeObject {
  const schemaName = schemaNameOf(object.apiVersion, object.kind);
  return schemaName === undefined ? object : withoutNulls(schemaName, object);
}

function withNamespace(object: KubeObject, kind: ResourceKind, options: ValidateOptions): KubeObject {
  const metadata = (object.metadata as KubeObject['metadata'] | undefined) ?? { name: '' };
  if (!kind.namespaced) {
    if (metadata.namespace === undefined) return { ...object, metadata };
    const cleared = { ...metadata };
    delete cleared.namespace;
    return { ...object, metadata: cleared };
  }
  if (metadata.namespace) return object;
  return { ...object, metadata: { ...metadata, namespace: options.defaultNamespace ?? 'default' } };
}

function warningsOf(document: ManifestDocument, kind: ResourceKind): ManifestError[] {
  const namespace = (document.object.metadata as { namespace?: string } | undefined)?.namespace;
  if (kind.namespaced || !namespace) return [];
  return [
    {
      ...placeOf(document, 'metadata.namespace'),
      path: 'metadata.namespace',
      message: `${kind.kind} is cluster-scoped; its namespace "${namespace}" is ignored`,
    },
  ];
}

function located(document: ManifestDocument, fieldErrors: readonly FieldError[]): ManifestError[] {
  return fieldErrors
    .map((found) => (found.path === NOWHERE ? { ...found, path: '' } : found))
    .map((error) => ({
      ...placeOf(document, error.path),
      ...(error.path === '' ? {} : { path: error.path }),
      message: bodyOf(error),
    }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** The API's wording without `Forbidden:` and `Invalid value:` before our own words. */
function bodyOf(error: FieldError): string {
  if (error.type === 'FieldValueForbidden' && error.detail.startsWith('not implemented')) return error.detail;
  if (error.type === 'FieldValueInvalid' && error.value === undefined) return error.detail;
  return fieldErrorBody(error);
}

function placeOf(document: ManifestDocument, path: string): { file: string; line: number; column: number } {
  return { file: document.source.file, ...document.locate(path) };
}

const mayCreate = ({ verbs }: ResourceKind): boolean => verbs?.includes('create') ?? true;

function madeBySystem(document: ManifestDocument, { kind }: ResourceKind): ManifestError {
  return {
    ...placeOf(document, 'kind'),
    path: 'kind',
    message: `only the control plane makes objects of kind "${kind}"`,
    hint: 'remove it from the repository',
  };
}

function unknownKind(
  document: ManifestDocument,
  registry: Registry,
  { clusterIsKnown = true }: ValidateOptions,
): ManifestError {
  const { apiVersion, kind } = document.object;
  const { group } = parseApiVersion(apiVersion);
  const sameName = registry.kinds.filter((known) => known.kind === kind);
  const sameGroup = sameName.find((known) => known.group === group) ?? sameName[0];
  const supported = registry.kinds.filter(mayCreate);
  const names = [...new Set(supported.map((known) => known.kind))].sort();
  const closest = closestName(kind, names);
  const path = sameGroup ? 'apiVersion' : 'kind';
  const complaint = (message: string, hint: string): ManifestError => ({
    ...placeOf(document, path),
    path,
    message,
    hint,
  });
  const message = `kind "${kind}" of "${apiVersion}" is not supported`;
  if (group === KUSTOMIZE_GROUP) {
    const { message: text, hint } = kustomizeFolder(document.source.file);
    return complaint(text, hint);
  }
  const tool = clientToolOf(apiVersion, kind);
  if (tool !== undefined)
    return complaint(
      `this file is for ${tool}: no cluster takes kind "${kind}" of "${apiVersion}"`,
      `leave it out: ${excludeOption(document.source.file)}, or ${PLAIN_FOLDER}`,
    );
  if (sameGroup)
    return complaint(message, `use apiVersion: ${formatApiVersion(sameGroup.group, sameGroup.version)}`);
  if (isForeign(group)) {
    // ApplicationSet is no misspelt Application.
    const isMisspelt = sameGroupNames(group, registry).some(
      (name) => name === closest && !kind.startsWith(name),
    );
    const unasked = clusterIsKnown ? '' : ' (the cluster was not asked: --cluster)';
    return complaint(
      `kind "${kind}" of "${apiVersion}" is not known: no CustomResourceDefinition defines it, here or in the cluster${unasked}`,
      isMisspelt
        ? `did you mean "${closest}"?`
        : `add the definition of kind ${kind} in group ${group}, or correct what is wrong with it`,
    );
  }
  return complaint(
    message,
    closest === undefined ? `supported: ${names.join(', ')}` : `did you mean "${closest}"?`,
  );
}

const sameGroupNames = (group: string, { kinds }: Registry): readonly string[] =>
  kinds.filter((known) => known.group === group).map((known) => known.kind);

/** A group that could be somebody's own, as Argo CD's is, of which the system has one kind only. */
const isForeign = (group: string): boolean => group.includes('.') && !/(^|\.)k8s\.io$/.test(group);

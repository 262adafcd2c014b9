/**
 * Makes a {@link ResourceKind} of a kind's own members. The shared part is here: defaults begin
 * with the stored form of the schema, validation begins with the metadata, and a kind with a status
 * subresource keeps its status out of reach of the main resource.
 */
import { jsonClone, sharesMembers } from '../../base/json.ts';
import { omit } from '../json-access.ts';
import type { Draft } from '../defaults/draft.ts';
import { normalise } from '../defaults/normalise.ts';
import { schemaNameOf } from '../definitions.ts';
import type { FieldError } from '../errors/field-error.ts';
import { formatApiVersion, type KubeObject } from '../object.ts';
import { checkPodFields, createFieldCheck, podSpecPaths } from '../profile/index.ts';
import type { ResourceKind, Subresource } from '../resource-kind.ts';
import { settle, withoutSettled } from '../settled-items.ts';
import { checkStructure } from '../structure.ts';
import { validateMetadata, validateMetadataUpdate } from '../validation/metadata.ts';
import { dns1123Subdomain, type NameRule } from '../validation/names.ts';

/** The members of a ResourceKind that a kind gives as they are. */
type Said = Pick<ResourceKind, 'group' | 'kind' | 'applyOrder'> &
  Partial<
    Pick<
      ResourceKind,
      | 'version'
      | 'plural'
      | 'shortNames'
      | 'categories'
      | 'namespaced'
      | 'subresources'
      | 'storedAs'
      | 'storage'
      | 'table'
      | 'selectable'
      | 'fields'
      | 'defaultRoles'
      | 'countsGeneration'
      | 'verbs'
      | 'deprecation'
      | 'orphansByDefault'
      | 'ttlMs'
      | 'deletionFinalizer'
      | 'prepareStatus'
      | 'waitsUnimplemented'
      | 'validateSubresource'
    >
  >;

export interface KindDefinition extends Said {
  readonly hasScale?: boolean;
  /** Absent: objects are stored as they always were. */
  readonly migration?: Required<Pick<ResourceKind, 'storageVersion' | 'migrate'>>;
  /** Absent: names are DNS subdomains. */
  readonly nameRule?: NameRule;
  /** Paths where upstream takes an absent or empty value against the schema; validation decides. */
  readonly lenient?: readonly string[];
  /** The items of long lists, which are checked once; see settled-items.ts. */
  readonly itemsOf?: (object: KubeObject) => readonly object[];
  /** Finalizers need no domain, as where upstream validates by the rules of custom resources. */
  readonly anyFinalizer?: boolean;
  /** The API keeps objects of this kind, but nothing acts on them. */
  readonly stored?: Pick<ResourceKind, 'idle'>;
  /** Writes the defaults that the schema does not record; the draft is private. */
  readonly fillDefaults?: (draft: Draft) => void;
  /** The status that a new object gets; without it the status of the request is kept. */
  readonly initialStatus?: (object: KubeObject) => unknown;
  /** `current` is the object that an update replaces; values that it has already may stay. */
  readonly validate?: (object: KubeObject, current?: KubeObject) => readonly FieldError[];
  readonly validateUpdate?: (next: KubeObject, current: KubeObject) => readonly FieldError[];
  readonly prepareForCreate?: (object: KubeObject) => KubeObject;
  readonly prepareForUpdate?: (next: KubeObject, current: KubeObject) => KubeObject;
  /** The rules of a write to the status. With them, it does not validate the rest again. */
  readonly validateStatus?: (next: KubeObject, current: KubeObject) => readonly FieldError[];
  /** A status that is written gets the defaults of the kind, as one that comes with a create. */
  readonly defaultsStatus?: boolean;
}

/** Where the scale subresource of workloads reads and writes. */
const WORKLOAD_SCALE = {
  specReplicas: 'spec.replicas',
  statusReplicas: 'status.replicas',
  labelSelector: 'spec.selector',
} as const;

export function defineKind(definition: KindDefinition): ResourceKind {
  const { hasScale, lenient, stored, migration, initialStatus, defaultsStatus, ...own } = definition;
  const { nameRule = dns1123Subdomain, anyFinalizer = false, fillDefaults, validate, itemsOf, ...rest } = own;
  const { validateUpdate, validateStatus, prepareForCreate, prepareForUpdate, ...said } = rest;
  const version = said.version ?? 'v1';
  const apiVersion = formatApiVersion(said.group, version);
  const schemaName = schemaNameOf(apiVersion, said.kind);
  if (schemaName === undefined) throw new Error(`No schema is recorded for "${apiVersion}" "${said.kind}"`);
  const namespaced = said.namespaced ?? true;
  const ownsStatus = said.subresources?.includes('status');
  const checkFields = createFieldCheck(said.fields ?? []);
  const withDefaults = (object: KubeObject): KubeObject => {
    const draft = normalise<KubeObject>(schemaName, object);
    fillDefaults?.(draft);
    return draft;
  };
  const structureErrors = (object: unknown): readonly FieldError[] =>
    checkStructure(schemaName, object).filter(
      ({ type, path }) => type === 'FieldValueTypeInvalid' || !lenient?.includes(path),
    );
  return {
    version,
    plural: pluralOf(said.kind),
    singular: said.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    subresources: [],
    storedAs: { group: said.group, version, kind: said.kind },
    countsGeneration: false,
    behaviour: stored ? 'stored' : 'implemented',
    waitsUnimplemented: podSpecPaths[`${apiVersion}/${said.kind}`] !== undefined,
    ...said,
    ...stored,
    ...migration,
    ...(hasScale ? { scale: WORKLOAD_SCALE } : {}),
    ...(defaultsStatus ? { prepareStatus: (next: KubeObject) => withDefaults(next)['status'] } : {}),
    namespaced,
    withDefaults,
    // Errors name the places of items: they are those of the whole object.
    checkStructure: (object) =>
      itemsOf && structureErrors(withoutSettled(object)).length === 0 ? [] : structureErrors(object),
    ...(itemsOf ? { settle: (object: KubeObject) => settle(itemsOf(object)) } : {}),
    validate: (object, current, subresource) => [
      ...(hasMetadataOf(object, current)
        ? []
        : validateMetadata(object, { namespaced, nameRule, anyFinalizer })),
      ...(isApart(definition, subresource) ? [] : (validate?.(object, current) ?? [])),
    ],
    validateUpdate: (next, current) => [
      ...validateMetadataUpdate(next, current),
      ...(validateUpdate?.(next, current) ?? []),
    ],
    checkImplemented: (object) => [...checkPodFields(apiVersion, said.kind, object), ...checkFields(object)],
    prepareForCreate(object) {
      const prepared = initialStatus ? withStatus(object, initialStatus(object)) : object;
      return prepareForCreate?.(prepared) ?? prepared;
    },
    prepareForUpdate(next, current) {
      const prepared = ownsStatus ? withStatus(next, jsonClone(current['status'])) : next;
      return prepareForUpdate?.(prepared, current) ?? prepared;
    },
    validateSubresource: (next, current, subresource) =>
      (subresource === 'status' ? validateStatus : undefined)?.(next, current) ??
      said.validateSubresource?.(next, current, subresource) ??
      [],
  };
}

/** Upstream's guess of the plural, which few kinds do not follow. */
function pluralOf(kind: string): string {
  const singular = kind.toLowerCase();
  return singular.endsWith('s') ? `${singular}es` : `${singular.replace(/y$/, 'ie')}s`;
}

/** Whether a write to the subresource keeps the rest, which then is not validated again. */
function isApart({ validateStatus }: KindDefinition, subresource: Subresource | undefined): boolean {
  if (subresource === 'finalize' || subresource === 'binding') return true;
  return subresource === 'status' && validateStatus !== undefined;
}

function withStatus(object: KubeObject, status: unknown): KubeObject {
  const rest = omit(object, 'status');
  return status === undefined ? rest : { ...rest, status };
}

/** Whether an update leaves the metadata as they are stored. */
const hasMetadataOf = (object: KubeObject, current: KubeObject | undefined): boolean =>
  current !== undefined && object !== current && sharesMembers(object.metadata, current.metadata);

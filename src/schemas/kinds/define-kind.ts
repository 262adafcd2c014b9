/**
 * Makes a {@link ResourceKind} out of what is particular to it. What all kinds share is here: defaults begin with the
 * stored form of the schema, validation with the metadata, and a kind with a status subresource keeps its status
 * out of reach of the main resource.
 */
import { jsonClone } from '../../base/json.ts';
import { omit } from '../json-access.ts';
import { type Draft } from '../defaults/draft.ts';
import { normalise } from '../defaults/normalise.ts';
import { schemaNameOf } from '../definitions.ts';
import type { FieldError } from '../errors/field-error.ts';
import { formatApiVersion, type KubeObject } from '../object.ts';
import { checkImplemented, podSpecPaths } from '../profile/index.ts';
import type { ResourceKind, StoredForm, Subresource } from '../resource-kind.ts';
import { checkStructure } from '../structure.ts';
import { validateMetadata, validateMetadataUpdate } from '../validation/metadata.ts';
import type { NameRule } from '../validation/names.ts';

export interface KindDefinition {
  readonly group: string;
  readonly version?: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced?: boolean;
  readonly subresources?: readonly Subresource[];
  readonly applyOrder: number;
  readonly countsGeneration?: boolean;
  readonly hasScale?: boolean;
  /** As in {@link ResourceKind}. */
  readonly storedAs?: ResourceKind['storedAs'];
  /** As in {@link ResourceKind}. */
  readonly deletionFinalizer?: string;
  readonly orphansByDefault?: boolean;
  readonly ttlMs?: number;
  readonly deprecation?: string;
  readonly storage?: StoredForm;
  readonly nameRule: NameRule;
  /** Paths where upstream takes more than the schema says: nothing, or an empty word. Validation alone decides. */
  readonly lenient?: readonly string[];
  /** Kinds that upstream checks by the rules of custom resources take finalizers without a domain. */
  readonly anyFinalizer?: boolean;
  /** The API keeps objects of this kind, but nothing acts on them; the rest as in {@link ResourceKind}. */
  readonly stored?: Pick<ResourceKind, 'missing' | 'idle'>;
  /** Writes the defaults that the schema does not record; the draft is private. */
  readonly fillDefaults?: (draft: Draft) => void;
  /** The status that a new object gets; without it the status of the request is kept. */
  readonly initialStatus?: (object: KubeObject) => unknown;
  /** `current` is what an update replaces: what it has already may stay. */
  readonly validate?: (object: KubeObject, current?: KubeObject) => readonly FieldError[];
  readonly validateUpdate?: (next: KubeObject, current: KubeObject) => readonly FieldError[];
  readonly prepareForCreate?: (object: KubeObject) => KubeObject;
  readonly prepareForUpdate?: (next: KubeObject, current: KubeObject) => KubeObject;
  readonly prepareStatus?: ResourceKind['prepareStatus'];
  /** What a write to the status must satisfy; with it, such a write does not look at the rest again. */
  readonly validateStatus?: (next: KubeObject, current: KubeObject) => readonly FieldError[];
  readonly validateSubresource?: ResourceKind['validateSubresource'];
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
  const { group, kind, plural, nameRule, anyFinalizer = false, initialStatus } = definition;
  const version = definition.version ?? 'v1';
  const apiVersion = formatApiVersion(group, version);
  const schemaName = schemaNameOf(apiVersion, kind);
  if (schemaName === undefined) throw new Error(`No schema is recorded for "${apiVersion}" "${kind}"`);
  const namespaced = definition.namespaced ?? true;
  const subresources = definition.subresources ?? [];
  const ownsStatus = subresources.includes('status');
  const withDefaults = (object: KubeObject): KubeObject => {
    const draft = normalise<KubeObject>(schemaName, object);
    definition.fillDefaults?.(draft);
    return draft;
  };
  return {
    group,
    version,
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: definition.shortNames ?? [],
    categories: definition.categories ?? [],
    namespaced,
    subresources,
    storedAs: definition.storedAs ?? { group, version, kind },
    applyOrder: definition.applyOrder,
    countsGeneration: definition.countsGeneration ?? false,
    behaviour: definition.stored ? 'stored' : 'implemented',
    ...definition.stored,
    ...(definition.hasScale ? { scale: WORKLOAD_SCALE } : {}),
    ...(definition.orphansByDefault ? { orphansByDefault: true } : {}),
    ...(definition.ttlMs === undefined ? {} : { ttlMs: definition.ttlMs }),
    ...(definition.deletionFinalizer === undefined
      ? {}
      : { deletionFinalizer: definition.deletionFinalizer }),
    ...(definition.deprecation === undefined ? {} : { deprecation: definition.deprecation }),
    ...(definition.storage ? { storage: definition.storage } : {}),
    withDefaults,
    checkStructure: (object) =>
      checkStructure(schemaName, object).filter(
        ({ type, path }) => type === 'FieldValueTypeInvalid' || !definition.lenient?.includes(path),
      ),
    validate: (object, current, subresource) => [
      ...validateMetadata(object, { namespaced, nameRule, anyFinalizer }),
      ...(isApart(definition, subresource) ? [] : (definition.validate?.(object, current) ?? [])),
    ],
    validateUpdate: (next, current) => [
      ...validateMetadataUpdate(next, current),
      ...(definition.validateUpdate?.(next, current) ?? []),
    ],
    checkImplemented: (object) => checkImplemented(apiVersion, kind, object),
    waitsUnimplemented: podSpecPaths[`${apiVersion}/${kind}`] !== undefined,
    prepareForCreate(object) {
      const prepared = initialStatus ? withStatus(object, initialStatus(object)) : object;
      return definition.prepareForCreate?.(prepared) ?? prepared;
    },
    prepareForUpdate(next, current) {
      const prepared = ownsStatus ? withStatus(next, jsonClone(current['status'])) : next;
      return definition.prepareForUpdate?.(prepared, current) ?? prepared;
    },
    ...prepareStatusOf(definition, withDefaults),
    validateSubresource: (next, current, subresource) =>
      (subresource === 'status' ? definition.validateStatus : undefined)?.(next, current) ??
      definition.validateSubresource?.(next, current, subresource) ??
      [],
  };
}

function prepareStatusOf(
  { prepareStatus, defaultsStatus }: KindDefinition,
  withDefaults: ResourceKind['withDefaults'],
): Pick<ResourceKind, 'prepareStatus'> {
  if (!defaultsStatus) return prepareStatus ? { prepareStatus } : {};
  return { prepareStatus: (next) => withDefaults(next)['status'] };
}

/** Whether a write to the subresource leaves the rest of the object as it is: what was valid once is not asked again. */
function isApart({ validateStatus }: KindDefinition, subresource: Subresource | undefined): boolean {
  return subresource === 'finalize' || (subresource === 'status' && validateStatus !== undefined);
}

function withStatus(object: KubeObject, status: unknown): KubeObject {
  const rest = omit(object, 'status');
  return status === undefined ? rest : { ...rest, status };
}

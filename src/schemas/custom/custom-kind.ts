/**
 * Kinds made of a CustomResourceDefinition, one for each version. All versions are the same stored
 * objects: without a conversion only `apiVersion` differs, and what the schema of a version does
 * not name is not seen through it.
 */
import { isRecord } from '../../base/json.ts';
import type { FieldError } from '../errors/field-error.ts';
import { asRecord, omit } from '../json-access.ts';
import { formatApiVersion, type KubeObject } from '../object.ts';
import type { ResourceKind, StoredForm, Subresource } from '../resource-kind.ts';
import { textFields } from '../values/field-selectors.ts';
import { validateMetadata, validateMetadataUpdate } from '../validation/metadata.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import {
  type CustomResource,
  type Definition,
  type DefinitionVersion,
  isTrue,
  readDefinition,
  readNames,
} from './definition.ts';
import { fillDefaults } from './fill-defaults.ts';
import { customTable } from './printer-columns.ts';
import { prune } from './prune.ts';
import type { StructuralSchema } from './structural-schema.ts';
import { validateCustomObject } from './validate-value.ts';

/** After all workloads: their controllers are there when the objects come. */
const APPLY_ORDER = 180;

export interface CustomKinds {
  readonly served: readonly ResourceKind[];
  /** Every version, served or not: objects may be stored in any. */
  readonly all: readonly ResourceKind[];
}

/** With the names that the definition was given; nothing where it was given none yet. */
export function establishedKinds(definition: KubeObject): CustomKinds | undefined {
  if (!isTrue(definition, 'Established')) return undefined;
  const { acceptedNames } = asRecord(definition['status']);
  return kindsOf(definition, readDefinition(definition, readNames(acceptedNames)));
}

/** As the definition asks for it, whatever the cluster says: for a repository that brings both. */
export const requestedKinds = (definition: KubeObject): CustomKinds =>
  kindsOf(definition, readDefinition(definition));

/** The members of the system's own kinds that no definition has. */
export interface BuiltinParts extends Pick<ResourceKind, 'applyOrder' | 'defaultRoles' | 'idle'> {
  /** Errors of a sound object, beside those of its schema. */
  readonly rules?: (object: KubeObject, current: KubeObject | undefined) => readonly FieldError[];
}

/** Kinds that the system serves itself, as if a definition had made them. */
export const builtinCustomKinds = (
  definition: Definition,
  { rules, defaultRoles, ...parts }: BuiltinParts,
): readonly ResourceKind[] =>
  definition.versions.map((version): ResourceKind => {
    const kind = customKind(definition, version, false, rules);
    const roles = version.storage && defaultRoles ? { defaultRoles } : {};
    const custom = kind.custom && { ...kind.custom, isBuiltin: true as const };
    return { ...kind, ...parts, ...roles, ...(custom ? { custom } : {}) };
  });

function kindsOf(object: KubeObject, definition: Definition): CustomKinds {
  const terminating = object.metadata.deletionTimestamp !== undefined;
  const kinds = definition.versions.map((version) => customKind(definition, version, terminating));
  return { all: kinds, served: kinds.filter((_, index) => definition.versions[index]?.served) };
}

function customKind(
  definition: Definition,
  version: DefinitionVersion,
  terminating: boolean,
  rules?: BuiltinParts['rules'],
): ResourceKind {
  const { group, namespaced, names } = definition;
  const { schema, hasStatus, scale } = version;
  const subresources: Subresource[] = [
    ...(hasStatus ? (['status'] as const) : []),
    ...(scale ? (['scale'] as const) : []),
  ];
  const custom = customResource(definition, version, terminating);
  return {
    group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular,
    shortNames: names.shortNames,
    categories: names.categories,
    namespaced,
    subresources,
    applyOrder: APPLY_ORDER,
    countsGeneration: true,
    behaviour: 'stored',
    custom,
    table: customTable(version.columns),
    selectable: textFields(...version.selectableFields.map(withoutDot)),
    openApiSchema: custom.objectSchema,
    storage: storedForm(definition, version),
    storedAs: { group, version: storageVersion(definition, version), kind: names.kind },
    ...(scale
      ? {
          scale: {
            specReplicas: withoutDot(scale.spec),
            statusReplicas: withoutDot(scale.status),
            labelSelector: withoutDot(scale.selector),
          },
        }
      : {}),
    withDefaults: (object) => fillDefaults(schema, object),
    // Unknown fields were taken out at intake, and types are a matter of the schema: see
    // `validate`.
    checkStructure: (object) => (isRecord(object) ? [] : [notAnObject]),
    validate: (object, current) => [
      ...validateMetadata(object, { namespaced, nameRule: dns1123Subdomain, anyFinalizer: true }),
      ...validateCustomObject(schema, object, current, rules && (() => rules(object, current))),
    ],
    validateUpdate: validateMetadataUpdate,
    checkImplemented: () => [],
    waitsUnimplemented: false,
    prepareForCreate: (object) => (hasStatus ? omit(object, 'status') : object),
    prepareForUpdate(next, current) {
      if (!hasStatus) return next;
      const { status } = current;
      return status === undefined ? omit(next, 'status') : { ...next, status };
    },
  };
}

const notAnObject = { type: 'FieldValueTypeInvalid', path: '', detail: 'must be an object' } as const;

const withoutDot = (path: string): string => path.replace(/^\./, '');

const storageVersion = ({ versions }: Definition, version: DefinitionVersion): string =>
  versions.find(({ storage }) => storage)?.name ?? version.name;

function storedForm(definition: Definition, version: DefinitionVersion): StoredForm {
  const { group, names } = definition;
  const apiVersion = formatApiVersion(group, version.name);
  const main = storageVersion(definition, version);
  const storedVersion = formatApiVersion(group, main);
  const seen = new WeakMap<KubeObject, KubeObject>();
  return {
    resource: { group, plural: names.plural },
    isMain: main === version.name,
    toStored: (object) =>
      object.apiVersion === storedVersion ? object : { ...object, apiVersion: storedVersion },
    fromStored(object) {
      let served = seen.get(object);
      if (!served) {
        const named = object.apiVersion === apiVersion ? object : { ...object, apiVersion };
        served = fillDefaults(version.schema, prune(version.schema, named).value);
        seen.set(object, served);
      }
      return served;
    },
  };
}

function customResource(
  definition: Definition,
  version: DefinitionVersion,
  terminating: boolean,
): CustomResource {
  const { group, names } = definition;
  return {
    definition: definition.name,
    listKind: names.listKind,
    schema: version.schema,
    component: `${group.split('.').reverse().join('.')}.${version.name}.${names.kind}`,
    objectSchema: objectSchema(definition, version),
    deprecation: version.deprecation,
    terminating,
  };
}

const OBJECT_META = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** The schema with the members that every object has. */
function objectSchema({ group, names }: Definition, version: DefinitionVersion): StructuralSchema {
  return {
    ...version.schema,
    type: 'object',
    properties: {
      ...version.schema.properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { allOf: [{ $ref: OBJECT_META }] },
    },
    'x-kubernetes-group-version-kind': [{ group, version: version.name, kind: names.kind }],
  };
}

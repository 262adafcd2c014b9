/** Reads CustomResourceDefinitions. Incomplete ones are read without an error. */
import { conditionIn } from '../conditions.ts';
import { asList, asRecord, asRecords, asString, type Fields, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { readSchema, type StructuralSchema } from './structural-schema.ts';

export const DEFINITION_RESOURCE = 'customresourcedefinitions.apiextensions.k8s.io';
export const DEFINITION_API_VERSION = 'apiextensions.k8s.io/v1';
/** Holds a deleted definition until its objects are gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

export interface DefinitionNames {
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
}

export interface DefinitionVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: StructuralSchema;
  readonly hasStatus: boolean;
  readonly scale: { readonly spec: string; readonly status: string; readonly selector: string } | undefined;
  readonly columns: readonly PrinterColumn[];
  readonly selectableFields: readonly string[];
  /** Undefined if the version is not deprecated. */
  readonly deprecation: string | undefined;
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
  readonly jsonPath: string;
}

export interface Definition {
  readonly name: string;
  readonly group: string;
  readonly namespaced: boolean;
  readonly names: DefinitionNames;
  /** The most important first, as discovery lists them. */
  readonly versions: readonly DefinitionVersion[];
}

/** The members of a kind that a definition made. */
export interface CustomResource {
  /** The system serves the kind itself: definitions of it change nothing. */
  readonly isBuiltin?: true;
  /** Name of the definition. */
  readonly definition: string;
  readonly listKind: string;
  /** As the definition has it. */
  readonly schema: StructuralSchema;
  /** Name and content of the schema of whole objects in OpenAPI: `com.example.v1.Widget`. */
  readonly component: string;
  readonly objectSchema: StructuralSchema;
  /** The warning that clients of the version get. */
  readonly deprecation: string | undefined;
  /** The definition is being deleted: nothing new is created. */
  readonly terminating: boolean;
}

export const isDefinition = (object: KubeObject): boolean =>
  object.kind === 'CustomResourceDefinition' && object.apiVersion === DEFINITION_API_VERSION;

export function readNames(names: unknown): DefinitionNames {
  const { plural, singular, kind, listKind, shortNames, categories } = asRecord(names);
  return {
    plural: asString(plural),
    singular: asString(singular) || asString(kind).toLowerCase(),
    kind: asString(kind),
    listKind: asString(listKind) || `${asString(kind)}List`,
    shortNames: asList(shortNames).filter((name) => typeof name === 'string'),
    categories: asList(categories).filter((name) => typeof name === 'string'),
  };
}

/** The definition with its wanted names, or with the `accepted` ones. */
export function readDefinition(object: KubeObject, accepted?: DefinitionNames): Definition {
  const spec = asRecord(object['spec']);
  const group = asString(spec['group']);
  const names = accepted ?? readNames(spec['names']);
  return {
    name: object.metadata.name,
    group,
    namespaced: spec['scope'] === 'Namespaced',
    names,
    versions: asRecords(spec['versions'])
      .map((version) => readVersion(version, group, names.kind))
      .sort((a, b) => compareVersions(a.name, b.name)),
  };
}

function readVersion(version: Fields, group: string, kind: string): DefinitionVersion {
  const name = asString(version['name']);
  const subresources = asRecord(version['subresources']);
  const scale = subresources['scale'] === undefined ? undefined : asRecord(subresources['scale']);
  const deprecated = version['deprecated'] === true;
  return {
    name,
    served: version['served'] === true,
    storage: version['storage'] === true,
    schema: readSchema(asRecord(version['schema'])['openAPIV3Schema']),
    hasStatus: subresources['status'] !== undefined,
    scale: scale && {
      spec: asString(scale['specReplicasPath']),
      status: asString(scale['statusReplicasPath']),
      selector: asString(scale['labelSelectorPath']),
    },
    columns: asRecords(version['additionalPrinterColumns']).map((column) => ({
      name: asString(column['name']),
      type: asString(column['type']),
      format: asString(column['format']),
      description: asString(column['description']),
      priority: typeof column['priority'] === 'number' ? column['priority'] : 0,
      jsonPath: asString(column['jsonPath']),
    })),
    selectableFields: asRecords(version['selectableFields']).map((field) => asString(field['jsonPath'])),
    deprecation: deprecated
      ? asString(version['deprecationWarning']) || `${group}/${name} ${kind} is deprecated`
      : undefined,
  };
}

const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const STABILITY: Readonly<Record<string, number>> = { alpha: 0, beta: 1 };

/** Kubernetes' order: v2, v1, v2beta1, v1beta2, v1alpha1, then everything else by name. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [VERSION.exec(a), VERSION.exec(b)];
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0;
  const key = (match: RegExpExecArray): readonly number[] => [
    STABILITY[match[2] ?? ''] ?? 2,
    Number(match[1]),
    Number(match[3] ?? 0),
  ];
  const [x, y] = [key(left), key(right)];
  for (const [index, value] of x.entries()) {
    const other = y[index] ?? 0;
    if (value !== other) return other - value;
  }
  return 0;
}

/** The condition of a definition is True. */
export function isTrue(object: KubeObject, type: string): boolean {
  return conditionIn(getPath(object, 'status', 'conditions'), type)?.['status'] === 'True';
}

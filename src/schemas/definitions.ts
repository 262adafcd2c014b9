/**
 * The recorded schemas as data: types, defaults, merge keys and list types of every kind that we
 * know, under upstream's names (`io.k8s.api.apps.v1.Deployment`). Facts only; what may be left out
 * or is refused is decided elsewhere.
 */
import { isRecord, setMember } from '../base/json.ts';
import { definitions as recorded } from './generated/definitions.js';
import { parseApiVersion } from './object.ts';

export interface Definition {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Definition>>;
  readonly items?: Definition;
  readonly additionalProperties?: Definition;
  readonly oneOf?: readonly Definition[];
  readonly allOf?: readonly Definition[];
  readonly $ref?: string;
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

const definitions = recorded as Readonly<Record<string, Definition>>;
const REFERENCE = '#/components/schemas/';

const kindNames: ReadonlyMap<string, string> = new Map(
  Object.entries(definitions).flatMap(([name, definition]) =>
    (definition['x-kubernetes-group-version-kind'] ?? [])
      // DeleteOptions is listed under every group; a kind of its own has exactly one entry.
      .filter((_, __, all) => all.length === 1)
      .map((gvk) => [`${gvk.group}/${gvk.version}/${gvk.kind}`, name] as const),
  ),
);

/** The schema's name of a kind: `io.k8s.api.apps.v1.Deployment` for `apps/v1`, `Deployment`. */
export function schemaNameOf(apiVersion: string, kind: string): string | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  return kindNames.get(`${group}/${version}/${kind}`);
}

export function definitionOf(schemaName: string): Definition | undefined {
  return Object.hasOwn(definitions, schemaName) ? definitions[schemaName] : undefined;
}

const resolved = new WeakMap<Definition, Definition | undefined>();

/** Follows `$ref` and the one-element `allOf` that upstream wraps it in. */
export function resolveDefinition(definition: Definition | undefined): Definition | undefined {
  if (!definition || (definition.$ref === undefined && !definition.allOf)) return definition;
  if (!resolved.has(definition)) resolved.set(definition, follow(definition));
  return resolved.get(definition);
}

function follow(definition: Definition): Definition | undefined {
  let current: Definition | undefined = definition;
  while (current) {
    if (current.$ref !== undefined) current = definitionOf(current.$ref.slice(REFERENCE.length));
    else if (current.allOf?.length === 1) current = current.allOf[0];
    else return current;
  }
  return undefined;
}

/** The definition of a member, an item or a map's value; undefined where anything may stand. */
export function childDefinition(parent: Definition | undefined, segment: string): Definition | undefined {
  if (!parent) return undefined;
  if (parent.properties && Object.hasOwn(parent.properties, segment))
    return resolveDefinition(parent.properties[segment]);
  return resolveDefinition(parent.items ?? parent.additionalProperties);
}

/** `path` plus one segment in Kubernetes' form: `a.b` for fields, `a[0]` for items, `a[key]`. */
export function joinPath(path: string, parent: Definition | undefined, segment: string): string {
  const isField = parent?.properties !== undefined || (!parent?.items && !parent?.additionalProperties);
  if (!isField) return `${path}[${segment}]`;
  return path === '' ? segment : `${path}.${segment}`;
}

/**
 * The value as a Kubernetes decoder sees it: a `null` member counts as absent, a `null` in a map of
 * strings as the empty string. A `null` list item stays. Returns the input itself where there is
 * nothing to change.
 */
export function withoutNulls<T>(schemaName: string, value: T): T {
  return hasNull(value) ? (strip(value, definitionOf(schemaName)) as T) : value;
}

function hasNull(value: unknown): boolean {
  if (value === null) return true;
  if (Array.isArray(value)) return value.some(hasNull);
  if (!isRecord(value)) return false;
  for (const key in value) if (hasNull(value[key])) return true;
  return false;
}

const quantity = (): Definition | undefined => definitionOf('io.k8s.apimachinery.pkg.api.resource.Quantity');

function strip(value: unknown, definition: Definition | undefined): unknown {
  if (!definition) return value;
  if (Array.isArray(value)) {
    const items = resolveDefinition(definition.items);
    return value.map((item: unknown) => strip(item, items));
  }
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const child = childDefinition(definition, key);
    let member = strip(value[key], child);
    if (member === null && child) {
      if (definition.properties) continue;
      if (child === quantity()) member = '0';
      else if (child.type === 'string') member = '';
      else continue;
    }
    setMember(copy, key, member);
  }
  return copy;
}

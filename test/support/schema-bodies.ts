/**
 * Hostile bodies made from the schemas: every list, every map and every text of every kind is
 * filled in turn, in an object that is sound otherwise. They cover what the hand-written shapes
 * forget.
 */
import type { TypeSchema, TypeSchemas } from '../../src/resources/decoding/type-schemas.ts';
import { formatApiVersion } from '../../src/schemas/object.ts';
import type { ResourceKind } from '../../src/schemas/resource-kind.ts';
import { type HostileBody, JSON_TYPE, MAX_BYTES, MOST_MEMBERS, MOST_OBJECTS } from './hostile-bodies.ts';

/** A list, a map or a text somewhere in a kind. */
interface Place {
  readonly path: readonly string[];
  readonly node: TypeSchema;
  readonly type: 'list' | 'map' | 'text';
}

/** Steps into the first item of a list and into the only member of a map. */
const ITEM = '[]';
const MEMBER = '{}';
/** Deeper places repeat what others have. */
const MAX_STEPS = 14;
const HERE = '@@here@@';
/** Just below what one body may hold. */
const MOST_VALUES = 59_000;
/** Just below the bounds on items that cost most. */
const MOST_ITEMS: Readonly<Record<string, number>> = {
  Container: 490,
  EphemeralContainer: 490,
  Volume: 490,
  ManagedFieldsEntry: 990,
  CustomResourceDefinitionVersion: 99,
};

const podSpec = { containers: [{ name: 'c', image: 'i' }] };
const workload = {
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: podSpec },
  },
};
/** The rules that make an object of the kind sound. */
const BASES: Readonly<Record<string, object>> = {
  Pod: { spec: podSpec },
  Deployment: workload,
  ReplicaSet: workload,
  DaemonSet: workload,
  StatefulSet: workload,
  ReplicationController: {
    spec: { selector: { a: 'b' }, template: { metadata: { labels: { a: 'b' } }, spec: podSpec } },
  },
  PodTemplate: { template: { metadata: { labels: { a: 'b' } }, spec: podSpec } },
  Service: { spec: { ports: [{ port: 1 }] } },
  Application: {
    spec: { project: 'default', source: { repoURL: 'https://a.example/b' }, destination: { namespace: 'a' } },
  },
  EndpointSlice: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }] },
  Ingress: { spec: { defaultBackend: { service: { name: 'a', port: { number: 1 } } } } },
  PriorityClass: { value: 1 },
  RuntimeClass: { handler: 'a' },
  StorageClass: { provisioner: 'a' },
  CSINode: { spec: { drivers: [] } },
  CSIStorageCapacity: { storageClassName: 'a' },
  VolumeAttachment: { spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } } },
  VolumeAttributesClass: { driverName: 'a', parameters: { a: 'b' } },
};

const shortName = (name: string | undefined): string => name?.slice(name.lastIndexOf('.') + 1) ?? '';

/** Something of the type; with `depth`, its optional members too. */
function sampleOf(schemas: TypeSchemas, node: TypeSchema, index: number, depth: number): unknown {
  const { name, schema } = schemas.resolve(node);
  switch (shortName(name)) {
    case 'Quantity':
      return `${index + 1}`;
    case 'IntOrString':
      return index + 1;
    case 'Time':
      return '2026-01-01T00:00:00Z';
    case 'MicroTime':
      return '2026-01-01T00:00:00.000000Z';
    case 'FieldsV1':
      return { [`f:a${index}`]: {} };
  }
  if (schema.type === 'string') return schema.format === 'byte' ? 'YQ==' : `a${index}`;
  if (schema.type === 'integer' || schema.type === 'number') return 1 + index;
  if (schema.type === 'boolean') return true;
  if (schema.type === 'array')
    return depth > 0 && schema.items ? [sampleOf(schemas, schema.items, index, depth - 1)] : [];
  const { properties, additionalProperties } = schema;
  if (properties) {
    const needed = schema['required'];
    const fields = Object.entries(properties).filter(
      ([field]) => depth > 0 || (Array.isArray(needed) && needed.includes(field)),
    );
    return Object.fromEntries(
      fields.map(([field, inner]) => [field, sampleOf(schemas, inner, index, depth - 1)]),
    );
  }
  if (depth <= 0 || typeof additionalProperties !== 'object') return {};
  return { [`k${index}`]: sampleOf(schemas, additionalProperties, index, depth - 1) };
}

function* placesIn(
  schemas: TypeSchemas,
  node: TypeSchema,
  path: readonly string[],
  above: readonly string[],
): Generator<Place> {
  const { name, schema } = schemas.resolve(node);
  if (path.length > MAX_STEPS || (name !== undefined && above.includes(name))) return;
  const within = name === undefined ? above : [...above, name];
  if (schema.type === 'string') yield { path, node, type: 'text' };
  else if (schema.type === 'array') {
    yield { path, node, type: 'list' };
    if (schema.items) yield* placesIn(schemas, schema.items, [...path, ITEM], within);
  } else if (schema.properties) {
    for (const [field, inner] of Object.entries(schema.properties))
      yield* placesIn(schemas, inner, [...path, field], within);
  } else if (typeof schema.additionalProperties === 'object') {
    yield { path, node, type: 'map' };
    yield* placesIn(schemas, schema.additionalProperties, [...path, MEMBER], within);
  }
}

/** The object with `text` at the path, as JSON. */
function written(
  schemas: TypeSchemas,
  root: TypeSchema,
  base: object,
  path: readonly string[],
  text: string,
): string {
  const put = (value: unknown, node: TypeSchema, at: number): unknown => {
    const step = path[at];
    if (step === undefined) return HERE;
    const { schema } = schemas.resolve(node);
    const inner =
      step === ITEM
        ? schema.items
        : step === MEMBER
          ? (schema.additionalProperties as TypeSchema)
          : schema.properties?.[step];
    const sample = (): unknown => sampleOf(schemas, inner ?? {}, 0, 0);
    if (step === ITEM) {
      const [first, ...rest] = Array.isArray(value) ? (value as unknown[]) : [];
      return [put(first ?? sample(), inner ?? {}, at + 1), ...rest];
    }
    const key = step === MEMBER ? 'k' : step;
    const members = (value ?? {}) as Record<string, unknown>;
    return { ...members, [key]: put(members[key] ?? sample(), inner ?? {}, at + 1) };
  };
  return JSON.stringify(put(base, root, 0)).replace(`"${HERE}"`, () => text);
}

/** As many members as a body may hold. */
function filled(member: (index: number) => string, most: number): string {
  const probe = member(12_345);
  const values = 1 + (probe.match(/[,{[]/g) ?? []).length;
  const count = Math.min(most, Math.floor(MOST_VALUES / values), Math.floor(MAX_BYTES / (probe.length + 1)));
  return Array.from({ length: count }, (_, index) => member(index)).join(',');
}

/** Ways to fill a place. */
function* fillings(schemas: TypeSchemas, { node, type }: Place): Generator<readonly [string, () => string]> {
  const { schema } = schemas.resolve(node);
  const json = (index: number, depth: number): string => {
    const inner = type === 'list' ? schema.items : (schema.additionalProperties as TypeSchema);
    return JSON.stringify(sampleOf(schemas, inner ?? {}, index, depth));
  };
  if (type === 'text') {
    for (const unit of ['x', 'a.', '-', '1', 'a/', 'é', ' ', '\\\\'])
      yield [`of ${unit}`, () => `"${unit.repeat(Math.floor(2_900_000 / Buffer.byteLength(unit)))}"`];
    return;
  }
  if (type === 'map') {
    for (const depth of [0, 2])
      yield [
        `members to depth ${depth}`,
        () => `{${filled((index) => `"k${index}":${json(index, depth)}`, MOST_MEMBERS)}}`,
      ];
    yield ['wrong members', () => `{${filled((index) => `"k ${index}":${json(index, 0)}`, MOST_MEMBERS)}}`];
    return;
  }
  const item = schemas.resolve(schema.items ?? {});
  const isObject = item.schema.properties !== undefined || item.schema.type === 'object';
  const most = isObject ? (MOST_ITEMS[shortName(item.name)] ?? MOST_OBJECTS) : MOST_MEMBERS;
  for (const depth of isObject ? [0, 1, 2, 3] : [0]) {
    yield [`distinct items to depth ${depth}`, () => `[${filled((index) => json(index, depth), most)}]`];
    yield [`pairs of items to depth ${depth}`, () => `[${filled((index) => json(index >> 1, depth), most)}]`];
    yield [`equal items to depth ${depth}`, () => `[${filled(() => json(0, depth), most)}]`];
  }
}

const collectionOf = ({ group, version, plural, namespaced }: ResourceKind): string =>
  `${group === '' ? '/api' : `/apis/${group}`}/${version}/${namespaced ? 'namespaces/default/' : ''}${plural}`;

/** A workload's template is a pod like any other: one kind with it is enough. */
const isRepeated = ({ kind }: ResourceKind, path: readonly string[]): boolean =>
  kind !== 'Deployment' && path.includes('template') && path.includes('spec') && path.length > 4;

export function* schemaBodies(
  schemas: TypeSchemas,
  kinds: readonly ResourceKind[],
  types: ReadonlySet<Place['type']>,
): Generator<HostileBody> {
  for (const kind of kinds) {
    const { group, version, kind: name } = kind;
    const root = schemas.ofKind(group, version, name)?.schema;
    if (!root || kind.custom) continue;
    const apiVersion = formatApiVersion(group, version);
    const base = { apiVersion, kind: name, metadata: { name: 'o' }, ...BASES[name] };
    for (const place of placesIn(schemas, root, [], [])) {
      const { path } = place;
      if (!types.has(place.type) || isRepeated(kind, path)) continue;
      if (path[0] === 'metadata' && name !== 'ConfigMap') continue;
      for (const [how, text] of fillings(schemas, place))
        yield {
          name: `${name} ${path.join('.')} ${how}`,
          method: 'POST',
          path: collectionOf(kind),
          contentType: JSON_TYPE,
          body: () => written(schemas, root, base, path, text()),
        };
    }
  }
}

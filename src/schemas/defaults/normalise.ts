/**
 * The form in which Kubernetes stores an object, as far as the schema alone decides it: what
 * decoding into Go types and encoding again does. Nulls, empty lists and empty maps are left out,
 * parts that are not optional appear as `{}`, quantities become canonical, and defaults that the
 * schema records are filled in.
 *
 * Total: values of the wrong type pass through untouched. Returns a deep copy, but for items that
 * are never written to; the input is never changed.
 */
import { isRecord, jsonClone, jsonEqual, setMember } from '../../base/json.ts';
import { isSettled } from '../settled-items.ts';
import { isBytes, withoutLineBreaks } from '../values/base64-fields.ts';
import { type Definition, definitionOf, resolveDefinition } from '../definitions.ts';
import { canonicalQuantity, milliQuantity } from '../values/quantity.ts';

/** The depth of the structure check, which refuses deeper objects. */
const MAX_DEPTH = 200;

const quantity = definitionOf('io.k8s.apimachinery.pkg.api.resource.Quantity');

/** Members that are written as null when they are absent. */
const NULLABLE: ReadonlyMap<Definition | undefined, readonly string[]> = new Map([
  [definitionOf('io.k8s.api.core.v1.PodCondition'), ['lastProbeTime', 'lastTransitionTime']],
  [definitionOf('io.k8s.api.core.v1.Event'), ['firstTimestamp', 'lastTimestamp', 'eventTime']],
  [definitionOf('io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus'), ['currentMetrics']],
  [definitionOf('io.k8s.api.storage.v1.CSINodeSpec'), ['drivers']],
  [definitionOf('io.k8s.api.storage.v1.CSINodeDriver'), ['topologyKeys']],
]);

/** Lists that differ from absent ones when they are empty: an absent one has a default. */
const KEPT_EMPTY: ReadonlyMap<Definition | undefined, readonly string[]> = new Map([
  [definitionOf('io.k8s.api.autoscaling.v2.HPAScalingRules'), ['policies']],
]);

/** Items of long lists: a normal one is returned itself, so that objects share them. */
const SHARED: ReadonlySet<Definition | undefined> = new Set([
  definitionOf('io.k8s.api.core.v1.EndpointAddress'),
  definitionOf('io.k8s.api.discovery.v1.Endpoint'),
]);

export function normalise<T>(schemaName: string, value: T): T {
  const definition = definitionOf(schemaName);
  return (definition ? walk(value, definition, 0) : jsonClone(value)) as T;
}

function walk(value: unknown, definition: Definition, depth: number): unknown {
  if (definition === quantity) return canonicalQuantity(value);
  if (typeof value === 'string') return isBytes(definition) ? withoutLineBreaks(value) : value;
  if (depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    const items = resolveDefinition(definition.items);
    return items ? value.map((item: unknown) => walk(item, items, depth + 1)) : jsonClone(value);
  }
  if (!isRecord(value)) return value;
  if (definition.properties) {
    if (!SHARED.has(definition)) return walkFields(value, definition, definition.properties, depth);
    if (isSettled(value)) return value;
    const normal = walkFields(value, definition, definition.properties, depth);
    return jsonEqual(normal, value) ? value : normal;
  }
  const values = resolveDefinition(definition.additionalProperties);
  if (!values) return jsonClone(value);
  return mapMembers(value, (member) => {
    // A `ResourceList` has no finer steps than thousandths.
    if (values === quantity) return milliQuantity(member);
    if (member === null) return values.type === 'string' ? '' : undefined;
    return walk(member, values, depth + 1);
  });
}

function walkFields(
  value: Readonly<Record<string, unknown>>,
  definition: Definition,
  properties: Readonly<Record<string, Definition>>,
  depth: number,
): unknown {
  const { required } = definition;
  const result: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = value[name];
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const child = own && resolveDefinition(own);
    let kept: unknown;
    if (!own) kept = jsonClone(member);
    else if (member === null) continue;
    else kept = child ? walk(member, child, depth + 1) : jsonClone(member);
    // Checked afterwards: a map may have become empty.
    const mayBeEmpty =
      required?.includes(name) === true || KEPT_EMPTY.get(definition)?.includes(name) === true;
    if (child && !mayBeEmpty && isEmpty(kept, child)) continue;
    if (kept !== undefined) setMember(result, name, kept);
  }
  for (const [name, own] of withDefault(properties)) {
    if (result[name] !== undefined) continue;
    const child = resolveDefinition(own);
    if (isRecord(own.default)) result[name] = child ? walk({}, child, depth + 1) : {};
    else if (required?.includes(name) === true || isMeaningful(own.default)) result[name] = own.default;
  }
  for (const name of NULLABLE.get(definition) ?? []) result[name] ??= null;
  return result;
}

type Properties = Readonly<Record<string, Definition>>;
const defaulted = new WeakMap<Properties, readonly (readonly [string, Definition])[]>();

/** The few properties that have a default: lists hold thousands of objects of one type. */
function withDefault(properties: Properties): readonly (readonly [string, Definition])[] {
  let found = defaulted.get(properties);
  if (!found) {
    found = Object.entries(properties).filter(([, own]) => own.default !== undefined);
    defaulted.set(properties, found);
  }
  return found;
}

/** Zero values are left out of what is stored unless the field must be there. */
const isMeaningful = (value: unknown): boolean => value !== '' && value !== 0 && value !== false;

function isEmpty(value: unknown, definition: Definition): boolean {
  if (Array.isArray(value)) return value.length === 0 && definition.type === 'array';
  return isRecord(value) && definition.additionalProperties !== undefined && Object.keys(value).length === 0;
}

/** A copy with mapped members; `undefined` omits one. A key `__proto__` is data like any other. */
function mapMembers(
  value: Readonly<Record<string, unknown>>,
  map: (member: unknown) => unknown,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = map(value[name]);
    if (member !== undefined) setMember(copy, name, member);
  }
  return copy;
}

/** Checks `x-kubernetes-list-type` and its like against the schema that they stand in. */
import { isRecord } from '../../base/json.ts';
import { asList, asRecord, asString, type Fields, isAbsent } from '../json-access.ts';
import {
  append,
  type FieldErrors,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../validation/report.ts';

type Node = Fields;

export function checkListType(schema: Node, type: string, path: string): FieldErrors {
  const listType = schema['x-kubernetes-list-type'];
  const keys = asList(schema['x-kubernetes-list-map-keys']).map(asString);
  const isMap = listType === 'map';
  const errors = [...checkMapType(schema, type, path), ...checkTypeFor('list', 'array', schema, type, path)];
  const at = `${path}.x-kubernetes-list-type`;
  if (listType === 'set' && type === 'array') append(errors, checkSetItems(schema['items'], `${path}.items`));
  if (listType !== undefined && !LIST_TYPES.includes(asString(listType)))
    errors.push(notSupported(at, listType, LIST_TYPES));
  if (keys.length > 0 && !isMap) {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType === undefined ? required(at, detail) : invalid(at, listType, detail));
  }
  if (isMap) append(errors, checkMapKeys(schema, keys, path));
  return isMap || listType === 'set'
    ? [...errors, ...checkNeverNull(asRecord(schema['items']), asString(listType), keys, `${path}.items`)]
    : errors;
}

const LIST_TYPES = ['atomic', 'set', 'map'];
const MAP_TYPES = ['atomic', 'granular'];

/** `x-kubernetes-map-type` is for objects, `x-kubernetes-list-type` for arrays. */
function checkTypeFor(what: string, wanted: string, schema: Node, type: string, path: string): FieldErrors {
  const name = `x-kubernetes-${what}-type`;
  if (schema[name] === undefined || type === wanted) return [];
  const detail = `must be ${wanted} if ${name} is specified`;
  return [type === '' ? required(`${path}.type`, detail) : invalid(`${path}.type`, type, detail)];
}

function checkMapType(schema: Node, type: string, path: string): FieldErrors {
  const mapType = schema['x-kubernetes-map-type'];
  const errors = checkTypeFor('map', 'object', schema, type, path);
  if (mapType === undefined || MAP_TYPES.includes(asString(mapType))) return errors;
  return [...errors, notSupported(`${path}.x-kubernetes-map-type`, mapType, MAP_TYPES)];
}

/** Items of a list that is a map are told apart by members with single values. */
function checkMapKeys(schema: Node, keys: readonly string[], path: string): FieldErrors {
  const at = `${path}.x-kubernetes-list-map-keys`;
  const errors: FieldErrors = [];
  if (keys.length === 0) errors.push(required(at, 'must not be empty if x-kubernetes-list-type is map'));
  const { items } = schema;
  if (items === undefined)
    errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'));
  if (!isRecord(items)) return errors;
  const mapped = "if parent array's x-kubernetes-list-type is map";
  const { type } = items;
  if (type !== 'object')
    return [...errors, invalid(`${path}.items.type`, asString(type), `must be object ${mapped}`)];
  const members = asRecord(items['properties']);
  const seen = new Set<string>();
  for (const key of keys) {
    if (!Object.hasOwn(members, key))
      errors.push(invalid(at, keys, 'entries must all be names of item properties'));
    else if (['array', 'object'].includes(asString(asRecord(members[key])['type'])))
      errors.push(invalid(`${path}.items.properties[${key}].type`, type, `must be a scalar type ${mapped}`));
    if (seen.has(key)) errors.push(invalid(at, keys, 'must not contain duplicate entries'));
    seen.add(key);
  }
  return errors;
}

/** Items of sets and maps are there, and so are the keys by which a map's items are told apart. */
function checkNeverNull(items: Node, listType: string, keys: readonly string[], path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (items['nullable'] === true)
    errors.push(
      forbidden(`${path}.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`),
    );
  if (listType !== 'map') return errors;
  const isKey = 'this property is in x-kubernetes-list-map-keys, so it';
  for (const key of keys) {
    const properties = asRecord(items['properties']);
    if (!Object.hasOwn(properties, key)) continue;
    const member = asRecord(properties[key]);
    const at = `${path}.properties[${key}]`;
    if (!asList(items['required']).includes(key) && isAbsent(member['default']))
      errors.push(required(`${at}.default`, `${isKey} must have a default or be a required property`));
    if (member['nullable'] === true) errors.push(forbidden(`${at}.nullable`, `${isKey} cannot be nullable`));
  }
  return errors;
}

/** Members of a set are compared whole. A list is atomic by default, an object is not. */
function checkSetItems(items: unknown, path: string): FieldErrors {
  const { type, ...schema } = asRecord(items);
  const name = type === 'array' ? 'x-kubernetes-list-type' : 'x-kubernetes-map-type';
  if (type !== 'array' && type !== 'object') return [];
  const kind = schema[name] ?? (type === 'array' ? 'atomic' : undefined);
  if (kind === 'atomic') return [];
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  return [invalid(`${path}.${name}`, schema['x-kubernetes-list-type'], detail)];
}

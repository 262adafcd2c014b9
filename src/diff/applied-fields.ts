/**
 * The fields that an apply has set, without their values: `{"spec":{"replicas":0,"template":{…}}}`.
 *
 * A three-way compare needs them: a field that Git set then and does not set now is removed,
 * a field that Git never set belongs to somebody else. Values are not kept, so no Secret leaks.
 */
import { isRecord, ownMember, setMember } from '../base/json.ts';
import { omit } from '../schemas/json-access.ts';
import { AUTHOR_ANNOTATION } from '../schemas/applications/application-author.ts';
import type { KubeObject } from '../schemas/object.ts';
import { itemsByKey } from './merge-keys.ts';
import { APPLIED_FIELDS_ANNOTATION, TRACKING_ANNOTATION } from './tracking.ts';

/** `0`: a whole value. Otherwise the members of an object, or of a list by their identity. */
export type FieldSet = 0 | { readonly [member: string]: FieldSet } | FieldLookup;

/** A set that can only be asked for a member: see {@link encodeFields}. */
type FieldLookup = (member: string) => FieldSet | undefined;

/** Members that say which object it is; they are never removed. */
const IDENTITY = new Set(['apiVersion', 'kind']);

export function fieldsOf(object: KubeObject): FieldSet {
  const fields: Record<string, FieldSet> = {};
  for (const key of Object.keys(object).sort()) {
    if (!IDENTITY.has(key) && object[key] !== undefined)
      setMember(fields, key, fieldsOfValue(object[key], key));
  }
  const { metadata } = fields;
  if (typeof metadata === 'object') {
    const rest = omit(metadata, 'name', 'namespace') as Record<string, FieldSet>;
    const annotations = rest['annotations'];
    if (typeof annotations === 'object') {
      const own = [TRACKING_ANNOTATION, APPLIED_FIELDS_ANNOTATION, AUTHOR_ANNOTATION];
      rest['annotations'] = Object.fromEntries(
        Object.entries(annotations).filter(([key]) => !own.includes(key)),
      );
    }
    fields['metadata'] = rest;
  }
  return fields;
}

function fieldsOfValue(value: unknown, field: string): FieldSet {
  if (Array.isArray(value)) {
    const items = value.length === 0 ? undefined : itemsByKey(field, value);
    if (!items) return 0;
    return Object.fromEntries([...items].map(([id, item]) => [id, fieldsOfValue(item, '')]));
  }
  if (!isRecord(value)) return 0;
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  if (keys.length === 0) return 0;
  return Object.fromEntries(keys.sort().map((key) => [key, fieldsOfValue(value[key], key)]));
}

/** Longer sets are kept as hashes. */
const MAX_PLAIN_CHARS = 64 * 1024;
/** Begins the text of hashes; JSON begins with neither. */
const HASHES = '#';
/** In JSON: a map that is Git's as a whole, with all members. */
const WHOLE = 1;
/** Larger maps, which only data has, are taken as a whole if there is no room for names. */
const FOLDED_SIZES = [1_000, 100];
/** Nothing is removed later. */
const NO_FIELDS = '{}';

/**
 * The text of the annotation, at most `roomBytes` long: JSON, or for a set that would be too long
 * (a ConfigMap of thousands of keys) a hash of each field's path, some five characters a field. A
 * hash may name a field that was not set once in 2^32. Where even these have no room, large maps
 * are Git's as a whole, or nothing is said.
 */
export function encodeFields(fields: FieldSet, roomBytes: number): string {
  const text = JSON.stringify(fields);
  const fits = (candidate: string): boolean => Buffer.byteLength(candidate) <= roomBytes;
  if (text.length <= MAX_PLAIN_CHARS && fits(text)) return text;
  const hashes = encodeHashes(fields);
  if (fits(hashes)) return hashes;
  const folded = FOLDED_SIZES.map((size) => JSON.stringify(folding(fields, size)));
  return folded.find(fits) ?? NO_FIELDS;
}

function folding(fields: FieldSet, size: number): unknown {
  if (typeof fields !== 'object') return fields;
  const members = Object.entries(fields);
  if (members.length > size) return WHOLE;
  return Object.fromEntries(members.map(([name, below]) => [name, folding(below, size)]));
}

function encodeHashes(fields: FieldSet): string {
  const hashes = new Set<number>();
  collectHashes(fields, hashOf(HASH_START, ''), hashes);
  const sorted = Uint32Array.from(hashes).sort();
  const bytes = Buffer.alloc(sorted.length * HASH_BYTES);
  sorted.forEach((hash, index) => bytes.writeUInt32BE(hash, index * HASH_BYTES));
  return HASHES + bytes.toString('base64');
}

const HASH_BYTES = 4;
/** FNV-1a, 32 bits: no secret depends on it. */
const HASH_START = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** The hash of a path from that of its parent: a step ends with a character that no member has. */
function hashOf(parent: number, member: string): number {
  let hash = parent;
  for (const byte of Buffer.from(`${member}\0`)) hash = Math.imul(hash ^ byte, HASH_PRIME);
  return hash >>> 0;
}

function collectHashes(fields: FieldSet, at: number, hashes: Set<number>): void {
  if (typeof fields !== 'object') return;
  for (const [member, below] of Object.entries(fields)) {
    const hash = hashOf(at, member);
    hashes.add(hash);
    collectHashes(below, hash, hashes);
  }
}

function lookup(hashes: ReadonlySet<number>, at: number): FieldLookup {
  return (member) => {
    const hash = hashOf(at, member);
    return hashes.has(hash) ? lookup(hashes, hash) : undefined;
  };
}

function decodeHashes(text: string): FieldSet {
  const bytes = Buffer.from(text, 'base64');
  const hashes = new Set<number>();
  for (let at = 0; at + HASH_BYTES <= bytes.length; at += HASH_BYTES) hashes.add(bytes.readUInt32BE(at));
  return lookup(hashes, hashOf(HASH_START, ''));
}

/** The fields that were applied, by the live object's annotation; none if it is damaged. */
export function appliedFields(live: KubeObject): FieldSet {
  const text = live.metadata.annotations?.[APPLIED_FIELDS_ANNOTATION];
  if (text === undefined) return 0;
  if (text.startsWith(HASHES)) return decodeHashes(text.slice(HASHES.length));
  try {
    return checkedFieldSet(JSON.parse(text));
  } catch {
    return 0;
  }
}

const whole: FieldLookup = () => 0;

function checkedFieldSet(value: unknown): FieldSet {
  if (value === WHOLE) return whole;
  if (!isRecord(value)) return 0;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, checkedFieldSet(member)]));
}

export function memberOf(fields: FieldSet | undefined, member: string): FieldSet | undefined {
  if (typeof fields === 'function') return fields(member);
  return typeof fields === 'object' ? ownMember(fields, member) : undefined;
}

/** The set without what lies at or below a path. */
export function withoutField(fields: FieldSet, [head = '', ...rest]: readonly string[]): FieldSet {
  const below = memberOf(fields, head);
  if (below === undefined || fields === 0) return fields;
  const inner = rest.length === 0 ? undefined : withoutField(below, rest);
  if (typeof fields === 'function') return (member) => (member === head ? inner : fields(member));
  const others = omit(fields, head) as Record<string, FieldSet>;
  return inner === undefined ? others : { ...others, [head]: inner };
}

/**
 * From js-yaml's events to plain JSON values, one document at a time, with budgets: depth, size of
 * scalars, and what aliases and merge keys add as if written out (an alias bomb costs nothing
 * before it is refused). Values behind aliases are shared, never copied: objects are treated as
 * immutable everywhere.
 */
import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE } from 'js-yaml';
import { isRecord, setMember } from '../../base/json.ts';
import { keyText, type Resolved, resolvePlainScalar } from './resolve-scalar.ts';
import type { ManifestLimits } from './types.ts';

/** Thrown inside this folder only; `readManifests` turns it into a ManifestError. */
export class ComposeError extends Error {
  override readonly name = 'ComposeError';
  readonly offset: number;
  readonly hint: string | undefined;
  /** The tag that is not YAML's own. */
  readonly tag: string | undefined;

  constructor(message: string, offset: number, hint?: string, tag?: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
    this.tag = tag;
  }
}

export interface ComposedDocument {
  readonly value: unknown;
  /** Offset of the first node; -1 for an empty document. */
  readonly offset: number;
  /** Index of the document's first content event. */
  readonly firstEvent: number;
}

interface Composed {
  readonly value: unknown;
  /** Nodes as if written out. */
  readonly weight: number;
}

type ScalarEvent = Extract<Event, { type: typeof EVENT_ID.SCALAR }>;
type CollectionEvent = Extract<Event, { type: typeof EVENT_ID.MAPPING | typeof EVENT_ID.SEQUENCE }>;

const MERGE_KEY = Symbol('<<');
const CORE_TAG = 'tag:yaml.org,2002:';

/** The state of one reading: its place in the events, and the anchors of the document. */
interface Composition {
  readonly events: readonly Event[];
  readonly text: string;
  readonly limits: ManifestLimits;
  readonly onRepeated: ((key: string, offset: number) => void) | undefined;
  readonly anchors: Map<string, Composed | 'open'>;
  cursor: number;
  aliasedNodes: number;
}

export function composeDocuments(
  events: readonly Event[],
  text: string,
  limits: ManifestLimits,
  /** Called with each duplicate key; the last one wins. Without it, a duplicate is an error. */
  onRepeated?: (key: string, offset: number) => void,
): ComposedDocument[] {
  const documents: ComposedDocument[] = [];
  const c: Composition = { events, text, limits, onRepeated, anchors: new Map(), cursor: 0, aliasedNodes: 0 };
  while (c.cursor < events.length) {
    const event = events[c.cursor];
    c.cursor++;
    if (event?.type !== EVENT_ID.DOCUMENT) continue;
    const first = events[c.cursor];
    if (documents.length >= limits.maxDocuments)
      fail(`the file has more than ${limits.maxDocuments} documents`, first ? startOf(first) : text.length);
    c.anchors.clear();
    const firstEvent = c.cursor;
    const isEmpty = !first || first.type === EVENT_ID.POP;
    documents.push({
      value: isEmpty ? null : composeNode(c).value,
      offset: isEmpty ? -1 : startOf(first),
      firstEvent,
    });
  }
  return documents;
}

function fail(message: string, offset: number, hint?: string): never {
  throw new ComposeError(message, offset, hint);
}

function charge(c: Composition, weight: number, offset: number): void {
  c.aliasedNodes += weight;
  if (c.aliasedNodes > c.limits.maxAliasedNodes)
    fail(`aliases add more than ${c.limits.maxAliasedNodes} values`, offset, 'write the values out');
}

function composeNode(c: Composition): Composed {
  const event = c.events[c.cursor];
  if (!event) return { value: null, weight: 1 };
  if (event.type === EVENT_ID.ALIAS) {
    c.cursor++;
    return composeAlias(c, c.text.slice(event.anchorStart, event.anchorEnd), event.anchorStart - 1);
  }
  if (event.type === EVENT_ID.SCALAR) {
    c.cursor++;
    const composed = { value: composeScalar(c, event), weight: 1 };
    if (event.anchorStart >= 0) c.anchors.set(c.text.slice(event.anchorStart, event.anchorEnd), composed);
    return composed;
  }
  if (event.type !== EVENT_ID.MAPPING && event.type !== EVENT_ID.SEQUENCE)
    return fail('unexpected end of a document', c.text.length);
  c.cursor++;
  const anchor = event.anchorStart >= 0 ? c.text.slice(event.anchorStart, event.anchorEnd) : undefined;
  if (anchor !== undefined) c.anchors.set(anchor, 'open');
  const composed = event.type === EVENT_ID.MAPPING ? composeMapping(c, event) : composeSequence(c, event);
  if (anchor !== undefined) c.anchors.set(anchor, composed);
  return composed;
}

function composeAlias(c: Composition, name: string, offset: number): Composed {
  const target = c.anchors.get(name);
  if (target === undefined) return fail(`alias *${name} has no anchor before it`, offset);
  if (target === 'open') return fail(`alias *${name} refers to a value that contains it`, offset);
  charge(c, target.weight, offset);
  return target;
}

function composeScalar(c: Composition, event: ScalarEvent): null | boolean | number | string {
  const offset = startOf(event);
  if (event.valueEnd - event.valueStart > c.limits.maxScalarCharacters)
    fail(`a value is longer than ${c.limits.maxScalarCharacters} characters`, offset);
  const source = getScalarValue(c.text, event);
  const resolved = resolveTagged(c, event, source, offset);
  return resolved.error === undefined ? resolved.value : fail(resolved.error, offset);
}

function resolveTagged(c: Composition, event: ScalarEvent, source: string, offset: number): Resolved {
  const tag = tagOf(event, c.text);
  if (tag === undefined)
    return event.style === SCALAR_STYLE.PLAIN ? resolvePlainScalar(source) : { value: source };
  const resolved = resolvePlainScalar(source);
  const value = resolved.error === undefined ? resolved.value : undefined;
  const mismatch = (): Resolved => ({ error: `"${clip(source)}" is not what its tag !!${tag} says` });
  switch (tag) {
    case 'str':
    case 'timestamp':
    case 'value':
    case 'merge':
      return { value: source };
    case 'null':
      return value === null ? { value } : mismatch();
    case 'bool':
      return typeof value === 'boolean' ? { value } : mismatch();
    case 'int':
      return typeof value === 'number' && Number.isInteger(value) ? { value } : mismatch();
    case 'float':
      return typeof value === 'number' ? { value } : mismatch();
    case 'binary':
      return decodeBinary(source) ?? mismatch();
    default:
      return refuseTag(c, event, offset);
  }
}

function refuseTag(c: Composition, event: ScalarEvent | CollectionEvent, offset: number): never {
  const name = clip(c.text.slice(event.tagStart, event.tagEnd));
  throw new ComposeError(`the tag ${name} is not supported`, offset, 'write the plain value', name);
}

function composeSequence(c: Composition, event: CollectionEvent): Composed {
  const tag = tagOf(event, c.text);
  if (tag !== undefined && !SEQUENCE_TAGS.has(tag)) refuseTag(c, event, startOf(event));
  const items: unknown[] = [];
  let weight = 1;
  while (c.events[c.cursor] && c.events[c.cursor]?.type !== EVENT_ID.POP) {
    const item = composeNode(c);
    items.push(item.value);
    weight += item.weight;
  }
  c.cursor++;
  return { value: items, weight };
}

function composeKey(c: Composition): string | typeof MERGE_KEY {
  const event = c.events[c.cursor];
  const offset = event ? startOf(event) : c.text.length;
  if (event?.type === EVENT_ID.SCALAR && isMergeKey(event, c.text)) {
    c.cursor++;
    return MERGE_KEY;
  }
  const key = keyText(composeNode(c).value);
  if (key === undefined) return fail('a key must be text, a number or a boolean', offset);
  return key;
}

function composeMapping(c: Composition, event: CollectionEvent): Composed {
  const tag = tagOf(event, c.text);
  if (tag !== undefined && !MAPPING_TAGS.has(tag)) refuseTag(c, event, startOf(event));
  const mapping: Record<string, unknown> = {};
  const merges: { readonly value: unknown; readonly offset: number }[] = [];
  let weight = 1;
  while (c.events[c.cursor] && c.events[c.cursor]?.type !== EVENT_ID.POP) {
    const keyEvent = c.events[c.cursor] as Event;
    const key = composeKey(c);
    const value = composeNode(c);
    weight += value.weight;
    if (key === MERGE_KEY) {
      merges.push({ value: value.value, offset: startOf(keyEvent) });
      continue;
    }
    if (Object.hasOwn(mapping, key)) {
      if (c.onRepeated) c.onRepeated(key, startOf(keyEvent));
      else fail(`duplicate key "${clip(key)}"`, startOf(keyEvent), 'keep one of the two');
    }
    setMember(mapping, key, value.value);
  }
  c.cursor++;
  return merges.length === 0 ? { value: mapping, weight } : { value: merge(c, mapping, merges), weight };
}

/** Keys written out win; of several merged mappings the first wins (the YAML merge key's rule). */
function merge(
  c: Composition,
  own: Record<string, unknown>,
  merges: readonly { readonly value: unknown; readonly offset: number }[],
): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const { value, offset } of merges) {
    for (const source of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (!isRecord(source)) fail('"<<" merges mappings only', offset);
      const keys = Object.keys(source);
      charge(c, keys.length, offset);
      for (const key of keys) if (!Object.hasOwn(merged, key)) setMember(merged, key, source[key]);
    }
  }
  return { ...merged, ...own };
}

/** The position of a node: its value, or the tag or anchor before it if it has no text. */
export function startOf(event: Event): number {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return event.valueStart >= 0 ? quoteStart(event) : Math.max(event.tagStart, event.anchorStart, 0);
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return Math.max(event.start, 0);
    case EVENT_ID.ALIAS:
      return Math.max(event.anchorStart - 1, 0);
    default:
      return 0;
  }
}

function quoteStart(event: ScalarEvent): number {
  const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
  return quoted ? Math.max(event.valueStart - 1, 0) : event.valueStart;
}

/** YAML 1.1 tags that Kubernetes' library accepts without a meaning: the plain value is read. */
const SEQUENCE_TAGS: ReadonlySet<string> = new Set(['seq', 'omap', 'pairs']);
const MAPPING_TAGS: ReadonlySet<string> = new Set(['map', 'set']);

/** A plain `<<`, or one that its tag calls a merge key. */
function isMergeKey(event: ScalarEvent, text: string): boolean {
  if (getScalarValue(text, event) !== '<<') return false;
  const tag = tagOf(event, text);
  return tag === 'merge' || (tag === undefined && event.style === SCALAR_STYLE.PLAIN);
}

/** `str` for `!!str` and the non-specific `!`; undefined without a tag; else the whole text. */
function tagOf(event: ScalarEvent | CollectionEvent, text: string): string | undefined {
  if (event.tagStart < 0) return undefined;
  const tag = text.slice(event.tagStart, event.tagEnd);
  if (tag === '!') return event.type === EVENT_ID.SCALAR ? 'str' : undefined;
  if (tag.startsWith('!!')) return tag.slice(2);
  if (tag.startsWith(`!<${CORE_TAG}`) && tag.endsWith('>')) return tag.slice(CORE_TAG.length + 2, -1);
  return tag;
}

function decodeBinary(source: string): Resolved | undefined {
  try {
    const bytes = Uint8Array.from(atob(source), (character) => character.charCodeAt(0));
    return { value: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return undefined;
  }
}

const clip = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

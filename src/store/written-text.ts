/**
 * The JSON of objects that this process writes. Objects of one template come one after the other
 * and share most of their parts: the text of a part is made once for all of them. What the process
 * serves of such an object is a slice of what it has stored. The metadata come first in the text,
 * kind and version last.
 */
import type { KubeObject } from '../schemas/object.ts';

/** The members of one place in an object, by name. */
type Places = Map<string, Place>;

/** One member, with its value of the object before. */
interface Place {
  readonly quoted: string;
  readonly members: Places;
  value: unknown;
  text: string;
}

/** Beyond it all places are forgotten: keys of data are names, too. */
const MAX_PLACES = 1_024;
/** Larger texts are made again, so that little is kept. */
const MAX_PART_CHARS = 16_384;
/** An object is split into the members of its own, and these into theirs. */
const SPLIT_DEPTH = 2;

const root: Places = new Map();
const inMetadata: Places = new Map();
let placesKnown = 0;

/** These have a place of their own in the text. */
const APART: ReadonlySet<string> = new Set(['metadata', 'kind', 'apiVersion']);
const VERSION: ReadonlySet<string> = new Set(['resourceVersion']);

/** The JSON of the object without its version. */
export function storedText(object: KubeObject): string {
  const others = membersText(object, root, 1, APART);
  const metadata = membersText(object.metadata, inMetadata, SPLIT_DEPTH, VERSION);
  return `{"metadata":{${metadata}}${others === '' ? '' : `,${others}`}${tailOf(object)}`;
}

const tailOf = ({ kind, apiVersion }: KubeObject): string =>
  `,"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)}}`;

function membersText(value: object, places: Places, depth: number, apart?: ReadonlySet<string>): string {
  let text = '';
  for (const name in value) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if (member === undefined || apart?.has(name) === true) continue;
    const place = places.get(name) ?? placeFor(name, places);
    text += text === '' ? place.quoted : `,${place.quoted}`;
    text += memberText(member, place, depth);
  }
  return text;
}

function placeFor(name: string, places: Places): Place {
  const quoted = `${JSON.stringify(name)}:`;
  const place: Place = { quoted, members: new Map(), value: undefined, text: '' };
  if (placesKnown >= MAX_PLACES) {
    root.clear();
    inMetadata.clear();
    placesKnown = 0;
  }
  placesKnown += 1;
  places.set(name, place);
  return place;
}

function memberText(value: unknown, place: Place, depth: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (value === place.value) return place.text;
  const isSplit = depth < SPLIT_DEPTH && !Array.isArray(value);
  const text = isSplit ? `{${membersText(value, place.members, depth + 1)}}` : JSON.stringify(value);
  if (text.length > MAX_PART_CHARS) return text;
  place.value = value;
  place.text = text;
  return text;
}

/** The stored texts of objects as they are handed out, with their versions. */
const texts = new WeakMap<KubeObject, string>();
const HEAD = '{"metadata":{';

export function rememberText(object: KubeObject, stored: string): void {
  if (stored.startsWith(HEAD)) texts.set(object, stored);
}

export const forgetText = (object: KubeObject): void => void texts.delete(object);

/** The members of the object but for kind and version; undefined where its text is not known. */
export function servedText(object: KubeObject): string | undefined {
  const stored = texts.get(object);
  if (stored === undefined) return undefined;
  const version = JSON.stringify(object.metadata.resourceVersion);
  return `${HEAD}"resourceVersion":${version},${stored.slice(HEAD.length, -tailOf(object).length)}}`;
}

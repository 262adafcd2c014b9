/**
 * From a field path to the place where it is written. Built from the parser's events when the first
 * error asks for it: a good file never pays for it. A field is found by its key, an item by its
 * start; what does not exist, by its nearest parent. Paths go through aliases to where the value is
 * written.
 */
import { append } from '../../base/append.ts';
import { EVENT_ID, type Event, getScalarValue } from 'js-yaml';
import { startOf } from './compose.ts';
import { keyText, resolvePlainScalar } from './resolve-scalar.ts';

interface PlaceBase {
  readonly offset: number;
}
interface MappingPlace extends PlaceBase {
  readonly members: Map<string, { readonly keyOffset: number; readonly value: Place }>;
}
interface SequencePlace extends PlaceBase {
  readonly items: Place[];
}
type Place = MappingPlace | SequencePlace | PlaceBase;

/** `firstEvent` is where the document's content starts in `events`. */
export function createLocator(
  events: readonly Event[],
  text: string,
  firstEvent: number,
): (path: string) => number {
  let root: Place | undefined;
  return (path) => {
    root ??= buildPlaces(events, text, firstEvent);
    return find(root, path);
  };
}

function buildPlaces(events: readonly Event[], text: string, firstEvent: number): Place {
  const anchors = new Map<string, Place>();
  let cursor = firstEvent;

  function build(): Place {
    const event = events[cursor++];
    if (!event) return { offset: text.length };
    const offset = startOf(event);
    if (event.type === EVENT_ID.ALIAS)
      return anchors.get(text.slice(event.anchorStart, event.anchorEnd)) ?? { offset };
    let place: Place = { offset };
    if (event.type === EVENT_ID.SEQUENCE) {
      const items: Place[] = [];
      while (events[cursor] && events[cursor]?.type !== EVENT_ID.POP) items.push(build());
      cursor++;
      place = { offset, items };
    } else if (event.type === EVENT_ID.MAPPING) {
      place = { offset, members: buildMembers() };
      cursor++;
    }
    if ('anchorStart' in event && event.anchorStart >= 0)
      anchors.set(text.slice(event.anchorStart, event.anchorEnd), place);
    return place;
  }

  function buildMembers(): MappingPlace['members'] {
    const members: MappingPlace['members'] = new Map();
    const merged: Place[] = [];
    while (events[cursor] && events[cursor]?.type !== EVENT_ID.POP) {
      const keyEvent = events[cursor] as Event;
      const key = nameOf(keyEvent, text);
      const keyOffset = build().offset;
      const value = build();
      if (key === '<<') append(merged, 'items' in value ? value.items : [value]);
      else members.set(key, { keyOffset, value });
    }
    for (const source of merged) {
      if (!('members' in source)) continue;
      for (const [key, member] of source.members) if (!members.has(key)) members.set(key, member);
    }
    return members;
  }

  return build();
}

function nameOf(event: Event, text: string): string {
  if (event.type !== EVENT_ID.SCALAR) return '';
  const source = getScalarValue(text, event);
  if (event.style !== 1 || event.tagStart >= 0 || source === '<<') return source;
  const resolved = resolvePlainScalar(source);
  return resolved.error === undefined ? (keyText(resolved.value) ?? source) : source;
}

/** Offset of the deepest part of `path` that exists below `root`. */
function find(root: Place, path: string): number {
  let place = root;
  let offset = root.offset;
  let rest = path;
  while (rest !== '') {
    if ('items' in place) {
      const match = /^\[(\d{1,9})\]/.exec(rest);
      const item = match ? place.items[Number(match[1])] : undefined;
      if (!match || !item) return offset;
      place = item;
      offset = item.offset;
      rest = rest.slice(match[0].length);
    } else if ('members' in place) {
      const step = matchMember(place, rest);
      if (!step) return offset;
      offset = step.member.keyOffset;
      place = step.member.value;
      rest = step.rest;
    } else {
      return offset;
    }
  }
  return offset;
}

type Member = MappingPlace['members'] extends Map<string, infer Value> ? Value : never;

/** The longest key that `rest` starts with: keys may contain dots and brackets. */
function matchMember(
  place: MappingPlace,
  rest: string,
): { readonly member: Member; readonly rest: string } | undefined {
  const bracketed = rest.startsWith('[');
  const start = bracketed || rest.startsWith('.') ? 1 : 0;
  let best: { readonly key: string; readonly member: Member; readonly end: number } | undefined;
  for (const [key, member] of place.members) {
    if (best && best.key.length >= key.length) continue;
    if (!rest.startsWith(key, start)) continue;
    const end = start + key.length;
    const next = rest[end];
    if (bracketed ? next === ']' : next === undefined || next === '.' || next === '[')
      best = { key, member, end: bracketed ? end + 1 : end };
  }
  return best && { member: best.member, rest: rest.slice(best.end) };
}

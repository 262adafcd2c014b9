/** Walks a schema of a definition: the schemas below it with their paths, members in order. */
import { isRecord } from '../../base/json.ts';
import { asList, type Fields } from '../json-access.ts';

export type Node = Fields;

export const JUNCTORS = ['allOf', 'anyOf', 'oneOf'] as const;
/** Every schema directly below, with its path. */
export function below(schema: Node, path: string): readonly (readonly [Node, string])[] {
  const found: (readonly [Node, string])[] = [];
  const add = (value: unknown, at: string): void => {
    if (isRecord(value)) found.push([value, at]);
  };
  add(schema['items'], `${path}.items`);
  for (const [name, member] of sorted(schema['properties'])) add(member, `${path}.properties[${name}]`);
  add(schema['additionalProperties'], `${path}.additionalProperties`);
  for (const name of JUNCTORS)
    asList(schema[name]).forEach((member, index) => add(member, `${path}.${name}[${index}]`));
  add(schema['not'], `${path}.not`);
  return found;
}

/** Each check of one schema walks the same members. */
let sortedMembers = new WeakMap<object, readonly (readonly [string, unknown])[]>();

export function sorted(members: unknown): readonly (readonly [string, unknown])[] {
  if (!isRecord(members)) return [];
  const known = sortedMembers.get(members);
  if (known) return known;
  const entries = Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1));
  sortedMembers.set(members, entries);
  return entries;
}

/** Called before the checks of another schema: the last one's members are kept until then. */
export function forgetMembers(): void {
  sortedMembers = new WeakMap();
}

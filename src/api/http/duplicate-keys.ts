/**
 * What JSON.parse does not tell: members that a text names twice in one object, and in which order members stand. The text is
 * valid JSON already; this only follows its structure.
 */
import { MAX_STRICT_FINDINGS } from '../core/body-limits.ts';

type Visit = (key: string, isRepeated: boolean, pathOf: (key: string) => string) => void;

/** Paths of repeated members, such as `spec.replicas`, each once, in the order of their repetition. */
export function duplicateKeys(text: string): readonly string[] {
  const found = new Set<string>();
  eachMember(text, (key, isRepeated, pathOf) => {
    if (isRepeated && found.size < MAX_STRICT_FINDINGS) found.add(pathOf(key));
  });
  return [...found];
}

/**
 * Complaints of strict reading in the order of the document, each once. A member that is not known is only said to be that,
 * and what lies in it is not looked at.
 */
export function strictFindings(text: string, unknown: readonly string[]): readonly string[] {
  const strange = new Set(unknown);
  const last = new Set(unknown.map((path) => path.slice(path.lastIndexOf('.') + 1)));
  const found = new Set<string>();
  const isWithin = (path: string): boolean => {
    for (let at = path.search(/[.[]/); at >= 0; ) {
      if (strange.has(path.slice(0, at))) return true;
      const next = path.slice(at + 1).search(/[.[]/);
      at = next < 0 ? -1 : at + 1 + next;
    }
    return false;
  };
  eachMember(text, (key, isRepeated, pathOf) => {
    if (found.size >= MAX_STRICT_FINDINGS) return;
    if (!isRepeated && !last.has(key.slice(key.lastIndexOf('.') + 1))) return;
    const path = pathOf(key);
    if (strange.has(path)) found.add(unknownField(path));
    else if (isRepeated && !isWithin(path)) found.add(duplicateField(path));
  });
  return [...found];
}

export const unknownField = (path: string): string => `unknown field ${JSON.stringify(path)}`;
export const duplicateField = (path: string): string => `duplicate field ${JSON.stringify(path)}`;

function eachMember(text: string, visit: Visit): void {
  const frames: { readonly keys: Set<string> | undefined; index: number; key: string }[] = [];
  let expectKey = false;
  const pathOf = (key: string): string => {
    let path = '';
    for (const frame of frames.slice(0, -1))
      path += frame.keys ? (path === '' ? frame.key : `.${frame.key}`) : `[${frame.index}]`;
    return path === '' ? key : `${path}.${key}`;
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    const top = frames.at(-1);
    if (char === '"') {
      const end = stringEnd(text, at);
      if (expectKey && top?.keys) {
        const key = JSON.parse(text.slice(at, end + 1)) as string;
        visit(key, top.keys.has(key), pathOf);
        top.keys.add(key);
        top.key = key;
        expectKey = false;
      }
      at = end;
    } else if (char === '{' || char === '[') {
      frames.push({ keys: char === '{' ? new Set() : undefined, index: 0, key: '' });
      expectKey = char === '{';
    } else if (char === '}' || char === ']') {
      frames.pop();
      expectKey = false;
    } else if (char === ',' && top) {
      if (top.keys) expectKey = true;
      else top.index += 1;
    }
  }
}

function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charAt(before) === '\\') before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

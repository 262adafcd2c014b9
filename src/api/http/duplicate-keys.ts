/** Repeated members of valid JSON, and their order: JSON.parse reports neither. */
import { MAX_STRICT_FINDINGS } from '../../resources/decoding/body-limits.ts';

/** An object or a list that is open. Its parent does not change meanwhile. */
interface Frame {
  readonly parent: Frame | undefined;
  /** Where it is: its name in the parent, or its index. */
  readonly step: string | number;
  /** The members of an object so far; true for those that were repeated. */
  readonly keys: Map<string, boolean> | undefined;
  index: number;
  key: string;
  /** Made when it is first asked for. */
  path?: string;
}

/** Called for each member, for a repeated one only once. False ends the walk. */
type Visit = (key: string, isRepeated: boolean, frame: Frame) => boolean;

/** Characters of all paths of one text: deep members have long paths. */
const MAX_PATH_CHARS = 4_000_000;

/** Paths of repeated members (`spec.replicas`), each once, in the order of their repetition. */
export function duplicateKeys(text: string): readonly string[] {
  const found = new Set<string>();
  let chars = 0;
  eachMember(text, (key, isRepeated, frame) => {
    if (!isRepeated) return true;
    const path = joined(pathOf(frame), key);
    chars += path.length;
    found.add(path);
    return found.size < MAX_STRICT_FINDINGS && chars < MAX_PATH_CHARS;
  });
  return [...found];
}

/**
 * Findings of strict reading in the order of the document, each once. An unknown member is only
 * reported; its content is not examined.
 */
export function strictFindings(text: string, unknown: readonly string[]): readonly string[] {
  const strange = new Set(unknown);
  const last = new Set(unknown.map((path) => path.slice(path.lastIndexOf('.') + 1)));
  const found = new Set<string>();
  const within = new Map<Frame, boolean>();
  const isWithin = (frame: Frame): boolean => {
    let is = within.get(frame);
    if (is === undefined) {
      is = strange.has(pathOf(frame)) || (frame.parent !== undefined && isWithin(frame.parent));
      within.set(frame, is);
    }
    return is;
  };
  let chars = 0;
  eachMember(text, (key, isRepeated, frame) => {
    if (!isRepeated && !last.has(key.slice(key.lastIndexOf('.') + 1))) return true;
    const path = joined(pathOf(frame), key);
    chars += path.length;
    if (strange.has(path)) found.add(unknownField(path));
    else if (isRepeated && !isWithin(frame)) found.add(duplicateField(path));
    return found.size < MAX_STRICT_FINDINGS && chars < MAX_PATH_CHARS;
  });
  // Every unknown field is reported, however deep the text is.
  for (const path of unknown) if (found.size < MAX_STRICT_FINDINGS) found.add(unknownField(path));
  return [...found];
}

export const unknownField = (path: string): string => `unknown field ${JSON.stringify(path)}`;
export const duplicateField = (path: string): string => `duplicate field ${JSON.stringify(path)}`;

const joined = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

function pathOf(frame: Frame): string {
  const { parent, step } = frame;
  if (!parent) return '';
  frame.path ??= typeof step === 'number' ? `${pathOf(parent)}[${step}]` : joined(pathOf(parent), step);
  return frame.path;
}

function eachMember(text: string, visit: Visit): void {
  let top: Frame | undefined;
  let expectKey = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') {
      const end = stringEnd(text, at);
      if (expectKey && top?.keys) {
        const key = JSON.parse(text.slice(at, end + 1)) as string;
        const known = top.keys.get(key);
        if (known !== true && !visit(key, known === false, top)) return;
        top.keys.set(key, known !== undefined);
        top.key = key;
        expectKey = false;
      }
      at = end;
    } else if (char === '{' || char === '[') {
      const step = top?.keys ? top.key : (top?.index ?? 0);
      top = { parent: top, step, keys: char === '{' ? new Map() : undefined, index: 0, key: '' };
      expectKey = char === '{';
    } else if (char === '}' || char === ']') {
      top = top?.parent;
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

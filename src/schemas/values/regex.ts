/**
 * Regular expressions of users, as Go's `regexp` reads them (RE2): matched in time linear in the
 * text, so that neither a pattern nor a text can hold the process, and without look-around or back
 * references, as upstream has none.
 */
import { RE2JS } from 're2js';

export interface Regex {
  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean;
  /** The matches from left to right, at most `limit`. */
  findAll(text: string, limit: number): readonly string[];
}

/** A compiled pattern takes some hundred bytes for each character of its text. */
const MAX_PATTERN_LENGTH = 10_000;
/** Characters of the compiled patterns. A process that sees more forgets them all. */
const MAX_KEPT_CHARS = 200_000;
const known = new Map<string, Regex | string>();
let keptChars = 0;

/** The pattern ready to use, or a text that says what is wrong with it. */
export function compileRegex(pattern: string): Regex | string {
  let compiled = known.get(pattern);
  if (compiled === undefined) {
    if (keptChars > MAX_KEPT_CHARS) {
      known.clear();
      keptChars = 0;
    }
    keptChars += Math.min(pattern.length, MAX_PATTERN_LENGTH) + 1;
    compiled = compile(pattern);
    known.set(pattern, compiled);
  }
  return compiled;
}

function compile(pattern: string): Regex | string {
  if (pattern.length > MAX_PATTERN_LENGTH) return 'error parsing regexp: expression too large';
  let program: RE2JS;
  try {
    program = RE2JS.compile(pattern);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return {
    test: (text) => program.test(text),
    findAll(text, limit) {
      const found: string[] = [];
      const matcher = program.matcher(text);
      while (found.length < limit && matcher.find()) found.push(matcher.group() ?? '');
      return found;
    },
  };
}

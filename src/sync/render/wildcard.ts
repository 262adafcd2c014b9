/**
 * Argo CD's include and exclude patterns: `*` and `?` (which also match `/`), and `{a,b}`. The time
 * is linear in text times pattern; a pattern could drive a regular expression into exponential
 * time.
 */
import { UserError } from '../../base/errors.ts';

const MAX_PATTERN_LENGTH = 500;
const MAX_ALTERNATIVES = 100;

export function compileWildcard(pattern: string): (path: string) => boolean {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new UserError(
      `Cannot use a pattern of ${pattern.length} characters: the limit is ${MAX_PATTERN_LENGTH}`,
    );
  const alternatives = expandBraces(pattern);
  return (path) => alternatives.some((alternative) => matches(alternative, path));
}

/** `{a,b/*}.yaml` → `a.yaml`, `b/*.yaml`. Braces do not nest. */
function expandBraces(pattern: string): readonly string[] {
  let expanded = [''];
  for (const part of pattern.split(/(\{[^{}]*\})/)) {
    const choices = part.startsWith('{') && part.endsWith('}') ? part.slice(1, -1).split(',') : [part];
    if (expanded.length * choices.length > MAX_ALTERNATIVES) {
      throw new UserError(
        `Cannot use pattern ${JSON.stringify(pattern)}: it has more than ${MAX_ALTERNATIVES} alternatives`,
      );
    }
    expanded = expanded.flatMap((head) => choices.map((choice) => head + choice));
  }
  return expanded;
}

function matches(pattern: string, text: string): boolean {
  let [at, position, star, resume] = [0, 0, -1, 0];
  while (position < text.length) {
    // Past its end, the pattern has no character, and the text has one.
    if (pattern[at] === '?' || (pattern[at] === text[position] && pattern[at] !== '*')) {
      at += 1;
      position += 1;
    } else if (pattern[at] === '*') {
      star = at;
      resume = position;
      at += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      position = resume;
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

/** Work on long texts of users in linear time, where regular expressions take quadratic time. */

/** Orders texts by their code units, as keys and names are ordered everywhere. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** `a///` without `/`: `a`. */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}

const MARK = ' … ';

/**
 * At most `limit` code points (half of one would show as rubbish). The end stays, as it says why,
 * and the beginning, as it names the object: up to the first colon while the end has a third.
 */
export function cutMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // Twice as many code units hold at least as many code points; a long text is not taken apart as a
  // whole.
  const window = 2 * limit;
  const points =
    text.length <= 2 * window
      ? Array.from(text)
      : [...Array.from(text.slice(0, window)), ...Array.from(text.slice(-window))];
  if (points.length <= limit) return text;
  const room = limit - MARK.length;
  if (room <= 0) return points.slice(0, limit).join('');
  const subject = text.indexOf(': ') + 2;
  const head = Math.min(Math.max(subject, Math.ceil(room / 2)), Math.floor((room * 2) / 3));
  return `${points.slice(0, head).join('')}${MARK}${points.slice(points.length - (room - head)).join('')}`;
}

/** At most `limit` bytes of UTF-8. A character that does not fit whole is left out. */
export const firstBytes = (text: string, limit: number): string =>
  new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, limit), { stream: true });

export interface ListBounds {
  readonly texts: number;
  /** Code units of all of them. */
  readonly length: number;
  /** How many there are, where the list has only the first ones. */
  readonly total?: number;
}

/** The length of one text of a list, so that it leaves room for the others. */
const MAX_LISTED_TEXT = 1_000;

/** The first texts within the bounds, and a last one that counts those left out. */
export function listTexts(texts: readonly string[], bounds: ListBounds): readonly string[] {
  const listed: string[] = [];
  let length = 0;
  for (const text of texts) {
    const cut = cutMiddle(text, MAX_LISTED_TEXT);
    length += cut.length + 1;
    if (listed.length === bounds.texts || (length > bounds.length && listed.length > 0)) break;
    listed.push(cut);
  }
  const more = (bounds.total ?? texts.length) - listed.length;
  return more <= 0 ? listed : [...listed, `and ${more} more`];
}

/** `a, b and 7 more`: names at most `limit` of them. */
export function listNames(names: readonly string[], limit: number): string {
  const rest = names.length - limit;
  return `${names.slice(0, limit).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** `1 pod`, `2 pods`, `2 IngressClasses`, `2 NetworkPolicies`. */
export function counted(count: number, noun: string): string {
  if (count === 1) return `1 ${noun}`;
  if (/[^aeiou]y$/.test(noun)) return `${count} ${noun.slice(0, -1)}ies`;
  return `${count} ${noun}${/(?:s|x|ch|sh)$/.test(noun) ? 'es' : 's'}`;
}

/** Last lines that say nothing: frames of a stack, and what Node, Go and Rust print below it. */
const AFTERWORD =
  /^\s+at |^\s+\S+:\d+ \+0x|^\s*\.\.\. \d+ |^goroutine \d+ |^created by |^[^\s:()]+\(.*\)$|^exit status \d+$|^Node\.js v\d|^note: run with /;

/** The last line of output that tells something. Errors stand there, or above their stack. */
export function lastTellingLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const last = lines.at(-1) ?? '';
  if (!AFTERWORD.test(last)) return last;
  const above = lines.filter((line) => /^[^\s{}\][]/.test(line) && !AFTERWORD.test(line)).at(-1);
  return above ?? last;
}

/**
 * What regular expressions do in quadratic time, in linear time: these see texts that users write, as long as they like.
 */

/** `a///` without `/`: `a`. */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}

/** At most `limit` characters and a mark; the beginning and the end stay, what matters stands there. */
export function cutMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const half = Math.floor(limit / 2);
  // Half of a character that takes two units is none.
  const start = text.slice(0, half).replace(/[\ud800-\udbff]$/, '');
  const end = text.slice(text.length - half).replace(/^[\udc00-\udfff]/, '');
  return `${start} … ${end}`;
}

/**
 * Makes text from outside safe for a terminal and a log: control characters, ANSI sequences and
 * direction overrides become escapes. It is applied where such text enters conditions, events,
 * commit statuses and logs. Doing it twice changes nothing.
 */
export function printable(text: string, options: { readonly newlines?: boolean } = {}): string {
  return text.replaceAll(UNSAFE, (character) => {
    if (character === '\t') return '  ';
    if (character === '\n' && options.newlines) return '\n';
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

// Control, format (bidirectional overrides, zero width), line and paragraph separators, lone
// surrogates.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The same for a line of JSON, which stays the same JSON. */
export function printableJson(line: string): string {
  return line.replaceAll(BEYOND_ASCII_UNSAFE, (character) =>
    Array.from(
      { length: character.length },
      (_unit, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

// As above, but for the line break that ends a line of a log.
const BEYOND_ASCII_UNSAFE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

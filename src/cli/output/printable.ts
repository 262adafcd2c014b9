/**
 * Text from outside (names, messages, file names) made safe for a terminal and a log line: control characters, ANSI
 * sequences and direction overrides appear as escapes, so that nothing can repaint or forge a line.
 */
export function printable(text: string, options: { readonly newlines?: boolean } = {}): string {
  return text.replaceAll(UNSAFE, (character) => {
    if (character === '\t') return '  ';
    if (character === '\n' && options.newlines) return '\n';
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

// Control, format (bidirectional overrides, zero width), line and paragraph separators, lone surrogates.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Decodes bytes to text. Only plain UTF-8 is accepted; an error names the first bad byte. */
import { hiddenContents } from './foreign-files.ts';
import type { ManifestError, ManifestFile, ManifestLimits, Position } from './types.ts';

export type DecodedText = { readonly text: string } | { readonly error: ManifestError };

export function decodeText(file: ManifestFile, limits: ManifestLimits): DecodedText {
  const { path, bytes } = file;
  const refuse = (message: string, hint: string, at?: Position): DecodedText => ({
    error: { file: path, ...(at ?? {}), message, hint },
  });
  if (bytes.length > limits.maxFileBytes)
    return refuse(
      `the file has more than the limit of ${limits.maxFileBytes} bytes`,
      'split it into several files, or keep it out of the folder (spec.source.directory.exclude)',
    );
  const hidden = hiddenContents(bytes);
  if (hidden) return refuse(hidden.message, hidden.hint);
  if (startsWith(bytes, 0xff, 0xfe) || startsWith(bytes, 0xfe, 0xff))
    return refuse('the file is UTF-16', 'save it as UTF-8', { line: 1, column: 1 });
  const bad = findInvalidUtf8(bytes);
  if (bad >= 0) return refuse('the file is not valid UTF-8', 'save it as UTF-8', positionOfByte(bytes, bad));
  const nul = bytes.indexOf(0);
  if (nul >= 0)
    return refuse(
      'the file contains a NUL byte',
      'is it a binary or UTF-16 file?',
      positionOfByte(bytes, nul),
    );
  // TextDecoder drops one leading byte order mark.
  const text = new TextDecoder('utf-8').decode(bytes);
  const conflict = findConflict(text);
  if (conflict)
    return refuse(
      'unresolved merge conflict',
      'resolve it and remove the lines with <<<<<<<, ======= and >>>>>>>',
      { line: conflict, column: 1 },
    );
  if (countTokens(text) > limits.maxTokens)
    return refuse(`the file has more than ${limits.maxTokens} values`, 'split it into several files');
  return { text };
}

function startsWith(bytes: Uint8Array, first: number, second: number): boolean {
  return bytes[0] === first && bytes[1] === second;
}

/** The line of an opening conflict marker with a closing one after it; 0 if there is none. */
function findConflict(text: string): number {
  const open = /^<{7}(?: |\r?$)/m.exec(text);
  if (!open || !/^>{7}(?: |\r?$)/m.test(text.slice(open.index))) return 0;
  return text.slice(0, open.index).split('\n').length;
}

/** Lines, commas and brackets: an upper estimate of a text's values. */
export function countTokens(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    // line feed , [ {
    if (code === 10 || code === 44 || code === 91 || code === 123) count++;
    // A carriage return alone ends a line, too.
    else if (code === 13 && text.charCodeAt(index + 1) !== 10) count++;
  }
  return count;
}

/** The first byte that is not UTF-8 (RFC 3629: no overlong forms, no surrogates), or -1. */
function findInvalidUtf8(bytes: Uint8Array): number {
  let index = 0;
  while (index < bytes.length) {
    const lead = bytes[index] ?? 0;
    if (lead < 0x80) {
      index++;
      continue;
    }
    const length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead <= 0xf4 ? 4 : 0;
    if (length === 0 || lead < 0xc2) return index;
    const second = bytes[index + 1] ?? 0;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return index;
    for (let next = index + 2; next < index + length; next++) {
      if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return index;
    }
    index += length;
  }
  return -1;
}

function positionOfByte(bytes: Uint8Array, offset: number): Position {
  let line = 1;
  let lineStart = 0;
  for (let index = 0; index < offset; index++) {
    if (bytes[index] === 10) {
      line++;
      lineStart = index + 1;
    }
  }
  return { line, column: new TextDecoder('utf-8').decode(bytes.subarray(lineStart, offset)).length + 1 };
}

/** Turns offsets into positions. */
export function createLineIndex(text: string): (offset: number) => Position {
  let starts: number[] | undefined;
  return (offset) => {
    if (!starts) {
      starts = [0];
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    }
    const target = Math.min(Math.max(offset, 0), text.length);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= target) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: target - (starts[low] ?? 0) + 1 };
  };
}

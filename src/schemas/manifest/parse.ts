/**
 * js-yaml's parser, with one leniency that Kubernetes' has: inside `[…]`, `{…}` and quoted text the
 * indentation of a continued line does not matter (people close a list at the column of its key).
 * YAML 1.2 asks for more, so such a line is indented here before it is parsed again; blanks there
 * have no meaning. Positions are those of the original text.
 */
import { type Event, parseEvents, YAMLException } from 'js-yaml';
import { createLineIndex } from './text.ts';
import type { Position } from './types.ts';

export interface ParsedText {
  readonly events: Event[];
  /** The text that the offsets of the events refer to. */
  readonly text: string;
  positionOf(offset: number): Position;
}

/** Thrown inside this folder only; `readManifests` turns it into a ManifestError. */
export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem';
  readonly position: Position;

  constructor(reason: string, position: Position) {
    super(reason);
    this.position = position;
  }
}

/** The most text that is parsed again, so that a hostile file does not cost a parse per line. */
const MAX_REPARSED_CHARACTERS = 16 * 1024 * 1024;
/** Deeper than any block is indented within the depth that is accepted. */
const ADDED_INDENT = 256;

export function parseLeniently(original: string, maxDepth: number): ParsedText {
  const indentedLines = new Set<number>();
  let text = original;
  let spent = 0;
  for (;;) {
    try {
      const events = parseEvents(text, { maxDepth });
      return { events, text, positionOf: originalPositions(text, indentedLines) };
    } catch (error) {
      const start = indentableLineStart(text, error);
      const line = start === undefined ? -1 : createLineIndex(text)(start).line;
      spent += text.length;
      if (start === undefined || indentedLines.has(line) || spent > MAX_REPARSED_CHARACTERS) {
        if (!(error instanceof YAMLException)) throw error;
        const position = originalPositions(text, indentedLines)(error.mark?.position ?? 0);
        throw new SyntaxProblem(error.reason, position);
      }
      indentedLines.add(line);
      text = text.slice(0, start) + ' '.repeat(ADDED_INDENT) + text.slice(start);
    }
  }
}

/** The line of the parser's error about indentation inside a flow collection or quoted scalar. */
function indentableLineStart(text: string, error: unknown): number | undefined {
  if (!(error instanceof YAMLException) || error.reason !== 'deficient indentation') return undefined;
  const position = error.mark?.position ?? 0;
  return position === 0 ? 0 : text.lastIndexOf('\n', position - 1) + 1;
}

function originalPositions(text: string, indentedLines: ReadonlySet<number>): (offset: number) => Position {
  const positionOf = createLineIndex(text);
  if (indentedLines.size === 0) return positionOf;
  return (offset) => {
    const position = positionOf(offset);
    if (!indentedLines.has(position.line)) return position;
    return { line: position.line, column: Math.max(1, position.column - ADDED_INDENT) };
  };
}

/** Messages of engines, registries, kernels and programs as one line of bounded length. */
import { cutMiddle, lastTellingLine } from '../base/text.ts';

/** Enough for a whole message of kubelet's; a display may cut it once more. */
const MAX_LINE = 500;

/** Colours of a terminal, with the words between them left alone. */
const COLOURS = /\u001b\[[0-9;:?]*[ -/]*[@-~]/g;

export function messageLine(text: string): string {
  return cutMiddle(
    text
      .replace(COLOURS, '')
      .replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ')
      .trim(),
    MAX_LINE,
  );
}

/** Picks the line of a program's output that names the failure. */
export const lastLine = (text: string): string => messageLine(lastTellingLine(text));

/** Messages of engines, registries, kernels and programs as one line of bounded length. */
import { cutMiddle } from '../base/text.ts';

/** Enough for a whole message of kubelet's; what shows it may cut it once more. */
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

/** Where programs do not end with what went wrong: frames of a stack, and what Node, Go and Rust print below it. */
const AFTERWORD =
  /^\s*at |^\s+\S+:\d+ \+0x|^\s*\.\.\. \d+ |^goroutine \d+ |^created by |^[^\s:()]+\(.*\)$|^exit status \d+$|^Node\.js v\d|^note: run with /;

/** The last line of what a program printed: errors stand there, or above the stack that they come with. */
export function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const last = lines.at(-1) ?? '';
  if (!AFTERWORD.test(last)) return messageLine(last);
  const above = lines.filter((line) => /^[^\s{}\][]/.test(line) && !AFTERWORD.test(line)).at(-1);
  return messageLine(above ?? last);
}

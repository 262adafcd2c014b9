/** Messages of engines, registries, kernels and programs as one line of bounded length. */
import { cutMiddle } from '../base/text.ts';

/** Enough for a whole message of kubelet's; what shows it may cut it once more. */
const MAX_LINE = 500;

export function messageLine(text: string): string {
  return cutMiddle(text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').trim(), MAX_LINE);
}

/** The last line of what a program printed: errors stand there. */
export const lastLine = (text: string): string => messageLine(text.trim().split('\n').at(-1) ?? '');

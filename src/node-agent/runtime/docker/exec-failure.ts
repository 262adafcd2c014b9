/**
 * A command that cannot start: the Engine writes the reason as the command's output. `kubectl cp`
 * would take it for an archive. So output that begins like a reason is held back until its origin
 * is known.
 */
import { PassThrough, type Readable } from 'node:stream';
import { cutMiddle } from '../../../base/text.ts';
import { onOver } from './frames.ts';

const PREFIX = 'OCI runtime exec failed: ';
/** The reason repeats the command, which may be long. A longer output is the command's own. */
const MAX_HELD_BYTES = 64 * 1024;
const MAX_MESSAGE = 4_096;

export const isExecFailure = (text: string): boolean => text.startsWith(PREFIX);

/** The runtime's text without its wrapping, as in `exec failed: … not found in $PATH`. */
export function execFailure(text: string): string {
  const said = text
    .slice(PREFIX.length)
    .trim()
    .replace(/: unknown$/, '');
  return cutMiddle(said, MAX_MESSAGE);
}

export interface HeldOutput {
  readonly output: Readable;
  /** The whole output, while it can still be such a reason. */
  readonly said: Promise<string | undefined>;
}

/** `isOutput`: the command ran, and wrote the text itself. */
export function holdBackExecFailure(source: Readable, isOutput: () => Promise<boolean>): HeldOutput {
  const output = new PassThrough();
  let held: Buffer | undefined = Buffer.alloc(0);
  let tell: (said: string | undefined) => void = () => undefined;
  const said = new Promise<string | undefined>((resolve) => {
    tell = resolve;
  });

  function release(): void {
    if (held === undefined) return;
    tell(undefined);
    if (held.length > 0) output.write(held);
    held = undefined;
  }

  async function finish(): Promise<void> {
    const rest = held;
    const text = rest?.toString('utf8') ?? '';
    if (!isExecFailure(text)) release();
    else {
      tell(text);
      held = undefined;
      if (await isOutput()) output.write(rest);
    }
    output.end();
  }

  source.on('data', (chunk: Buffer) => {
    if (held === undefined) {
      if (!output.write(chunk)) {
        source.pause();
        output.once('drain', () => source.resume());
      }
      return;
    }
    held = Buffer.concat([held, chunk]);
    if (held.length > MAX_HELD_BYTES || !mayBecomeFailure(held)) release();
  });
  onOver(source, () => void finish());
  output.once('close', () => source.destroy());
  return { output, said };
}

/** Also while only a part of the prefix has come. */
const mayBecomeFailure = (bytes: Buffer): boolean =>
  PREFIX.startsWith(bytes.subarray(0, PREFIX.length).toString('utf8'));

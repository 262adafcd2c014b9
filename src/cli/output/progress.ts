/** A line that shows how far a transfer is, on terminals only. */
import type { CliIo } from '../run/command.ts';
import { sizeText } from '../cluster/volume-archive.ts';

export interface Progress {
  readonly show: (bytes: number) => void;
  readonly end: () => void;
}

/** A step of the count that is worth a new line. */
const STEP_BYTES = 1_000_000;

export function progressOn(output: CliIo['stderr']): Progress {
  if (output.isTTY !== true) return { show: () => undefined, end: () => undefined };
  let shown = 0;
  return {
    show(bytes) {
      if (bytes - shown < STEP_BYTES) return;
      shown = bytes;
      output.write(`\r${sizeText(bytes)}   `);
    },
    end() {
      if (shown > 0) output.write('\r');
    },
  };
}

/** The program `nft`, which reads one transaction from its standard input (nft(8)). */
import { readChild, runChild } from '../../base/child-processes/child-process.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Nft } from './table-writer.ts';

/** A table with 10,000 Services is written in two seconds. */
const TIMEOUT_MS = 60_000;
/** Debian keeps it in sbin, which is not on everybody's PATH. */
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

export const nftProgram: Nft = {
  apply: (commands) =>
    runChild('network', 'nft', ['-f', '-'], { input: commands, timeoutMs: TIMEOUT_MS, env }),

  async list(family, table) {
    const args = ['--terse', 'list', 'table', family, table];
    try {
      return await readChild('network', 'nft', args, { timeoutMs: TIMEOUT_MS, env });
    } catch (error) {
      if (errorMessage(error).includes('No such file or directory')) return undefined;
      throw error;
    }
  },
};

/** The program `nft`, which reads one transaction from its standard input (nft(8)). */
import { errorMessage } from '../../base/errors.ts';
import type { RunProgram } from '../run-program.ts';
import type { Nft } from './table-writer.ts';

export function createNft(run: RunProgram): Nft {
  return {
    async apply(commands) {
      await run('nft', ['-f', '-'], commands);
    },
    async list(family, table, set) {
      try {
        if (set !== undefined) return await run('nft', ['list', 'set', family, table, set]);
        return await run('nft', ['--terse', 'list', 'table', family, table]);
      } catch (error) {
        if (errorMessage(error).includes('No such file or directory')) return undefined;
        throw error;
      }
    },
  };
}

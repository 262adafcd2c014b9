/** The nftables of a place. */
import type { Nft } from '../../../src/network/nft/table-writer.ts';
import { runProgram } from '../kubectl.ts';
import type { Place } from './place.ts';

export function nftOf(place: Place): Nft {
  const [enter, ...words] = place.within;
  const run = (args: readonly string[], input = '') =>
    runProgram(enter ?? '', [...words, 'nft', ...args], { input });
  return {
    async apply(commands) {
      const { code, stderr } = await run(['-f', '-'], commands);
      if (code !== 0) throw new Error(stderr);
    },
    async list(family, table) {
      const { code, stdout } = await run(['--terse', 'list', 'table', family, table]);
      return code === 0 ? stdout : undefined;
    },
  };
}

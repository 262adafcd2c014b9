import { expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createTableState } from '../../../src/network/nft/table-state.ts';
import { createTableWriter } from '../../../src/network/nft/table-writer.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

it('writes a table again that somebody changed before the first comparison', async () => {
  const clock = createFakeClock();
  let table = '';
  let written = 0;
  const writer = createTableWriter({
    nft: {
      apply: async () => {
        written += 1;
        table = 'ours';
      },
      list: async () => table,
    },
    state: createTableState({ family: 'ip', name: 't', sets: {}, chains: {} }),
    clock,
    logger: silentLogger,
  });
  writer.start();
  await writer.settled();
  table = 'theirs';
  await clock.advance(20_000);
  expect({ written, table }).toEqual({ written: 2, table: 'ours' });
  await writer[Symbol.asyncDispose]();
});
